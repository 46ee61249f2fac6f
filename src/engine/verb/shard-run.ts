/**
 * `ShardRun` is everything that a verb may ask for while it works on one shard. All of it is ports: the composition
 * root (`wiring/run`) says which database, table and file stand behind them.
 */
import type { Phase } from '../../core/model.js';
import type { ItemReader, ItemWriter, ShardSource, TargetGuard, TtlLook } from '../../core/ports/ports.js';
import type { StateStore } from '../../core/ports/state-ports.js';
import type { Registers } from '../claims/key-claims.js';
import type { PassGauges } from '../pass/progress.js';
import type { ShardContext, TableJob } from '../pass/table-job.js';

/** What the state has of a shard, as far as this run may report it. */
export interface ShardRecord {
  readonly store: StateStore;
  /** The tables of the config, in its order. */
  readonly tables: readonly TableJob[];
  /** Names of the tables that the run has opened a pass over, or kept the verification of. */
  readonly reached: Set<string>;
}

export interface ShardRun<Options = unknown> extends ShardContext, ShardRecord {
  /** What the verb was asked for. */
  readonly options: Options;
  /** The run maps every row and writes nothing. */
  readonly dryRun: boolean;
  /**
   * The run accepts another MySQL server, or a table that was rebuilt, although nothing proves that its data is
   * equal.
   */
  readonly acceptServer: boolean;
  readonly source: ShardSource;
  /** How old the newest comparison of an unfinished verification may be, in ms, for a run to resume it. */
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
  /** Asks what the table deletes by itself; `denied`: the role may not ask. @throws FerryError E_TARGET_* */
  lookAtTtl(signal: AbortSignal): Promise<TtlLook & { readonly denied: boolean }>;
  close(): void;
}

/** Closes what a verb has opened, the target last, also when the other one throws. @throws what closing throws */
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

/** Says which phase the shard is in. */
export function emitPhase({ shard, emitter }: Pick<ShardRun, 'shard' | 'emitter'>, phase: Phase): void {
  emitter.emit('shard.phase', { shard, phase });
}

/** Returns the current time in seconds since the epoch. */
export function secondsNow(): number {
  return Math.floor(Date.now() / 1_000);
}
