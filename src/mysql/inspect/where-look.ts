/**
 * Whether an operator's `where` ends SELECTs with warnings, which would stop a run (warnings.ts), found before one. A
 * condition is not run by EXPLAIN, so it is tried on some rows: the first ones, and some at places spread over the
 * table, each time as a scan tries it and without reading a column. It proves nothing of the others: a value that
 * cannot be converted may be anywhere.
 *
 * Looked through for siblings: a table that is read whole has its condition run on all its rows by the count of them; a
 * column that is calculated as it is read (VIRTUAL) may warn as well, but `drop` may leave it out, which a look at the
 * table does not know.
 */
import { FerryError } from '../../core/errors.js';
import { askedTooMuch } from '../errors/source-errors.js';
import { sampleCursors } from '../scan/ranges.js';
import type { RowSelect } from '../keyset/row-select.js';
import type { Session } from '../connection/session.js';

const PLACES = 4;
const ROWS_AT_EACH = 200;
/**
 * Of one statement. A subquery may take longer for each row: then nothing is known, and a run has a patience of its
 * own.
 */
const LIMIT_SECONDS = 5;

/** @throws FerryError E_SOURCE_WARNING; what `Session.rows` throws */
export async function lookAtWhere(
  session: Session,
  table: string,
  select: RowSelect,
  signal: AbortSignal,
): Promise<void> {
  if (select.where === null) return;
  try {
    for (const after of [null, ...(await sampleCursors(session, select, PLACES, signal))]) {
      const [last] = await session.rows(select.keyAt({ after, upTo: null }, ROWS_AT_EACH - 1), signal);
      const upTo = last === undefined ? null : select.cursorOfKey(last);
      await session.any(select.rows({ after, upTo }, null), signal, LIMIT_SECONDS);
    }
  } catch (thrown) {
    if (askedTooMuch(thrown) && session.alive) return;
    throw thrown instanceof FerryError && thrown.code === 'E_SOURCE_WARNING' ? ofWhere(table, thrown) : thrown;
  }
}

function ofWhere(table: string, { code, message, hint }: FerryError): FerryError {
  return new FerryError(code, `${message}; it tried the \`where\` of table ${table} on some rows`, hint);
}
