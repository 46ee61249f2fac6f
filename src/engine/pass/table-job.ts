/** One table of one shard, ready to work on: what the passes are given. */
import type { PauseGate } from '../../core/async/pause-gate.js';
import type { Emitter } from '../../core/events.js';
import type { RowSource } from '../../core/ports/ports.js';
import type { StateStore } from '../../core/ports/state-ports.js';
import type { CompiledMapping } from '../../mapping/compile.js';

export interface TableJob {
  readonly mapping: CompiledMapping;
  readonly source: RowSource;
  /** Name of the unique key that is scanned; null: the table is read whole, in one chunk. */
  readonly scanKey: string | null;
  /** The column that says which shard a row lives on, where one is declared. */
  readonly shardColumn: ShardColumn | null;
}

export interface ShardColumn {
  readonly name: string;
  /** Its place in the rows. */
  readonly index: number;
}

/** What every pass over a shard shares. */
export interface ShardContext {
  readonly shard: string;
  readonly store: StateStore;
  readonly emitter: Emitter;
  /** SELECTs at once. It may change during a pass: it is read when the next one could start. */
  readonly scans: number;
  /** A gate for work that does not read by scans: it waits there before each step. */
  readonly pause: PauseGate;
  readonly ranges: number;
  readonly signal: AbortSignal;
}
