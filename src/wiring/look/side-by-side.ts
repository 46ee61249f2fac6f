/**
 * Looks at many shards side by side. Most of a look is network time, and a slow or dead server delays no other. At most
 * `scansPerServer` looks at once go to one MySQL server, however many shards it has. Answers come in the order of the
 * request. The fault of a shard is its answer.
 */
import pLimit from 'p-limit';
import type { Config } from '../../config/model.js';
import { interrupted, type FerryError } from '../../core/errors.js';
import { asFerryError } from '../../core/thrown.js';
import { ServerTurns } from '../server-turns.js';

/** Shards at a time, on all servers together. */
const AT_ONCE = 32;

export type Looked<T> =
  | { readonly shard: string; readonly found: T; readonly error: null }
  | { readonly shard: string; readonly found: null; readonly error: FerryError };

/** Returns a function that lets `run` work on a shard beside the others, in its turn. */
export function besides(config: Pick<Config, 'source'>): <T>(shard: string, run: () => Promise<T>) => Promise<T> {
  const limit = pLimit(AT_ONCE);
  const turns = new ServerTurns(config);
  // A look that waits for its server takes no place from the others.
  return async (shard, run) => await turns.on(shard, () => limit(run));
}

/** @throws FerryError only E_INTERRUPTED, after all looks have ended */
export async function sideBySide<T>(
  config: Pick<Config, 'source'>,
  shards: readonly string[],
  signal: AbortSignal,
  look: (shard: string) => Promise<T>,
): Promise<readonly Looked<T>[]> {
  const beside = besides(config);
  const one = async (shard: string): Promise<Looked<T>> => {
    if (signal.aborted) throw interrupted();
    try {
      return { shard, found: await look(shard), error: null };
    } catch (thrown) {
      return { shard, found: null, error: asFerryError(thrown, `shard ${shard}`) };
    }
  };
  const settled = await Promise.allSettled(shards.map((shard) => beside(shard, () => one(shard))));
  if (signal.aborted) throw interrupted();
  return settled.flatMap((each) => (each.status === 'fulfilled' ? [each.value] : []));
}
