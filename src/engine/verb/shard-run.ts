/**
 * `ShardRun` is everything that a verb may use while it works on one shard. All of it is ports: the composition root
 * (`wiring/run`) chooses the database, table and file behind them.
 */
import type { Phase } from '../../core/model.js';
import type { ShardSource } from '../../core/ports/source-ports.js';
import type { ItemReader, ItemWriter, TargetGuard, TtlLook } from '../../core/ports/target-ports.js';
import type { StateStore } from '../../core/ports/state-ports.js';
import type { Registers } from '../claims/key-claims.js';
import type { PassGauges } from '../pass/progress.js';
import type { ShardContext, TableJob } from '../pass/table-job.js';

/** The state of a shard, as far as this run may report it. */
export interface ShardRecord {
  readonly store: StateStore;
  /** The tables of the config, in its order. */
  readonly tables: readonly TableJob[];
  /** Names of the tables over which the run has opened a pass, or whose verification it has kept. */
  readonly reached: Set<string>;
}

export interface ShardRun<Options = unknown> extends ShardContext, ShardRecord {
  /** The options of the command. */
  readonly options: Options;
  /** The run maps every row and writes nothing. */
  readonly dryRun: boolean;
  /**
   * The run accepts another MySQL server, or a table that was rebuilt, although nothing proves that its data is equal.
   */
  readonly acceptServer: boolean;
  readonly source: ShardSource;
  /** Maximum age in ms of the newest comparison of an unfinished verification that a run may resume. */
  readonly maxAgeMs: number;
  readonly gauges: PassGauges;
  /**
   * Opens the target; a dry run gets one that writes nothing. @throws FerryError E_TARGET_CREDENTIALS,
   * E_TARGET_CONNECT
   */
  openTarget(): Promise<TargetSide>;
  /**
   * Opens the registers of claimed keys that the shard's guard asks for. @throws FerryError E_STATE_*; E_INTERRUPTED
   */
  openRegisters(): Promise<OpenRegisters>;
}

export interface OpenRegisters extends Registers {
  close(): void;
}

/** The target table, as one shard uses it. */
export interface TargetSide {
  readonly table: string;
  /** Watches that the table is still the one that the shard's state is bound to. */
  readonly guard: TargetGuard;
  /**
   * Opens a writer that records in the state what it may leave behind (`recorded-writer.ts`). Close it before the
   * side.
   */
  openWriter(): ItemWriter;
  openReader(): ItemReader;
  /**
   * Asks by which attribute the table deletes items itself; `denied`: the role may not ask. @throws FerryError
   * E_TARGET_*
   */
  lookAtTtl(signal: AbortSignal): Promise<TtlLook & { readonly denied: boolean }>;
  close(): void;
}

/** Closes `other` and then the target, also if closing `other` throws. @throws what closing throws */
export async function closeWithTarget(
  other: { close(): void | Promise<void> },
  target: Pick<TargetSide, 'close'>,
): Promise<void> {
  try {
    await other.close();
  } finally {
    target.close();
  }
}

/** Emits the phase that the shard is in. */
export function emitPhase({ shard, emitter }: Pick<ShardRun, 'shard' | 'emitter'>, phase: Phase): void {
  emitter.emit('shard.phase', { shard, phase });
}

/** Returns the current time in seconds since the epoch. */
export function secondsNow(): number {
  return Math.floor(Date.now() / 1_000);
}
