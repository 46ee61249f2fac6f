/**
 * What a `verify` does not read again. It is one piece of work, whatever the number of its shards and tables: where an
 * earlier one was interrupted, this one goes on with it. Interrupted means that some table of the selection has no
 * finished verification of its backfill as it is now. Then finished ones of the others are taken over, differences
 * included, as far back as comparisons followed each other without a break longer than `verify.maxAge`, counted from
 * now: as within a table, where a resume vouches for the chunks before it. Where nothing is left open, all is verified
 * again.
 *
 * Not taken over, since they could not pass: verifications beside open suspects, or that late writes may have landed
 * after.
 */
import type { Config } from '../../config/model.js';
import { readShardStatus, type ShardStatus, type TableStatus } from '../../state/status/read-status.js';

/** By table: the pass of the verification that is taken over. */
export type TakenOver = Readonly<Record<string, number>>;

/** Reads the states beside whoever works on them. @returns by shard */
export function takenOver(config: Config, shards: readonly string[]): ReadonlyMap<string, TakenOver> {
  const named = config.source.tables.map(({ name }) => name);
  const found = shards.map((shard) => readShardStatus({ folder: config.state, shard }, named));
  return takenOverOf(
    found.filter((status) => status !== null),
    found.includes(null),
    config.verify.maxAgeSeconds * 1_000,
  );
}

/** @param missing nothing is recorded of some shard of the selection */
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
  // How long ago what is known to belong together began.
  let reach = 0;
  for (const { shard, table, from, to } of [...tables].sort((a, b) => a.to - b.to)) {
    if (to - reach >= maxAgeMs) break;
    reach = Math.max(reach, from);
    if (!isVerified(table) || !couldPass(shard, table)) continue;
    taken.set(shard.shard, { ...taken.get(shard.shard), [table.table]: table.verify?.pass.id ?? 0 });
  }
  return taken;
}

/** From when to when the table was compared, in ms ago; Infinity where nobody can tell, or it does not count. */
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
