/** A pass over one table, from its plan to its end: what `backfill` and `verify` of a shard do with each table. */
import { NO_COUNTS, type Phase } from '../../core/model.js';
import type { TargetGuard } from '../../core/ports/ports.js';
import type { Pass, PassKind } from '../../core/ports/state-records.js';
import { holdTable } from '../../engine/pass/hold-table.js';
import { ensurePlan, estimatedRows } from '../../engine/pass/plan-table.js';
import { PassProgress } from '../../engine/pass/progress.js';
import type { TableJob } from '../../engine/pass/table-job.js';
import { gaugesOf, maxAgeMs, type ShardWork } from './shard-work.js';

/**
 * Plans the table, opens or resumes its pass, and keeps telling how far it is.
 * @throws FerryError of the source or the state, and what `run` throws
 */
export async function withPass(
  work: ShardWork,
  job: TableJob,
  kind: PassKind,
  guard: TargetGuard,
  run: (pass: Pass, progress: PassProgress) => Promise<void>,
): Promise<void> {
  const { task, config, store, bus, context, session } = work;
  const table = job.mapping.table.name;
  await holdTable(context, job, task.acceptServer);
  const plan = await ensurePlan(context, job, session.source);
  const pass = store.passes.open(kind, table, { maxAgeMs: maxAgeMs(config) });
  work.reached.add(table);
  const already = store.passes.summary(kind, table)?.counts ?? NO_COUNTS;
  const working: Phase = kind === 'backfill' ? 'backfilling' : 'verifying';
  const progress = new PassProgress(task.shard, table, working, estimatedRows(plan), already, gaugesOf(work));
  const stopTelling = progress.publish(bus, store.heartbeat);
  try {
    await run(pass, progress);
  } catch (thrown) {
    throw await guard.explained(thrown, context.signal);
  } finally {
    stopTelling();
  }
}
