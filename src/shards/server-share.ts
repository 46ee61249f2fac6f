/**
 * Shards on one MySQL server share what `scansPerServer` allows there: each running one has an equal, fixed part, and
 * those beyond one scan each wait for their turn. A part does not grow when another shard ends: at no moment are there
 * more scans than allowed. Where an operator lowers the limit below the number of running shards, each keeps one scan,
 * and no other starts until enough of them have ended.
 */
import type { Config } from '../config/model.js';
import { serverOf } from '../config/server-of.js';

export interface ServerShare {
  /** `db7:3306` */
  readonly server: string;
  /** Shards that may run on it at once. */
  readonly atOnce: number;
  /** SELECTs at once for each of them. */
  readonly scans: number;
}

/**
 * @param shards that are to run, in order
 * @param jobs processes at once
 * @param allowed SELECTs at once on a server; as the config has it unless given
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
