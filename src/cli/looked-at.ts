/** Sorts the answers of shards for `plan` and `diff`: what they found on some, and the faults of the others. */
import type { ExitCode, FerryError, Fault } from '../core/errors.js';
import type { Looked } from '../wiring/look/side-by-side.js';
import type { Io } from './io.js';
import { printFault } from './print-error.js';

export interface FailedShard {
  readonly shard: string;
  readonly fault: Fault;
}

export interface LookedAt<T> {
  readonly found: readonly T[];
  readonly failed: readonly FailedShard[];
  /** The exit code of the first fault; null: no shard failed. */
  readonly exitCode: ExitCode | null;
}

/** @throws FerryError if no shard could be looked at, all for the same reason */
export function lookedAt<T>(looked: readonly Looked<T>[]): LookedAt<T> {
  const errors = looked.flatMap(({ shard, error }) => (error === null ? [] : [{ shard, error }]));
  const [first] = errors;
  const same = new Set(errors.map(({ error: { code, message, faults } }) => JSON.stringify([code, message, faults])));
  if (first !== undefined && errors.length === looked.length && same.size === 1) throw first.error;
  return {
    found: looked.flatMap(({ found }) => (found === null ? [] : [found])),
    failed: errors.flatMap(({ shard, error }) => faultsOf(error).map((fault) => ({ shard, fault }))),
    exitCode: first?.error.exitCode ?? null,
  };
}

export function printFailed(io: Io, failed: readonly FailedShard[]): void {
  for (const { shard, fault } of failed) printFault(io.stderr, `error ${shard}`, fault);
}

function faultsOf(error: FerryError): readonly Fault[] {
  return error.faults.length > 0 ? error.faults : [error.toFault()];
}
