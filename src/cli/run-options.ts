/** What backfill and verify are asked for, as plain data. */
import type { ShardTask } from '../wiring/run/shard-task.js';

export interface RunOptions {
  readonly kind: ShardTask['kind'];
  readonly jobs?: number | undefined;
  readonly dryRun: boolean;
  readonly createTable: boolean;
  readonly restart: boolean;
  /** Try the recorded bad rows again, and nothing else. */
  readonly retryBad: boolean;
  readonly maxBadRows: number;
  /** Go on from another MySQL server, though nothing proves that it has the same data. */
  readonly acceptServer: boolean;
  /** Log the events of single chunks and batches too. */
  readonly allEvents: boolean;
  /** Another program writes the same items (target.liveWriter: concurrent). */
  readonly liveWriter: boolean;
  /** The words that name the same shards again, for the next step: `--all`, `--shard s01`. */
  readonly selection: string;
  /** What resumes this run, where the same command would start all again; null: the same command. */
  readonly resume: string | null;
  /** Shards that were to begin again, and have not: the state has what they were before. Known at the end. */
  readonly restartsLeft: readonly string[];
}
