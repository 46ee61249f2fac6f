/**
 * A verb is one thing that a run does with a shard, as one object. It says what the run plans, what it opens, how it
 * works through a table, and what it concludes. Its file in `engine/` has all of it, except the words of its report,
 * which stand in the command line (`cli/report/`).
 *
 * A new verb is one file here, one command, and one line in `engine/verbs.ts`.
 */
import type { ExitCode, Fault } from '../../core/errors.js';
import type { StateStore } from '../../core/ports/state-ports.js';
import type { PassSummary } from '../../core/ports/state-records.js';
import type { TableJob } from '../pass/table-job.js';
import type { ShardRecord, ShardRun } from './shard-run.js';

/** The outcome of a shard's work. */
export interface Verdict {
  /** `unproven`: nothing is known to be wrong, but not all was compared, or what was compared may still change. */
  readonly status: 'done' | 'differences' | 'unproven' | 'failed';
  readonly exitCode: ExitCode;
  /** Why it failed; null in any other case. */
  readonly fault: Fault | null;
}

/** The newest passes over one table, as the state has them; null: the state has no such pass. */
export interface RecordedPasses {
  readonly backfill: PassSummary | null;
  readonly verify: PassSummary | null;
}

/** A verb whose connections are open. */
export interface OpenedVerb<Result> {
  /** Works through one table of the plan. @throws FerryError of the source, the target or the state; E_INTERRUPTED */
  work(job: TableJob): Promise<void>;
  /** Frees the connections and registers. The driver calls it once, also after a fault. */
  close(): Promise<void>;
  /** Gives the verdict. The driver calls it once, after `close`, and only if no table threw. */
  conclude(): Verdict & Result;
}

/**
 * `Options` and `Result` cross a process border: they are plain data. A result has `counts`: what the verb moved,
 * compared or looked at.
 */
export interface Verb<Options, Result> {
  /** The command that runs it, and the name in reports: `dynaferry <command>`. */
  readonly command: string;
  /** The capacity of the target that it consumes. The run shares the configured units of that kind. */
  readonly consumes: 'write' | 'read';
  /** It may create a shard's state. If not, the state must exist. */
  readonly startsState: boolean;
  /** It accepts a mapping that changed for columns with bad rows; any other verb refuses such a change. */
  readonly acceptsMapping: boolean;
  /**
   * How the verb decides which register guards the item keys: by the config, or as the shard's backfill recorded it. A
   * verb that overwrites nothing needs no other guard than its backfill had.
   */
  readonly keyGuard: 'configured' | 'recorded';
  /** The result of a shard of which nothing is known. */
  readonly nothing: Result;
  /** Returns whether the run continues an unfinished pass over the table. @param maxAgeMs as in `ShardRun` */
  resumes(store: StateStore, table: string, maxAgeMs: number): boolean;
  /** Returns the tables that the run has to work through, in this order; an empty list if all is done. */
  plan(run: ShardRun<Options>): readonly TableJob[];
  /**
   * Opens what the tables of the plan need, and emits what is known at the start. @throws FerryError E_TARGET_*;
   * E_STATE_*
   */
  open(run: ShardRun<Options>, tables: readonly TableJob[]): Promise<OpenedVerb<Result>>;
  /** Returns the state's result for the shard, for the report of a run that stopped before its verdict. */
  known(record: ShardRecord): Result;
  /** Returns the pass whose counts a report shows, where the shard's process ended without a report; null: no pass. */
  counted(recorded: RecordedPasses): PassSummary | null;
}

/** Runs a verb over one shard. @throws FerryError of the source, the target or the state; E_INTERRUPTED */
export async function runVerb<Options, Result>(
  verb: Verb<Options, Result>,
  run: ShardRun<Options>,
): Promise<Verdict & Result> {
  const tables = verb.plan(run);
  const opened = await verb.open(run, tables);
  try {
    for (const job of tables) await opened.work(job);
  } catch (thrown) {
    // A fault of closing must not hide why the work ended.
    await opened.close().catch(() => undefined);
    throw thrown;
  }
  await opened.close();
  return opened.conclude();
}
