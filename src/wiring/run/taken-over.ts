/**
 * Chooses which tables a `verify` does not read again. A verification is one piece of work, whatever the number of its
 * shards and tables. If an earlier one was interrupted, this one continues it. Interrupted means that some selected
 * table has no finished verification of its present backfill. Then this one takes over the finished verifications of
 * the other tables, with their differences.
 *
 * It takes them over as far back as comparisons follow each other, counted from now, without a break longer than
 * `verify.maxAge`. The same holds within a table, where a resume vouches for the chunks before it. If no table is left
 * open, the verification starts from the beginning.
 *
 * Two kinds are not taken over, since they could not pass: verifications with open suspects, and those after which late
 * writes may have landed.
 */
import type { Config } from '../../config/model.js';
import { readShardStatus, type ShardStatus, type TableStatus } from '../../state/status/read-status.js';

/** By table: the pass of the verification that is taken over. */
export type TakenOver = Readonly<Record<string, number>>;

/** Reads the states, which other processes may hold at the same time. @returns by shard */
export function takenOver(config: Config, shards: readonly string[]): ReadonlyMap<string, TakenOver> {
  const named = config.source.tables.map(({ name }) => name);
  const found = shards.map((shard) => readShardStatus({ folder: config.state, shard }, named));
  return takenOverOf(
    found.filter((status) => status !== null),
    found.includes(null),
    config.verify.maxAgeSeconds * 1_000,
  );
}

/** @param missing some shard of the selection has no state */
export function takenOverOf(
  statuses: readonly ShardStatus[],
  missing: boolean,
  maxAgeMs: number,
): ReadonlyMap<string, TakenOver> {
  const tables = statuses.flatMap((shard) =>
    shard.tables.filter((table) => table.inConfig).map((table) => ({ shard, table, ...spanOf(table) })),
  );
  const open =
    missing || statuses.some(({ fault }) => fault !== null) || tables.some(({ table }) => !isVerified(table));
  if (!open) return new Map();
  const taken = new Map<string, Record<string, number>>();
  // How long ago the chain of comparisons started, in ms.
  let reach = 0;
  for (const { shard, table, from, to } of [...tables].sort((a, b) => a.to - b.to)) {
    if (to - reach >= maxAgeMs) break;
    reach = Math.max(reach, from);
    if (!isVerified(table) || !couldPass(shard, table)) continue;
    taken.set(shard.shard, { ...taken.get(shard.shard), [table.table]: table.verify?.pass.id ?? 0 });
  }
  return taken;
}

/**
 * Returns when the comparison of the table started and ended, in ms ago. Infinity: unknown, or the comparison does not
 * count.
 */
function spanOf({ standing, lastCompared, firstCompared }: TableStatus): {
  readonly from: number;
  readonly to: number;
} {
  const to = standing === 'stands' ? (lastCompared?.ms ?? Infinity) : Infinity;
  return { from: firstCompared?.ms ?? to, to };
}

function isVerified({ standing, verify }: TableStatus): boolean {
  return standing === 'stands' && verify !== null && verify.pass.finishedAt !== null;
}

function couldPass({ suspects, lateWritesUntil }: ShardStatus, { verify }: TableStatus): boolean {
  return suspects === 0 && (verify?.pass.startedAt ?? 0) >= (lateWritesUntil ?? 0);
}
