/** One table of one shard with all that a pass over it needs. */
import type { PauseGate } from '../../core/async/pause-gate.js';
import type { Emitter } from '../../core/events.js';
import type { RowSource } from '../../core/ports/source-ports.js';
import type { StateStore } from '../../core/ports/state-ports.js';
import type { CompiledMapping } from '../../mapping/compile.js';

export interface TableJob {
  readonly mapping: CompiledMapping;
  readonly source: RowSource;
  /** Name of the unique key that the scan follows; null: the table is read whole, in one chunk. */
  readonly scanKey: string | null;
  /** The column that says which shard a row lives on, if the config declares one. */
  readonly shardColumn: ShardColumn | null;
}

export interface ShardColumn {
  readonly name: string;
  /** Its index in the rows. */
  readonly index: number;
}

/** The parts that every pass over a shard shares. */
export interface ShardContext {
  readonly shard: string;
  readonly store: StateStore;
  readonly emitter: Emitter;
  /** Maximum number of concurrent SELECTs. It may change during a pass, which reads it before each new SELECT. */
  readonly scans: number;
  /** A gate for work that does not read by scans: such work waits there before each step. */
  readonly pause: PauseGate;
  readonly ranges: number;
  readonly signal: AbortSignal;
}
