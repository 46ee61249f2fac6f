/**
 * `verify` on one shard: each table that was begun is compared, or taken over from the verification that this one goes
 * on with. What may still land (`engine/verify/suspect-check.ts`) holds the verdict back.
 */
import { EXIT } from '../../core/errors.js';
import { holdTable } from '../../engine/pass/hold-table.js';
import { SuspectCheck } from '../../engine/verify/suspect-check.js';
import { verifyTable, type VerifyParts } from '../../engine/verify.js';
import { evidence, isFinished } from './evidence.js';
import { NOTHING_DONE, type ShardOutcome } from './shard-task.js';
import { maxAgeMs, openGuard, secondsNow, tablesOf, tellPhase, type ShardWork } from './shard-work.js';
import { withPass } from './table-pass.js';
import { openTargetSession, type TargetSession } from '../target-session.js';

/**
 * Differences are no errors: they are in the outcome.
 * @throws FerryError of the source, the target or the state; E_INTERRUPTED
 */
export async function verifyShard(work: ShardWork): Promise<Omit<ShardOutcome, 'shard' | 'elapsedMs'>> {
  const { task, config, bus, session, store, context } = work;
  tellPhase(work, 'verifying');
  const target = await openTargetSession(config, bus, work.tunables);
  const guard = openGuard(work, target);
  const suspects = new SuspectCheck(store);
  const takenOver: TakenOver[] = [];
  warnOfLateWrites(work, suspects);
  const lookAtTtl = askingTtl(work, target);
  try {
    const reader = target.openReader(task.shard, work.budget);
    try {
      for (const job of session.jobs) {
        const table = job.mapping.table.name;
        // Nothing of it was moved, so there is nothing to compare; the outcome says so.
        if (store.summary('backfill', table) === null) continue;
        if (work.task.takenOver[table] !== undefined) await holdTable(context, job, task.acceptServer);
        const before = takenOverFrom(work, table);
        if (before !== null) {
          takenOver.push(before);
          work.reached.add(table);
          bus.emit('verification.kept', { shard: task.shard, ...before });
          continue;
        }
        const abandoned = store.abandoned(table, maxAgeMs(config));
        if (abandoned !== null) bus.emit('verification.again', { shard: task.shard, table, ...abandoned });
        await withPass(work, job, 'verify', guard, (pass, progress) =>
          verifyTable(context, job, pass, { reader, guard, progress, suspects, lookAtTtl, now: secondsNow }),
        );
      }
    } finally {
      await reader.close();
    }
  } finally {
    target.close();
  }
  const began = tablesOf(session).flatMap((table) => store.summary('verify', table)?.pass.startedAt ?? []);
  const beganAt = Math.min(...began);
  const found = { ...NOTHING_DONE, ...evidence(task, store, session), takenOver };
  // What belongs to a table that was not gone through is not settled by the others.
  if (found.backfillFinished) suspects.allCompared(beganAt);
  const lateWritesUntil = suspects.lateWritesUntil(beganAt);
  const proven = suspects.open === 0 && lateWritesUntil === null;
  if (found.backfillFinished)
    tellPhase(work, found.exitCode !== EXIT.done ? 'differences' : proven ? 'verified' : 'backfilled');
  if (proven) return found;
  const open = {
    suspects: suspects.open,
    suspectsClosableAt: byWallClock(work, suspects.closableAt),
    lateWritesUntil: byWallClock(work, lateWritesUntil),
  };
  return { ...found, ...open, outcome: 'differences', exitCode: EXIT.differences };
}

/**
 * What may not be asked is said once: then nothing tells an item that TTL deleted from one that was never written. So
 * is TTL that was switched on, off or to another attribute meanwhile: what was compared may go by itself, or what is
 * missing may have gone so.
 */
function askingTtl({ bus, task, config }: ShardWork, target: TargetSession): VerifyParts['lookAtTtl'] {
  let told = false;
  let before: string | null | undefined;
  return async (signal) => {
    const look = await target.lookAtTtl(signal);
    if (before !== undefined && before !== look.deletesBy) {
      bus.emit('shard.warning', { shard: task.shard, ...ttlChanged(config.target.table, look.deletesBy) });
    }
    before = look.deletesBy;
    if (look.denied && !told) {
      told = true;
      bus.emit('shard.warning', {
        shard: task.shard,
        code: 'E_TARGET_ACCESS',
        message: `AWS refused DescribeTimeToLive on table ${config.target.table}: items that are not there count as missing, also where TTL deleted them`,
        hint: 'allow dynamodb:DescribeTimeToLive on the table, then verify again',
      });
    }
    return look;
  };
}

function ttlChanged(
  table: string,
  deletesBy: string | null,
): { readonly code: 'E_PREFLIGHT'; readonly message: string; readonly hint: string } {
  const now = deletesBy === null ? 'was switched off' : `deletes items by ${deletesBy} now`;
  return {
    code: 'E_PREFLIGHT',
    message: `TTL of table ${table} was changed while this verification went on: it ${now}`,
    hint: 'leave TTL as it is until a verification has passed, and verify again',
  };
}

type TakenOver = ShardOutcome['takenOver'][number];

/**
 * Asked again under the shard's lock: between the look (taken-over.ts) and this, another process may have worked on it.
 */
function takenOverFrom({ task, store }: ShardWork, table: string): TakenOver | null {
  const summary = store.summary('verify', table);
  if (summary === null || summary.newest === null || task.takenOver[table] !== summary.pass.id) return null;
  if (!isFinished(summary) || store.standing(table) !== 'stands') return null;
  return { table, lastCompared: store.age(summary.newest) };
}

/** A time of the state, whose clock nobody sets, as the clock on the wall will show it: for people. */
function byWallClock({ store }: Pick<ShardWork, 'store'>, time: number): number;
function byWallClock({ store }: Pick<ShardWork, 'store'>, time: number | null): number | null;
function byWallClock({ store }: Pick<ShardWork, 'store'>, time: number | null): number | null {
  return time === null ? null : Date.now() + time - store.now();
}

/** Said at once: on a large table, it spares the operator a verification that proves nothing. */
function warnOfLateWrites(work: ShardWork, suspects: SuspectCheck): void {
  const { bus, task, store } = work;
  const until = suspects.lateWritesUntil(store.now());
  if (until === null) return;
  bus.emit('shard.warning', {
    shard: task.shard,
    code: 'E_LATE_WRITES',
    message: `an earlier run ended with writes under way: what it had sent could still be applied until ${new Date(byWallClock(work, until)).toISOString()}, over newer items`,
    hint: 'this verification finds differences, but cannot pass: verify again after that time',
  });
}
