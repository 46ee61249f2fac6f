/** The words that the report of a verb is made of: each verb that runs over shards has its own. */
import type { VerbName } from '../../engine/verbs.js';
import type { OutcomeOf } from '../../wiring/run/shard-task.js';

/** A run, as its report needs to know it. */
export interface ReportedRun {
  readonly dryRun: boolean;
  /** Another program writes the same items (target.liveWriter: concurrent). */
  readonly liveWriter: boolean;
  /** The words that name the same shards again, for the next step: `--all`, `--shard s01`. */
  readonly selection: string;
  /** What resumes this run, where the same command would start all again; null: the same command. */
  readonly resume: string | null;
  /** Shards that were to start again, and have not: the state has what they were before. Known at the end. */
  readonly restartsLeft: readonly string[];
}

export interface VerbReport<Name extends VerbName> {
  /**
   * Says what the shard came to, where it was neither interrupted nor failed: `verified`, `NOT verified: 2 missing`.
   */
  verdict(run: ReportedRun, outcome: OutcomeOf<Name>): string;
  /** Says how much was done: counts, capacity units, time. */
  amount(outcome: OutcomeOf<Name>): string;
  /** Says of a shard whose process was not started what earlier runs did. */
  notStarted(outcome: OutcomeOf<Name>): string;
  /**
   * Says what a reader has to know of the shard besides, a line each. @param restartLeft what the state has is of
   * before a restart
   */
  details(run: ReportedRun, outcome: OutcomeOf<Name>, restartLeft: boolean): readonly string[];
  /** Said behind the command that resumes an interrupted run; empty: nothing. */
  readonly resumeNote: string;
  /** Says what to do next, where no shard was interrupted or failed; lines, without a line break at the end. */
  nextStep(run: ReportedRun, outcomes: readonly OutcomeOf<Name>[]): string;
}
