/**
 * Turns an error of the server, the driver or a socket into a FerryError. That has a code, says whether another try may
 * help, and names the next step (error-table.ts). It never passes on the server's own text, which may quote row values.
 */
import { FerryError } from '../../core/errors.js';
import type { Meaning } from './error-meaning.js';
import { BROKE, SAID } from './error-table-connecting.js';
import { meaningOf, nameOf, UNKNOWN } from './error-table.js';

/** Returns a property of an error that mysql2 made from a server's answer. */
function of(thrown: Error, property: 'errno' | 'code' | 'sqlState'): unknown {
  return (thrown as Error & Readonly<Record<string, unknown>>)[property];
}

/** Returns the code of an error of mysql2, Node or MySQL; null: it is not one of these. */
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

/** Returns what happened, in words. */
export function factOf(thrown: unknown): string {
  return ruleOf(thrown).fact;
}

/** Returns whether the same statement may succeed on a new connection, after a pause. */
export function isRetryable(thrown: unknown): boolean {
  return !(thrown instanceof FerryError) && ruleOf(thrown).remedy === 'again';
}

/**
 * Codes of statements that asked for too much at once: a smaller statement may succeed. A kill is one of them, since
 * some servers report a timeout as a kill.
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

/** Returns whether the connection broke, on either side. */
export function isLost(thrown: unknown): boolean {
  return !(thrown instanceof FerryError) && ruleOf(thrown).code === 'E_SOURCE_LOST';
}

/** Turns an error of the driver into a FerryError. @param doing what failed: `reading messages` */
export function sourceError(shard: string, doing: string, thrown: unknown): FerryError {
  if (thrown instanceof FerryError) return thrown;
  const rule = ruleOf(thrown);
  const named = mysqlCode(thrown);
  const suffix = named === null ? '' : ` (${named})`;
  return new FerryError(rule.code, `shard ${shard}: ${doing}: ${rule.fact}${suffix}`, rule.hint, { cause: thrown });
}

/** Returns the error of a statement whose deadline passed without a byte from the server. */
export function deadlinePassed(): Error {
  return Object.assign(new Error('statement deadline passed'), { code: 'FERRY_DEADLINE', fatal: true });
}
