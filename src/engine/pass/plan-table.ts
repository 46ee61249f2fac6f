/** Cuts a table into ranges once and stores the plan, which resumes and verifications follow. */
import type { ShardSource } from '../../core/ports/source-ports.js';
import type { TablePlan } from '../../core/ports/state-records.js';
import type { ShardContext, TableJob } from './table-job.js';

/**
 * Returns the stored plan, or makes a new one. It records the binlog position before it reads the table's upper bound,
 * so that a change stream from that position misses nothing.
 */
export async function ensurePlan(context: ShardContext, job: TableJob, shardSource: ShardSource): Promise<TablePlan> {
  const table = job.mapping.table.name;
  const stored = context.store.plans.get(table);
  const plan = stored ?? (await makePlan(context, job, shardSource));
  context.emitter.emit('table.planned', {
    shard: context.shard,
    table,
    ranges: plan.ranges.length,
    estimatedRows: estimatedRows(plan),
    reused: stored !== null,
  });
  return plan;
}

async function makePlan(context: ShardContext, job: TableJob, shardSource: ShardSource): Promise<TablePlan> {
  const position = await shardSource.position(context.signal);
  const ranges = await job.source.planRanges(context.ranges, context.signal);
  const plan: TablePlan = {
    table: job.mapping.table.name,
    scanKey: job.scanKey,
    position,
    ranges,
    plannedAt: Date.now(),
  };
  context.store.plans.save(plan);
  return plan;
}

export function estimatedRows(plan: TablePlan): number {
  return plan.ranges.reduce((sum, range) => sum + range.estimatedRows, 0);
}
