/**
 * Reads the binary log's position, from which a later change stream starts.
 */
import type { BinlogPosition } from '../../core/model.js';
import { mysqlCode } from '../errors/source-errors.js';
import type { Session } from '../connection/session.js';
import { textLiteral } from '../connection/sql.js';

/** Codes by which a server refuses to answer. */
const REFUSED: ReadonlySet<string> = new Set(['ER_SPECIFIC_ACCESS_DENIED_ERROR', 'ER_ACCESS_DENIED_ERROR']);

/**
 * Returns the position; null where the server writes no binary log, or the user lacks REPLICATION CLIENT. @throws the
 * driver's own error
 */
export async function binlogPosition(session: Session, signal: AbortSignal): Promise<BinlogPosition | null> {
  const { binlogStatement, gtidExpression } = session.family;
  try {
    // A SHOW has no marker. So dynaferry checks the session before and after it: a pooler that changed the session in
    // between would show.
    await session.confirm(signal);
    const [status] = await session.records(binlogStatement, signal);
    await session.confirm(signal);
    const file = status?.get('File') ?? null;
    const offset = status?.get('Position') ?? null;
    if (file === null || offset === null) return null;
    return { file, offset: Number(offset), gtid: await executedGtids(session, gtidExpression, signal) };
  } catch (error) {
    if (REFUSED.has(mysqlCode(error) ?? '')) return null;
    throw error;
  }
}

/**
 * Returns whether the server has executed all transactions up to a position. It compares GTIDs where the position has
 * them: MySQL's GTIDs name the server that each transaction came from. Null: nothing proves either.
 */
export async function hasReached(
  session: Session,
  { gtid }: BinlogPosition,
  signal: AbortSignal,
): Promise<boolean | null> {
  const { hasExecuted, newestGtids } = session.family;
  if (gtid === null) return null;
  if (hasExecuted === null)
    return newestGtids === null ? null : await mayHaveReached(session, gtid, newestGtids, signal);
  const [row] = await session.rows(`SELECT ${hasExecuted(textLiteral(gtid))}`, signal);
  return row?.[0] === '1';
}

/**
 * Returns false where the server lacks transactions: the numbers of a domain only grow, and its number is lower.
 * Otherwise it may have other transactions with the same numbers.
 */
async function mayHaveReached(
  session: Session,
  gtid: string,
  expression: string,
  signal: AbortSignal,
): Promise<false | null> {
  // MySQL's GTIDs name each server by its UUID, so MariaDB's cannot be compared with them.
  if (!/^\d+-\d+-\d+(,\d+-\d+-\d+)*$/.test(gtid)) return null;
  const [row] = await session.rows(`SELECT ${expression}`, signal);
  const newest = numbersByDomain(row?.[0]?.toString() ?? '');
  const lacks = [...numbersByDomain(gtid)].some(([domain, number]) => (newest.get(domain) ?? 0n) < number);
  return lacks ? false : null;
}

/** Returns the highest number of each domain from MariaDB's GTIDs, `0-1-500,1-2-30`: domain, server, number. */
function numbersByDomain(gtids: string): ReadonlyMap<string, bigint> {
  const numbers = new Map<string, bigint>();
  for (const [, domain = '', number = '0'] of gtids.matchAll(/(\d+)-\d+-(\d+)/g)) {
    const known = numbers.get(domain) ?? 0n;
    numbers.set(domain, BigInt(number) > known ? BigInt(number) : known);
  }
  return numbers;
}

/** Returns the executed GTIDs. MySQL breaks a long set over lines. The set is empty where GTIDs are off. */
async function executedGtids(session: Session, expression: string | null, signal: AbortSignal): Promise<string | null> {
  if (expression === null) return null;
  const [row] = await session.rows(`SELECT ${expression}`, signal);
  const gtids = row?.[0]?.toString().replace(/\s+/g, '') ?? '';
  return gtids === '' ? null : gtids;
}
