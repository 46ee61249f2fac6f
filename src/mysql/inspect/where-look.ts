/**
 * Tests before a run whether an operator's `where` ends SELECTs with warnings, which would stop the run (warnings.ts).
 * EXPLAIN does not evaluate a condition, so this tries it on some rows: the first ones, and some spread over the table.
 * It uses the condition as a scan does, but reads no column. It proves nothing about the other rows.
 *
 * Two related cases: for a table that is read whole, the count of its rows evaluates the condition on all of them. A
 * generated column (VIRTUAL) can cause warnings too, but `drop` may exclude it, which is not known here.
 */
import { FerryError } from '../../core/errors.js';
import { askedTooMuch } from '../errors/source-errors.js';
import { sampleCursors } from '../scan/ranges.js';
import type { RowSelect } from '../keyset/row-select.js';
import type { Session } from '../connection/session.js';

/** Places in the table, besides its start, at which this tries the condition. */
const PLACES = 4;
/** Rows at each place. */
const ROWS_AT_EACH = 200;
/**
 * The limit of one statement. A subquery may need longer for each row: then the result is unknown, and a run has its
 * own timeout.
 */
const LIMIT_SECONDS = 5;

/** Tests the condition of a table. @throws FerryError E_SOURCE_WARNING; what `Session.rows` throws */
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
  return new FerryError(code, `${message}; this was a test of the \`where\` of table ${table} on some rows`, hint);
}
