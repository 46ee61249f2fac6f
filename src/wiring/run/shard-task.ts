/** The task of a shard's process, and its outcome. Both are plain data, since they cross a process border. */
import type { SentConfig } from '../../config/model.js';
import { EXIT, type ExitCode, type Fault } from '../../core/errors.js';
import { asFerryError } from '../../core/thrown.js';
import type { RowsResult } from '../../engine/verb/shard-result.js';
import type { Verdict } from '../../engine/verb/verb.js';
import { VERBS, type OptionsOf, type ResultOf, type VerbName } from '../../engine/verbs.js';

/** A task of one verb. */
export interface TaskOf<Name extends VerbName> {
  readonly verb: Name;
  readonly options: OptionsOf<Name>;
  readonly shard: string;
  /** The config at the start of the run. Changes that are saved to the file during a run reach no shard. */
  readonly config: SentConfig;
  /** Map every row and write nothing. */
  readonly dryRun: boolean;
  /** Put the shard's state aside and start again. */
  readonly restart: boolean;
  /**
   * Identity of the target table at the start of the whole run. A shard that starts days later must not take another
   * table for it. null: any.
   */
  readonly target: string | null;
  /**
   * Continue from another MySQL server, or from a table that was rebuilt, although nothing proves that it has the same
   * data.
   */
  readonly acceptServer: boolean;
  /** SELECTs at once on the shard's server. */
  readonly scans: number;
  /** Send the events of single chunks and batches too. */
  readonly everyEvent: boolean;
  /** Capacity units per second to start with. The supervisor sends changes. */
  readonly units: number;
}

export type ShardTask = { [Name in VerbName]: TaskOf<Name> }[VerbName];

/** How a shard's work ended, whatever the verb. */
export interface Ending {
  readonly shard: string;
  readonly status: Verdict['status'] | 'interrupted';
  readonly exitCode: ExitCode;
  /**
   * The source of this outcome. `process`: the shard's process. `state`: the state, as the process ended without a
   * report. `nobody`: the process did not start.
   */
  readonly toldBy: 'process' | 'state' | 'nobody';
  readonly fault: Fault | null;
  /** ms. */
  readonly elapsedMs: number;
}

/** The outcome of one verb on one shard: how it ended, and the verb's own result. */
export type OutcomeOf<Name extends VerbName> = Ending & { readonly verb: Name } & ResultOf<Name>;

/** The state's records of a shard whose process ended without a report: a part of every verb's result. */
export type RecordedWork = Pick<RowsResult, 'counts' | 'badRows' | 'backfillFinished' | 'unfinished'>;

export type ShardOutcome = { [Name in VerbName]: OutcomeOf<Name> }[VerbName];

/**
 * Returns the outcome of a shard whose work could not start, or ended without a report.
 * @param known what the state records for it
 */
export function failedOutcome(
  { verb, shard }: Pick<ShardTask, 'verb' | 'shard'>,
  thrown: unknown,
  known: Partial<Ending & RecordedWork> = {},
): ShardOutcome {
  const error = asFerryError(thrown, `shard ${shard}`);
  const ending: Ending = {
    shard,
    status: error.exitCode === EXIT.interrupted ? 'interrupted' : 'failed',
    exitCode: error.exitCode,
    toldBy: 'process',
    fault: error.toFault(),
    elapsedMs: 0,
  };
  // The result and the name of the verb come from one task. TypeScript cannot follow that through the registry.
  return { ...VERBS[verb].nothing, verb, ...ending, ...known } as ShardOutcome;
}
