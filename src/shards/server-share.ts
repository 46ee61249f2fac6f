/**
 * Divides `scansPerServer` among the shards on one MySQL server. Each running shard has an equal, fixed part. If there
 * are more shards than allowed scans, the rest wait for their turn. A part does not grow when another shard ends, so
 * there are never more scans than allowed. An operator may lower the limit below the number of running shards. Then
 * each keeps one scan, and no other shard starts until enough of them have ended.
 */
import type { Config } from '../config/model.js';
import { serverOf } from '../config/server-of.js';

export interface ServerShare {
  /** Such as `db7:3306`. */
  readonly server: string;
  /** Shards that may run on it at once. */
  readonly atOnce: number;
  /** SELECTs at once for each of them. */
  readonly scans: number;
}

/**
 * @param shards that are to run, in order
 * @param jobs processes at once
 * @param allowed SELECTs at once on a server; default: the config's
 * @returns by shard id
 */
export function serverShares(
  { source }: Pick<Config, 'source'>,
  shards: readonly string[],
  jobs: number,
  allowed = source.limits.scansPerServer,
): ReadonlyMap<string, ServerShare> {
  const running = source.shards.filter(({ id }) => shards.includes(id));
  return new Map(
    running.map((shard) => {
      const together = running.filter((other) => serverOf(other) === serverOf(shard)).length;
      const atOnce = Math.min(together, jobs, allowed);
      return [shard.id, { server: serverOf(shard), atOnce, scans: Math.floor(allowed / atOnce) }];
    }),
  );
}
