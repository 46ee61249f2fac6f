/** What a shard's process is told to do, and what it answers: plain data, since it crosses a process border. */
import type { SentConfig } from '../../config/model.js';
import { EXIT, type ExitCode, type Fault } from '../../core/errors.js';
import type { Age } from '../../core/evidence.js';
import type { FingerprintChange } from '../../core/ports/state-records.js';
import type { RetryCounts } from '../../engine/retry.js';
import { NO_COUNTS, type BadRow, type Counts, type Difference } from '../../core/model.js';
import { asFerryError } from '../../core/thrown.js';

export interface ShardTask {
  readonly kind: 'backfill' | 'verify';
  readonly shard: string;
  /** What the run began with: what is saved in the file during a run reaches no shard of it. */
  readonly config: SentConfig;
  /** Map every row and write nothing. */
  readonly dryRun: boolean;
  /** Put the shard's state aside and begin again. */
  readonly restart: boolean;
  /** Try the recorded bad rows again, and nothing else. */
  readonly retryBad: boolean;
  readonly maxBadRows: number;
  /**
   * verify: by table, the finished verification that an interrupted run left behind and that is not made again, by its
   * pass.
   */
  readonly takenOver: Readonly<Record<string, number>>;
  /**
   * Identity of the table that the whole run began with: a shard that begins days later must not take another one for
   * it. null: any.
   */
  readonly target: string | null;
  /**
   * Go on from another MySQL server, or from a table that was rebuilt, though nothing proves that it has the same data.
   */
  readonly acceptServer: boolean;
  /** SELECTs at once on the shard's server. */
  readonly scans: number;
  /** Tell of single chunks and batches too. */
  readonly everyEvent: boolean;
  /** Capacity units per second to start with; the supervisor sends changes. */
  readonly units: number;
}

/**
 * What a run left behind, by key. Keys are row values: for the report that the operator asked for, never for events or
 * logs.
 */
export interface ShardFindings {
  /** The first ones; the counts in the outcome are whole. */
  readonly badRows: readonly (BadRow & {
    readonly table: string;
    /** Its scan key; of a table without one, `#` and the row's number among the bad ones. */
    readonly row: string;
  })[];
  readonly differences: readonly (Difference & { readonly table: string; readonly row: string })[];
}

export interface ShardOutcome {
  readonly shard: string;
  readonly outcome: 'done' | 'differences' | 'failed' | 'interrupted';
  readonly exitCode: ExitCode;
  /**
   * Who says so: the shard's process; the state, as the process ended without a word; nobody, as the process was not
   * started.
   */
  readonly toldBy: 'process' | 'state' | 'nobody';
  readonly fault: Fault | null;
  readonly counts: Counts;
  readonly elapsedMs: number;
  /** There was nothing left to do. */
  readonly alreadyDone: boolean;
  readonly badRows: number;
  /** What `--retry-bad` made of the bad rows; null in any other run. */
  readonly retried: RetryCounts | null;
  /** What retries ever accepted as changes of the mapping: rows moved before them may differ from what it says now. */
  readonly acceptedChanges: readonly FingerprintChange[];
  readonly missing: number;
  readonly differing: number;
  readonly unresolved: number;
  /** Of the unresolved: not there, taken for deleted by TTL, and TTL was changed meanwhile. */
  readonly doubtful: number;
  /** Every table of the shard was backfilled to the end of its plan. */
  readonly backfillFinished: boolean;
  /**
   * Those that were not; `begun`: some of it was moved. What the config names and the state does not know is among
   * them.
   */
  readonly unfinished: readonly { readonly table: string; readonly begun: boolean }[];
  /** verify: of all comparisons that this outcome rests on, the one that is longest ago; null: there is none. */
  readonly oldestComparison: Age | null;
  /** verify: tables that an earlier, interrupted run had verified, and this one did not read again. */
  readonly takenOver: readonly { readonly table: string; readonly lastCompared: Age }[];
  readonly suspects: number;
  /** ms since the epoch after which a verification can close the suspects; null where there are none. */
  readonly suspectsClosableAt: number | null;
  /**
   * ms since the epoch: what a killed run had sent may land until then, and this verification began before; null: no
   * such thing.
   */
  readonly lateWritesUntil: number | null;
  readonly findings: ShardFindings;
}

/** An outcome before anything was done. */
export const NOTHING_DONE: Omit<ShardOutcome, 'shard' | 'elapsedMs'> = {
  outcome: 'done',
  exitCode: EXIT.done,
  toldBy: 'process',
  fault: null,
  counts: NO_COUNTS,
  alreadyDone: false,
  badRows: 0,
  retried: null,
  acceptedChanges: [],
  missing: 0,
  differing: 0,
  unresolved: 0,
  doubtful: 0,
  backfillFinished: false,
  unfinished: [],
  oldestComparison: null,
  takenOver: [],
  suspects: 0,
  suspectsClosableAt: null,
  lateWritesUntil: null,
  findings: { badRows: [], differences: [] },
};

/** The outcome of a shard whose work could not even begin, or ended without a word. */
export function failedOutcome(shard: string, thrown: unknown): ShardOutcome {
  const error = asFerryError(thrown, `shard ${shard}`);
  return {
    ...NOTHING_DONE,
    shard,
    outcome: error.exitCode === EXIT.interrupted ? 'interrupted' : 'failed',
    exitCode: error.exitCode,
    fault: error.toFault(),
    elapsedMs: 0,
  };
}
