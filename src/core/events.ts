/**
 * Defines all events by which a run reports what it does: one typed map of plain cloneable payloads, without row
 * values. Progress bars, logs and metrics are listeners; one that throws is dropped and cannot hurt the engine. A
 * shard's process sends its events to its parent; the verbose ones only where `everyEvent` asks for them.
 */
import type { ErrorCode, Fault } from './errors.js';
import type { Counts, DifferenceClass, Phase } from './model.js';
import type { Abandoned, Age } from './evidence.js';

interface OfShard {
  readonly shard: string;
}
interface OfTable extends OfShard {
  readonly table: string;
}
interface OfSegment extends OfTable {
  /** Index of the range of the table, from 0. */
  readonly segment: number;
}

export interface EventMap {
  /** A shard's process has started its work; `resumed` where its state held something already. */
  'shard.started': OfShard & { readonly resumed: boolean; readonly pid: number };
  'shard.phase': OfShard & { readonly phase: Phase };
  /** Ranges were made and stored (`reused`: they were there from an earlier run). */
  'table.planned': OfTable & { readonly ranges: number; readonly estimatedRows: number; readonly reused: boolean };
  /** An interrupted verification is not resumed: `reason` says why, and all of the table is compared again. */
  'verification.again': OfTable & Abandoned;
  /** An interrupted run had verified the table to its end: it is not read again. */
  'verification.kept': OfTable & { readonly lastCompared: Age };
  /** A chunk arrived from MySQL. */
  'chunk.read': OfSegment & { readonly rows: number; readonly bytes: number; readonly elapsedMs: number };
  /** DynamoDB has acknowledged all items of a chunk; the state does not have that yet. */
  'chunk.acknowledged': OfSegment & { readonly rows: number; readonly items: number };
  /** A verification has compared all items of a chunk; the state does not have that yet. */
  'chunk.compared': OfSegment & { readonly rows: number; readonly items: number };
  /** Done chunks are durable in the state file. */
  'watermark.advanced': OfSegment & { readonly chunks: number; readonly rows: number };
  'segment.completed': OfSegment;
  'batch.sent': OfShard & { readonly items: number; readonly units: number };
  'batch.acknowledged': OfShard & {
    readonly items: number;
    /** Of these, left as they are: the target has them in a newer version. */
    readonly newer: number;
    readonly unprocessed: number;
    readonly units: number;
    readonly elapsedMs: number;
  };
  /**
   * A request is tried again: why, after how long. `throttled`: for lack of capacity. `ambiguous`: it may have been
   * applied.
   */
  'request.retried': OfShard & {
    readonly operation: string;
    readonly reason: string;
    readonly attempt: number;
    readonly delayMs: number;
    readonly throttled: boolean;
    readonly ambiguous: boolean;
  };
  /** The service throttled; `reasons` as it named them, empty where it did not. */
  'target.throttled': OfShard & { readonly items: number; readonly reasons: readonly string[] };
  /**
   * An answer of the service reports more units than its request can have consumed (`most`), or fewer (`least`). The
   * run counts them by the items' sizes instead.
   */
  'target.misreported': OfShard & {
    readonly operation: string;
    readonly units: number;
    readonly least: number;
    readonly most: number;
  };
  /**
   * Something failed in MySQL (`fact`, in words) while `doing`, and is tried again; `reason` is the code of server or
   * driver.
   */
  'source.retried': OfShard & {
    readonly doing: string;
    readonly fact: string;
    readonly reason: string;
    readonly attempt: number;
    readonly delayMs: number;
  };
  /** Scans wait: a replica lags, or the server is busy. */
  'source.paused': OfShard & { readonly cause: 'lag' | 'busy'; readonly reason: string };
  'source.resumed': OfShard & { readonly pausedMs: number };
  /**
   * An operator has paused the shard, and it is at rest: it reads nothing, and the state has all that it has read. It
   * keeps its process and its state file. A shard that has not started does not start.
   */
  'shard.paused': OfShard;
  /** An operator lets a shard go on that was at rest. */
  'shard.resumed': OfShard & { readonly pausedMs: number };
  /** A watched replica, or the server itself, does not say how it is: scans go on without it. `gauge`: which. */
  'source.probe_failed': OfShard & { readonly gauge: string; readonly reason: string };
  /**
   * It waits, for so long by now, for the register of item keys, which process `holder` keeps (null:
   * unknown).
   */
  'register.waited': OfShard & { readonly seconds: number; readonly holder: number | null };
  /** A row cannot be moved. `rows`: so many, found one after the other, are in this event. */
  'row.rejected': OfTable & { readonly column: string | null; readonly reason: string; readonly rows: number };
  /** An item differs from its row. `items`: so many are in this event. */
  'difference.found': OfTable & {
    readonly class: DifferenceClass;
    readonly attributes: readonly string[];
    readonly items: number;
  };
  /**
   * A shard's process had more events than its parent took, or the run more than its reader: so many were left out
   * here. The state has counted what they report.
   */
  'events.dropped': OfShard & { readonly events: number };
  /** Once a second while a pass runs. */
  'shard.progress': OfShard & ProgressSnapshot;
  /**
   * Nothing has moved for so many seconds, and `last` was the last that did (null: nothing yet); the work goes on
   * waiting, not for ever. `waitsFor`: what it is known to wait for, and who has that (null: unknown); `hint`:
   * what to look at.
   */
  'shard.stalled': OfShard & {
    readonly last: string | null;
    readonly seconds: number;
    readonly waitsFor: string | null;
    readonly hint: string;
  };
  'shard.warning': OfShard & Fault;
  'shard.finished': OfShard & {
    readonly status: 'done' | 'differences' | 'unproven' | 'failed' | 'interrupted';
    /** Whether the shard's process reported its end itself: one that was interrupted then stopped in order. */
    readonly toldBy: 'process' | 'state' | 'nobody';
    readonly counts: Counts;
    readonly elapsedMs: number;
    readonly fault: Fault | null;
  };
  /** The first signal: reading stops, writes in flight finish, the checkpoint is saved. A second one ends at once. */
  'run.stopping': { readonly graceful: true };
  /** Of the run as a whole, and of no single shard. */
  'run.warning': Fault;
  /** A listener threw and was dropped. */
  'listener.failed': { readonly failedAt: EventName; readonly code: ErrorCode };
}

export interface ProgressSnapshot {
  readonly table: string;
  readonly phase: Phase;
  readonly counts: Counts;
  readonly estimatedRows: number;
  readonly rowsPerSecond: number;
  readonly itemsPerSecond: number;
  /** Write (backfill) or read (verify) units per second, and what the budget allows. */
  readonly unitsPerSecond: number;
  readonly unitsLimit: number;
  /** Requests throttled, and failures of either side that were tried again, since this process started. */
  readonly throttles: number;
  readonly retries: number;
  /** Seconds left at the present rate; null while unknown. */
  readonly etaSeconds: number | null;
}

export type EventName = keyof EventMap;

/**
 * Every event. Those of single chunks and batches come `often`, thousands a second in a fast run; `shard.progress` sums
 * them up.
 */
export const EVENTS: Readonly<Record<EventName, 'verbose' | 'normal'>> = {
  'shard.started': 'normal',
  'shard.phase': 'normal',
  'table.planned': 'normal',
  'verification.again': 'normal',
  'verification.kept': 'normal',
  'chunk.read': 'verbose',
  'chunk.acknowledged': 'verbose',
  'chunk.compared': 'verbose',
  'watermark.advanced': 'verbose',
  'segment.completed': 'normal',
  'batch.sent': 'verbose',
  'batch.acknowledged': 'verbose',
  'request.retried': 'normal',
  'target.throttled': 'normal',
  'target.misreported': 'normal',
  'source.retried': 'normal',
  'source.paused': 'normal',
  'source.resumed': 'normal',
  'shard.paused': 'normal',
  'shard.resumed': 'normal',
  'source.probe_failed': 'normal',
  'register.waited': 'normal',
  'row.rejected': 'normal',
  'difference.found': 'normal',
  'events.dropped': 'normal',
  'shard.progress': 'normal',
  'shard.stalled': 'normal',
  'shard.warning': 'normal',
  'shard.finished': 'normal',
  'run.stopping': 'normal',
  'run.warning': 'normal',
  'listener.failed': 'normal',
};

/**
 * Few, and what follows cannot be understood without them; or, of warnings, no state has them. All that is of no shard:
 * no state counts it.
 */
export const NEVER_LEFT_OUT: ReadonlySet<EventName> = new Set([
  'shard.started',
  'shard.phase',
  'table.planned',
  'shard.finished',
  'shard.paused',
  'shard.resumed',
  'shard.warning',
  'events.dropped',
  'run.stopping',
  'run.warning',
  'listener.failed',
]);

/** When and in which run something emitted an event. */
export interface EventStamp {
  /** Wall clock of the process that emitted it, in ms since the epoch. */
  readonly at: number;
  /** Id of the run: all processes of one run give the same. */
  readonly run: string;
}

/** An event with its stamp, as it crosses a process border. */
export type EventRecord = {
  readonly [N in EventName]: EventStamp & { readonly name: N; readonly payload: EventMap[N] };
}[EventName];

export type Listener<N extends EventName> = (payload: EventMap[N]) => void;
export type AnyListener = (record: EventRecord) => void;

export interface Emitter {
  emit<N extends EventName>(name: N, payload: EventMap[N]): void;
}
