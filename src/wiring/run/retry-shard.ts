/**
 * `backfill --retry-bad` on one shard: accepts what may change of the mapping, and tries the recorded bad rows again.
 */
import { takenUp } from '../../config/binding/binding-rules.js';
import { mustStay, type BadColumn } from '../../config/binding/retry-scope.js';
import type { Config } from '../../config/model.js';
import { FerryError, EXIT } from '../../core/errors.js';
import type { EventBus } from '../../core/events.js';
import { addCounts, NO_COUNTS } from '../../core/model.js';
import type { Fingerprint, FingerprintChange, StateStore } from '../../core/ports/state-ports.js';
import { holdTable } from '../../engine/pass/hold-table.js';
import type { Registers } from '../../engine/claims/key-claims.js';
import { PassProgress } from '../../engine/pass/progress.js';
import { NOTHING_RETRIED, retryBadRows, type RetryCounts } from '../../engine/retry.js';
import { evidence } from './evidence.js';
import { columnsWithBadRows } from '../own-binding.js';
import { NOTHING_DONE, type ShardOutcome } from './shard-task.js';
import { gaugesOf, openGuard, openRegisters, openWriter, secondsNow, tellPhase, type ShardWork } from './shard-work.js';
import { openTargetSession } from '../target-session.js';

/**
 * Binds the shard to the mapping as it is now. One config serves all shards, so a column with bad rows on any of them
 * may have changed for all, and stays free to once a retry has accepted that: the other shards follow.
 * @throws FerryError E_STATE_CHANGED for changes that would make untrue what was moved
 */
export function acceptMapping(
  config: Config,
  store: StateStore,
  fingerprint: Fingerprint,
  bus: EventBus,
): readonly FingerprintChange[] {
  let found: readonly BadColumn[] | undefined;
  // Of all shards: they are looked into, one after the other, only where something was changed.
  const accepted = rebound(store, fingerprint, () => (found ??= columnsWithBadRows(config)));
  if (accepted.length > 0) bus.emit('shard.warning', { shard: store.shard, ...acceptedWarning(accepted) });
  return accepted;
}

function rebound(
  store: StateStore,
  fingerprint: Fingerprint,
  columns: () => readonly BadColumn[],
): readonly FingerprintChange[] {
  try {
    return store.rebind(fingerprint, (side, other) => mustStay(side, other, columns()), columns, takenUp);
  } catch (thrown) {
    if (!(thrown instanceof FerryError) || thrown.code !== 'E_STATE_CHANGED') throw thrown;
    const names = columns().map(({ table, column }) =>
      column === null ? `the columns of ${table}` : `${table}.${column}`,
    );
    const free = names.length === 0 ? 'nothing, since no row is recorded as bad' : names.join(', ');
    throw new FerryError(
      thrown.code,
      thrown.message,
      `a retry accepts changes in how columns with bad rows become attributes (${free}); ${thrown.hint}`,
    );
  }
}

function acceptedWarning(changes: readonly FingerprintChange[]): {
  readonly code: 'E_STATE_CHANGED';
  readonly message: string;
  readonly hint: string;
} {
  return {
    code: 'E_STATE_CHANGED',
    message: `the mapping changed in ${changes.map(({ path }) => path).join(', ')}; rows moved before keep what the former one made of them`,
    hint: 'verify compares with the present mapping and shows where those rows differ; `backfill --restart` would write all anew',
  };
}

/** @throws FerryError of the source, the target or the state; E_ITEM_KEY_SHARED, E_BAD_ROWS, E_INTERRUPTED */
export async function retryShard(work: ShardWork): Promise<Omit<ShardOutcome, 'shard' | 'elapsedMs'>> {
  const { task, config, bus, session, store } = work;
  tellPhase(work, 'backfilling');
  const target = await openTargetSession(config, bus, work.tunables);
  let retried = NOTHING_RETRIED;
  try {
    const registers = await openRegisters(work);
    try {
      for (const job of session.jobs) retried = addCounts(retried, await retryTable(work, job, target, registers));
    } finally {
      registers.close();
    }
  } finally {
    target.close();
  }
  const outcome = { ...NOTHING_DONE, ...evidence(task, store, session), retried };
  if (outcome.badRows <= task.maxBadRows) return outcome;
  const fault = new FerryError(
    'E_BAD_ROWS',
    `shard ${task.shard}: ${outcome.badRows} rows still cannot be represented as the mapping asks; ${task.maxBadRows} are allowed`,
    `\`dynaferry bad-rows --shard ${task.shard}\` lists them with their remedies; or allow them with --max-bad-rows N`,
  ).toFault();
  return { ...outcome, outcome: 'failed', exitCode: EXIT.differences, fault };
}

function notFound(table: string): { readonly code: 'E_TABLE_NO_KEY'; readonly message: string; readonly hint: string } {
  return {
    code: 'E_TABLE_NO_KEY',
    message: `table ${table} is read whole (\`wholeTable\`): it has no key to find its bad rows by, so they are not tried again`,
    hint: 'correct them, and move the shard anew with `dynaferry backfill --restart`',
  };
}

async function retryTable(
  work: ShardWork,
  job: ShardWork['session']['jobs'][number],
  target: Awaited<ReturnType<typeof openTargetSession>>,
  registers: Registers,
): Promise<RetryCounts> {
  const { task, store, bus, context } = work;
  const table = job.mapping.table.name;
  const recorded = store.countBadRows(table);
  if (recorded === 0) return NOTHING_RETRIED;
  if (job.scanKey === null) {
    // A row without a key that was corrected is another row: nothing tells it from one that was deleted.
    bus.emit('shard.warning', { shard: task.shard, ...notFound(table) });
    return { ...NOTHING_RETRIED, rows: recorded, stillBad: recorded };
  }
  await holdTable(context, job, task.acceptServer);
  const progress = new PassProgress(task.shard, table, 'backfilling', recorded, NO_COUNTS, gaugesOf(work));
  const writer = openWriter(work, target);
  const guard = openGuard(work, target);
  const stopTelling = progress.publish(bus, store);
  try {
    return await retryBadRows(context, job, { writer, guard, ...registers, progress, now: secondsNow });
  } catch (thrown) {
    throw await guard.explained(thrown, context.signal);
  } finally {
    stopTelling();
    await writer.close();
  }
}
