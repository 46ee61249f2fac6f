/** `dynaferry backfill` moves shards. Run again, it resumes. */
import { Command, Option } from 'commander';
import type { ExitCode } from '../../core/errors.js';
import {
  acceptServerOption,
  addShardOptions,
  allEventsOption,
  intoExistingOption,
  jobsOption,
  wholeNumber,
  type ShardOptions,
} from '../common-options.js';
import type { Io } from '../io.js';
import { BACKFILL_REPORT } from '../report/backfill-report.js';
import { RETRY_BAD_REPORT } from '../report/retry-bad-report.js';
import { runShards } from '../run-shards.js';

interface BackfillOptions extends ShardOptions {
  readonly jobs?: number;
  readonly dryRun: boolean;
  readonly createTable: boolean;
  readonly intoExisting: boolean;
  readonly restart: boolean;
  readonly yes: boolean;
  readonly retryBad: boolean;
  readonly maxBadRows: number;
  readonly acceptServer: boolean;
  readonly allEvents: boolean;
}

export function backfillCommand(io: Io, finish: (code: ExitCode) => void): Command {
  return addShardOptions(new Command('backfill'))
    .description('Move shards: scan, map, write, checkpoint. Run it again to resume.')
    .addOption(jobsOption())
    .addOption(
      new Option('--dry-run', 'map every row and write nothing: finds all rows that do not fit the mapping')
        .default(false)
        // A dry run starts from the first row each time, needs no table, and continues whatever it finds.
        .conflicts(['restart', 'createTable', 'maxBadRows', 'acceptServer']),
    )
    .addOption(new Option('--create-table', 'create the target table if it is missing').default(false))
    .addOption(intoExistingOption().conflicts(['dryRun', 'retryBad']))
    .addOption(
      new Option('--restart', "archive the shard's progress and start again from the first row")
        .default(false)
        // The restart also puts aside the server that the shard started from.
        .conflicts('acceptServer'),
    )
    .addOption(new Option('--yes', 'with --restart: do not ask first').default(false))
    .addOption(
      new Option('--retry-bad', 'only try the recorded bad rows again, with the current mapping')
        .default(false)
        .conflicts(['dryRun', 'createTable', 'restart']),
    )
    .addOption(
      new Option('--max-bad-rows <n>', 'number of bad rows that the run may record and leave behind')
        .default(0)
        .argParser(wholeNumber(0)),
    )
    .addOption(acceptServerOption())
    .addOption(allEventsOption())
    .addHelpText(
      'after',
      `
Examples:
  $ dynaferry backfill --all --dry-run
  $ dynaferry backfill --shard s01 --create-table
  $ dynaferry backfill --all --jobs 4
  $ dynaferry backfill --shard s01 --retry-bad

Ctrl-C stops with the checkpoint saved; the same command resumes. Exits 1 if it left bad rows behind.
--restart says what it gives up, and asks first.`,
    )
    .action(async (options: BackfillOptions, self: Command) => {
      if (options.yes && !options.restart) self.error("error: option '--yes' goes with --restart");
      const { jobs, dryRun, createTable, restart, acceptServer, allEvents, maxBadRows, retryBad, intoExisting } =
        options;
      const common = {
        ...{ jobs, dryRun, createTable, restart, yes: options.yes, acceptServer, allEvents },
        intoExisting,
        repeated: [
          ...(intoExisting ? ['--into-existing'] : []),
          ...(maxBadRows === 0 ? [] : ['--max-bad-rows', String(maxBadRows)]),
        ],
        options: () => Promise.resolve(() => ({ maxBadRows })),
      };
      const code = retryBad
        ? await runShards(io, options, { ...common, verb: 'retry-bad', report: RETRY_BAD_REPORT, onlyStarted: true })
        : await runShards(io, options, { ...common, verb: 'backfill', report: BACKFILL_REPORT, onlyStarted: false });
      finish(code);
    });
}
