/**
 * Estimates what a backfill of one shard would take. It reads a sample and the index's statistics, and keeps nothing.
 */
import type { Config } from '../../config/model.js';
import { EventBus } from '../../core/event-bus.js';
import { estimateTable, type TableEstimate } from '../../engine/estimate.js';
import { openShardSession } from '../run/shard-session.js';
import { secondsNow } from '../../engine/verb/shard-run.js';
import { indexFactor, localIndexesOf, targetFacts } from '../target-facts.js';

export interface ShardEstimate {
  readonly shard: string;
  readonly tables: readonly TableEstimate[];
}

/** @throws FerryError E_SOURCE_*, E_TABLE_*, E_MAPPING_*, E_TARGET_* */
export async function estimateShard(
  config: Config,
  shard: string,
  sampleRows: number,
  signal: AbortSignal,
): Promise<ShardEstimate> {
  const asked = targetFacts(config, false, signal);
  const session = await openShardSession(config, shard, new EventBus(), signal, localIndexesOf(asked));
  try {
    const factor = indexFactor(config, await asked);
    const tables: TableEstimate[] = [];
    for (const job of session.jobs) {
      const ranges = await job.source.planRanges(config.source.limits.rangesPerTable, signal);
      const sample = await job.source.sample(sampleRows, signal);
      const rows = ranges.reduce((sum, range) => sum + range.estimatedRows, 0);
      tables.push(
        estimateTable(job, { count: ranges.length, rows }, sample, factor, config.target.writeCapacity, secondsNow()),
      );
    }
    return { shard, tables };
  } finally {
    await session.close();
  }
}
