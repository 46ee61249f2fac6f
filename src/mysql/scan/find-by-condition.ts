/**
 * Finds one row by an operator's own condition. The server may use any index or none, on a table of any size. So it
 * ends the statement in time where it can, and dynaferry does not try a slow one again.
 */
import { FerryError } from '../../core/errors.js';
import type { Row } from '../../core/model.js';
import { mysqlCode, sourceError } from '../errors/source-errors.js';
import { type ShardDeps, withSession } from '../with-session.js';
import type { Select } from '../connection/sql.js';

/** Limit in seconds: an operator waits for the answer, and the source serves others. */
const LIMIT_SECONDS = 30;

const TOO_SLOW: readonly (string | null)[] = ['ER_QUERY_TIMEOUT', 'ER_STATEMENT_TIMEOUT', 'FERRY_DEADLINE'];
const NOT_UNDERSTOOD: readonly (string | null)[] = ['ER_PARSE_ERROR', 'ER_BAD_FIELD_ERROR'];

/**
 * Finds one row. @throws FerryError E_SOURCE_QUERY where the condition is too slow, or the server does not understand
 * it
 */
export async function findByCondition(
  deps: Omit<ShardDeps, 'throttle'>,
  table: string,
  select: Select,
  signal: AbortSignal,
  limitSeconds = LIMIT_SECONDS,
): Promise<Row | null> {
  const doing = `looking up a row of ${table} by a condition`;
  return await withSession(deps, doing, signal, async (session) => {
    try {
      const [row] = await session.rows(select, signal, limitSeconds);
      return row ?? null;
    } catch (error) {
      const code = mysqlCode(error);
      const slow = TOO_SLOW.includes(code);
      if (!slow && !NOT_UNDERSTOOD.includes(code)) throw error;
      const { message } = sourceError(deps.shard, doing, error);
      const hint = slow
        ? 'use columns that an index begins with, or name the row by its key'
        : 'correct the condition: it is SQL over the columns of the table';
      throw new FerryError('E_SOURCE_QUERY', message, hint, { cause: error });
    }
  });
}
