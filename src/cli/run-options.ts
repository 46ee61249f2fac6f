/** The options of a run over shards, as a command passes them on. */
import type { Config } from '../config/model.js';
import type { OptionsOf, VerbName } from '../engine/verbs.js';
import type { VerbReport } from './report/verb-report.js';

/** The options that all commands with a verb share. */
export interface RunRequest<Name extends VerbName> {
  readonly verb: Name;
  readonly report: VerbReport<Name>;
  /** Returns the verb's options by shard. It is called once the preflight has passed. */
  options(config: Config, shards: readonly string[]): Promise<(shard: string) => OptionsOf<Name>>;
  /** The verb's own options on the command line, for the command that resumes the run. */
  readonly repeated: readonly string[];
  readonly jobs: number | undefined;
  readonly dryRun: boolean;
  readonly createTable: boolean;
  /** A first backfill may write to a table with items that no state knows. */
  readonly intoExisting: boolean;
  readonly restart: boolean;
  /** The operator has agreed to the restart on the command line. */
  readonly yes: boolean;
  /** With `--all`, leaves out shards that never started, since there is nothing to work on. */
  readonly onlyStarted: boolean;
  /** Continues from another MySQL server, although nothing proves that it has the same data. */
  readonly acceptServer: boolean;
  /** Log the events of single chunks and batches too. */
  readonly allEvents: boolean;
}
