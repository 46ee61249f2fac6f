/**
 * `backfill` on one shard: table after table, what is done already passed over. A dry run goes the same way, and writes
 * nothing.
 */
import { BadRowLimit } from '../../engine/pass/bad-row-limit.js';
import { backfillTable } from '../../engine/backfill.js';
import { evidence, isFinished } from './evidence.js';
import { NOTHING_DONE, type ShardOutcome } from './shard-task.js';
import { openGuard, openRegisters, openWriter, secondsNow, tellPhase, type ShardWork } from './shard-work.js';
import { withPass } from './table-pass.js';
import { openTargetSession } from '../target-session.js';

/**
 * @throws FerryError of the source, the target or the state; E_BAD_ROWS; E_ITEM_KEY_SHARED; E_SHARD_OVERLAP;
 * E_INTERRUPTED
 */
export async function backfillShard(work: ShardWork): Promise<Omit<ShardOutcome, 'shard' | 'elapsedMs'>> {
  const { task, config, bus, session, store, context } = work;
  const done = session.jobs.every((job) => isFinished(store.summary('backfill', job.mapping.table.name)));
  if (done) return { ...NOTHING_DONE, ...evidence(task, store, session), alreadyDone: true };
  tellPhase(work, 'backfilling');
  const already = session.jobs.reduce(
    (sum, job) => sum + (store.summary('backfill', job.mapping.table.name)?.counts.badRows ?? 0),
    0,
  );
  // A dry run is there to find them all.
  const badRows = new BadRowLimit(task.shard, task.dryRun ? Infinity : task.maxBadRows, already);
  const target = task.dryRun ? null : await openTargetSession(config, bus, work.tunables);
  const guard = openGuard(work, target);
  const registers = await openRegisters(work);
  try {
    for (const job of session.jobs) {
      if (isFinished(store.summary('backfill', job.mapping.table.name))) continue;
      const writer = openWriter(work, target);
      try {
        await withPass(work, job, 'backfill', guard, (pass, progress) =>
          backfillTable(context, job, pass, {
            writer,
            guard,
            ...registers,
            badRows,
            progress,
            now: secondsNow,
          }),
        );
      } finally {
        await writer.close();
      }
    }
  } finally {
    registers.close();
    target?.close();
  }
  tellPhase(work, 'backfilled');
  return { ...NOTHING_DONE, ...evidence(task, store, session) };
}
