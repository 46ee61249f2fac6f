/** What a command asks of a run over shards. */
import type { Config } from '../config/model.js';
import type { OptionsOf, VerbName } from '../engine/verbs.js';
import type { VerbReport } from './report/verb-report.js';

/** What the commands that run a verb have in common. */
export interface RunRequest<Name extends VerbName> {
  readonly verb: Name;
  readonly report: VerbReport<Name>;
  /** Returns what the verb is asked for, by shard; called once the preflight has passed. */
  options(config: Config, shards: readonly string[]): Promise<(shard: string) => OptionsOf<Name>>;
  /** Options of the verb's own on the command line, as a command that resumes the run repeats them. */
  readonly repeated: readonly string[];
  readonly jobs: number | undefined;
  readonly dryRun: boolean;
  readonly createTable: boolean;
  readonly restart: boolean;
  /** With `--all`, shards that were never started are left out: there is nothing to work on. */
  readonly onlyStarted: boolean;
  /** Go on from another MySQL server, though nothing proves that it has the same data. */
  readonly acceptServer: boolean;
  /** Log the events of single chunks and batches too. */
  readonly allEvents: boolean;
}
