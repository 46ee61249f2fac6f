/**
 * An error of the server, the driver or a socket as ours: which code, whether another try may help, what to do
 * (error-table.ts). The server's own text is never passed on: it may quote row values.
 */
import { FerryError } from '../../core/errors.js';
import type { Meaning } from './error-meaning.js';
import { BROKE, SAID } from './error-table-connecting.js';
import { meaningOf, nameOf, UNKNOWN } from './error-table.js';

/** A property of an error that mysql2 made of a server's answer. */
function of(thrown: Error, property: 'errno' | 'code' | 'sqlState'): unknown {
  return (thrown as Error & Readonly<Record<string, unknown>>)[property];
}

/** The code under which mysql2, Node or MySQL reported something; null where it is no such error. */
export function mysqlCode(thrown: unknown): string | null {
  if (!(thrown instanceof Error) || thrown instanceof FerryError) return null;
  const [errno, code] = [of(thrown, 'errno'), of(thrown, 'code')];
  // Node numbers its own errors below zero.
  return nameOf(typeof errno === 'number' && errno > 0 ? errno : null, typeof code === 'string' ? code : null);
}

function ruleOf(thrown: unknown): Meaning {
  const name = mysqlCode(thrown);
  if (!(thrown instanceof Error) || name === null) return isFatal(thrown) ? BROKE : UNKNOWN;
  const said = SAID.find(([code, says]) => code === name && says.test(thrown.message));
  const sqlState = of(thrown, 'sqlState');
  const meaning = said?.[2] ?? meaningOf(name, typeof sqlState === 'string' ? sqlState : null);
  return meaning === UNKNOWN && isFatal(thrown) ? BROKE : meaning;
}

function isFatal(thrown: unknown): boolean {
  return thrown instanceof Error && 'fatal' in thrown && thrown.fatal === true;
}

/** What happened, in words. */
export function factOf(thrown: unknown): string {
  return ruleOf(thrown).fact;
}

/** Whether the same statement on a new connection, after a pause, may succeed. */
export function isRetryable(thrown: unknown): boolean {
  return !(thrown instanceof FerryError) && ruleOf(thrown).remedy === 'again';
}

/**
 * Ends of a statement that asked for too much at once: a smaller one may pass. A kill is one: some servers report a
 * timeout so.
 */
const TOO_MUCH: ReadonlySet<string | null> = new Set([
  'ER_QUERY_TIMEOUT',
  'ER_STATEMENT_TIMEOUT',
  'ER_QUERY_INTERRUPTED',
  'FERRY_DEADLINE',
  'ER_NET_PACKET_TOO_LARGE',
  'ER_OUTOFMEMORY',
  'ER_OUT_OF_RESOURCES',
  'ER_OUT_OF_SORTMEMORY',
]);

export function askedTooMuch(thrown: unknown): boolean {
  return TOO_MUCH.has(mysqlCode(thrown));
}

/** The connection broke, by whichever end. */
export function isLost(thrown: unknown): boolean {
  return !(thrown instanceof FerryError) && ruleOf(thrown).code === 'E_SOURCE_LOST';
}

/** An error of the driver as ours. @param doing what failed: `reading messages` */
export function sourceError(shard: string, doing: string, thrown: unknown): FerryError {
  if (thrown instanceof FerryError) return thrown;
  const rule = ruleOf(thrown);
  const named = mysqlCode(thrown);
  const suffix = named === null ? '' : ` (${named})`;
  return new FerryError(rule.code, `shard ${shard}: ${doing}: ${rule.fact}${suffix}`, rule.hint, { cause: thrown });
}

/** The deadline of a statement passed without a byte from the server. */
export function deadlinePassed(): Error {
  return Object.assign(new Error('statement deadline passed'), { code: 'FERRY_DEADLINE', fatal: true });
}
