/** `dynaferry verify` compares every row with its items. Run again after an interruption, it resumes. */
import { Command } from 'commander';
import type { Config } from '../../config/model.js';
import type { ExitCode } from '../../core/errors.js';
import type { OptionsOf } from '../../engine/verbs.js';
import {
  acceptServerOption,
  addShardOptions,
  allEventsOption,
  jobsOption,
  type ShardOptions,
} from '../common-options.js';
import type { Io } from '../io.js';
import { VERIFY_REPORT } from '../report/verify-report.js';
import { runShards } from '../run-shards.js';

interface VerifyOptions extends ShardOptions {
  readonly jobs?: number;
  readonly acceptServer: boolean;
  readonly allEvents: boolean;
}

export function verifyCommand(io: Io, finish: (code: ExitCode) => void): Command {
  return addShardOptions(new Command('verify'))
    .description('Compare every row with its items, item by item, and record counts and checksums of every chunk.')
    .addOption(jobsOption())
    .addOption(acceptServerOption())
    .addOption(allEventsOption())
    .addHelpText(
      'after',
      `
Example:
  $ dynaferry verify --all

Consumes at most target.readCapacity. Finds missing and differing items, not extra ones. Exits 1 with a list of item keys
and attribute names when anything is missing or differs. After an interruption the same command resumes; what was
compared too long ago (verify.maxAge) is compared again.`,
    )
    .action(async (options: VerifyOptions) => {
      finish(
        await runShards(io, options, {
          verb: 'verify',
          report: VERIFY_REPORT,
          options: takenOver,
          repeated: [],
          jobs: options.jobs,
          dryRun: false,
          createTable: false,
          restart: false,
          onlyStarted: false,
          acceptServer: options.acceptServer,
          allEvents: options.allEvents,
        }),
      );
    });
}

/** Returns what this run takes over from an earlier verification, and does not verify again. */
async function takenOver(config: Config, shards: readonly string[]): Promise<(shard: string) => OptionsOf<'verify'>> {
  const { takenOver } = await import('../../wiring/run/taken-over.js');
  const byShard = takenOver(config, shards);
  return (shard) => ({ takenOver: byShard.get(shard) ?? {} });
}
