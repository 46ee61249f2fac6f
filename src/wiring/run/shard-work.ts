/**
 * Everything that the work on one shard holds open, and what its kinds of work have in common: a writer, the register
 * of item keys.
 */
import { join } from 'node:path';
import type { Config } from '../../config/model.js';
import type { Tunables } from '../../config/tunables.js';
import type { EventBus } from '../../core/events.js';
import type { Phase } from '../../core/model.js';
import { NO_TARGET, type ItemWriter, type TargetGuard } from '../../core/ports/ports.js';
import type { KeyRegister, StateStore } from '../../core/ports/state-ports.js';
import type { TokenBucket } from '../../dynamodb/capacity/budget.js';
import type { TableFacts } from '../../dynamodb/table/table-facts.js';
import { DiscardingWriter } from '../../engine/discarding-writer.js';
import type { IncidentBook } from '../../engine/pass/incident-book.js';
import type { Registers } from '../../engine/claims/key-claims.js';
import type { PassGauges } from '../../engine/pass/progress.js';
import type { ShardContext } from '../../engine/pass/table-job.js';
import { inTurn } from '../../engine/claims/register-turn.js';
import { holderOfRegister, openKeyRegister } from '../../state/shared/key-register.js';
import type { KeyGuard } from './key-guard.js';
import type { ShardSession } from './shard-session.js';
import type { ShardTask } from './shard-task.js';
import type { TargetSession } from '../target-session.js';

export interface ShardWork {
  readonly task: ShardTask;
  readonly config: Config;
  /** Of its limits, those that may change during the run. */
  readonly tunables: Tunables;
  readonly bus: EventBus;
  readonly session: ShardSession;
  readonly store: StateStore;
  readonly context: ShardContext;
  readonly budget: TokenBucket;
  readonly guard: KeyGuard;
  /** The target table as the shard is bound to it; null: a dry run has none. */
  readonly boundTo: TableFacts | null;
  readonly incidents: IncidentBook;
  /** Of the target table, global and local; null: a dry run asks no target. */
  readonly targetIndexes: number | null;
  /** Tables that this run has come to. */
  readonly reached: Set<string>;
}

/** Where a run keeps its state: what a dry run found is no progress. */
export function stateFolder(config: Config, dryRun: boolean): string {
  return dryRun ? join(config.state, 'dry-run') : config.state;
}

/** @param target null for a dry run */
export function openWriter(work: ShardWork, target: TargetSession | null): ItemWriter {
  if (target === null) return new DiscardingWriter();
  const { store, task, budget, targetIndexes } = work;
  let unrecorded = false;
  store.beginWrites();
  const writer = target.openWriter(task.shard, { budget, indexes: targetIndexes }, (keyTexts) => {
    try {
      store.addSuspects(keyTexts.map((keyText) => ({ keyText, since: store.now() })));
    } catch (thrown) {
      unrecorded = true;
      throw thrown;
    }
  });
  return {
    ready: (signal) => writer.ready(signal),
    // When its rows were read goes along: beside a live writer, what waited too long is not written.
    write: (items, readAt) => writer.write(items, readAt),
    async close() {
      await writer.close();
      if (!unrecorded) endWrites(store);
    },
  };
}

/**
 * Where that cannot be recorded, the run counts as broken off: verification waits in vain, and no fault is hidden by
 * this one.
 */
function endWrites(store: StateStore): void {
  try {
    store.endWrites();
  } catch {
    // The disk is full, as the run itself will have found.
  }
}

/** @param target null for a dry run */
export function openGuard({ task, boundTo }: ShardWork, target: TargetSession | null): TargetGuard {
  return target === null || boundTo === null ? NO_TARGET : target.openGuard(task.shard, boundTo);
}

/** What a run claims keys and values in, as its guard asks for. @throws FerryError E_STATE_*; E_INTERRUPTED */
export async function openRegisters({
  task,
  config,
  guard,
  context,
}: ShardWork): Promise<Registers & { close(): void }> {
  const folder = stateFolder(config, task.dryRun);
  const holder = (): number | null => holderOfRegister(folder);
  const open = (): KeyRegister => openKeyRegister({ folder });
  const register = guard === 'none' ? null : await inTurn(context, { holder }, open, context.signal);
  const itemKeys = guard === 'item-keys' ? register : null;
  return { itemKeys, shardValues: register, close: () => register?.close() };
}

export function tellPhase({ bus, task }: ShardWork, phase: Phase): void {
  bus.emit('shard.phase', { shard: task.shard, phase });
}

export function gaugesOf({ budget, incidents }: ShardWork): PassGauges {
  return {
    unitsConsumed: () => budget.consumed,
    unitsLimit: () => budget.limit,
    throttles: () => incidents.count('throttled'),
    retries: () => incidents.count('failed', 'unanswered', 'source-retried'),
  };
}

/** Seconds since the epoch. */
export function secondsNow(): number {
  return Math.floor(Date.now() / 1_000);
}

/** How old comparisons may be that a verification goes on with. */
export function maxAgeMs(config: Config): number {
  return config.verify.maxAgeSeconds * 1_000;
}

/** Names of the tables, in the order of the config. */
export function tablesOf({ jobs }: Pick<ShardSession, 'jobs'>): readonly string[] {
  return jobs.map((job) => job.mapping.table.name);
}
