/**
 * Where the binary log stands: what a later change stream starts from.
 */
import type { BinlogPosition } from '../core/model.js';
import { mysqlCode } from './errors.js';
import type { Session } from './session.js';
import { textLiteral } from './sql.js';

/** Codes for "you may not ask". */
const REFUSED: ReadonlySet<string> = new Set(['ER_SPECIFIC_ACCESS_DENIED_ERROR', 'ER_ACCESS_DENIED_ERROR']);

/** null where the server writes no binary log, or the user lacks REPLICATION CLIENT. @throws the driver's own error */
export async function binlogPosition(session: Session, signal: AbortSignal): Promise<BinlogPosition | null> {
  const { binlogStatement, gtidExpression } = session.family;
  try {
    // A SHOW has no marker: a pooler that moves on between these would show before or behind it.
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

/** GTIDs tell it, where the position has them: they name the server that each transaction came from. null: nothing tells it. */
export async function hasReached(
  session: Session,
  { gtid }: BinlogPosition,
  signal: AbortSignal,
): Promise<boolean | null> {
  const { hasExecuted } = session.family;
  if (gtid === null || hasExecuted === null) return null;
  const [row] = await session.rows(`SELECT ${hasExecuted(textLiteral(gtid))}`, signal);
  return row?.[0] === '1';
}

/** MySQL breaks a long set over lines; empty where GTIDs are off. */
async function executedGtids(session: Session, expression: string | null, signal: AbortSignal): Promise<string | null> {
  if (expression === null) return null;
  const [row] = await session.rows(`SELECT ${expression}`, signal);
  const gtids = row?.[0]?.toString().replace(/\s+/g, '') ?? '';
  return gtids === '' ? null : gtids;
}
