/** Makes one pass over one table, from its plan to its end, for every verb that walks tables. */
import { NO_COUNTS, type Phase } from '../../core/model.js';
import type { TargetGuard } from '../../core/ports/target-ports.js';
import type { Pass } from '../../core/ports/state-records.js';
import { holdTable } from '../pass/hold-table.js';
import { ensurePlan, estimatedRows } from '../pass/plan-table.js';
import { PassProgress } from '../pass/progress.js';
import type { TableJob } from '../pass/table-job.js';
import type { ShardRun } from './shard-run.js';

export interface TableWalk {
  /** The name of the pass in the state. */
  readonly kind: string;
  /** The phase that progress shows during the pass. */
  readonly phase: Phase;
  readonly guard: TargetGuard;
}

/**
 * Plans the table, opens or resumes its pass, and publishes the progress while `walk` runs.
 * @throws FerryError of the source or the state, and what `walk` throws
 */
export async function walkTable(
  run: ShardRun,
  job: TableJob,
  { kind, phase, guard }: TableWalk,
  walk: (pass: Pass, progress: PassProgress) => Promise<void>,
): Promise<void> {
  const { shard, store, emitter } = run;
  const table = job.mapping.table.name;
  await holdTable(run, job, run.acceptServer);
  const plan = await ensurePlan(run, job, run.source);
  const pass = store.passes.open(kind, table, { maxAgeMs: run.maxAgeMs });
  run.reached.add(table);
  const already = store.passes.summary(kind, table)?.counts ?? NO_COUNTS;
  const progress = new PassProgress(shard, table, phase, estimatedRows(plan), already, run.gauges);
  const stopPublishing = progress.publish(emitter, store.heartbeat);
  try {
    await walk(pass, progress);
  } catch (thrown) {
    throw await guard.explained(thrown, run.signal);
  } finally {
    stopPublishing();
  }
}
