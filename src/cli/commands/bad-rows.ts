/**
 * `dynaferry bad-rows` lists the rows that could not be moved. It reads only the state files, whether a run is active
 * or not.
 */
import { Command, Option } from 'commander';
import { ERROR_CODES, EXIT, type ExitCode, type Fault } from '../../core/errors.js';
import { asFerryError } from '../../core/thrown.js';
import type { BadRowLook } from '../../state/status/read-bad-rows.js';
import { badRowLines, badRowRecords, type BadRowList, type ListedShard } from '../report/bad-row-list.js';
import { loadConfigOf, shardsOf, wholeNumber, type CommonOptions } from '../common-options.js';
import { writeLines, type Io } from '../io.js';

interface BadRowsOptions extends CommonOptions {
  readonly shard: readonly string[];
  readonly all: boolean;
  readonly dryRun: boolean;
  readonly limit?: number;
  readonly showValues: boolean;
}

/** Rows that the text output shows by default; NDJSON has all. */
const SHOWN_ROWS = 20;

export function badRowsCommand(io: Io, finish: (code: ExitCode) => void): Command {
  return new Command('bad-rows')
    .description('List the rows that could not be moved, why, and what to do. Reads only the state files.')
    .argument('[shard...]', 'only these shards (default: all)')
    .addOption(new Option('-c, --config <file>', 'the config file').default('dynaferry.yaml'))
    .addOption(new Option('-s, --shard <id...>', 'only these shards, named by option').default([], 'all shards'))
    .addOption(new Option('--all', 'all shards of the config').default(false).conflicts('shard'))
    .addOption(new Option('--dry-run', 'list what the last `backfill --dry-run` found instead').default(false))
    .addOption(
      new Option(
        '--limit <rows>',
        `number of rows to list one by one (default: ${SHOWN_ROWS}; with --json all)`,
      ).argParser(wholeNumber(0)),
    )
    .addOption(new Option('--json', 'NDJSON on stdout: groups, rows, and a total for each shard').default(false))
    .addOption(new Option('--show-values', "show the rows' scan keys; they are other people's data").default(false))
    .addHelpText(
      'after',
      `
Examples:
  $ dynaferry bad-rows
  $ dynaferry bad-rows s01 --limit 100 --show-values

Counts bad rows by table, column and reason, then lists them. Exits 1 if there are any.`,
    )
    .action(async (positional: readonly string[], options: BadRowsOptions, command: Command) => {
      if (options.all && positional.length > 0) command.error("error: option '--all' cannot be used with named shards");
      finish(await badRows(io, { ...options, shard: [...options.shard, ...positional] }));
    });
}

async function badRows(io: Io, options: BadRowsOptions): Promise<ExitCode> {
  const config = await loadConfigOf(io, options);
  const shards = await shardsOf(config, options.shard);
  const { lookAtBadRows } = await import('../../state/status/read-bad-rows.js');
  const { stateFolder } = await import('../../wiring/run/open-shard-run.js');
  const folder = stateFolder(config, options.dryRun);
  const tables = config.source.tables.map(({ name }) => name);
  const list = options.json
    ? badRowRecords(options.showValues)
    : badRowLines({ ...options, columns: io.stdout.columns ?? 100 });
  let left = options.limit ?? (options.json ? Number.MAX_SAFE_INTEGER : SHOWN_ROWS);
  const found: ListedShard[] = [];
  const faults: Fault[] = [];
  for (const shard of shards) {
    const look = lookAtBadRows({ folder, shard }, tables);
    try {
      const listed = { shard, known: look?.known ?? null };
      found.push(listed);
      const { rows, fault, read } = await listShard(io, list, listed, look, left);
      left -= rows;
      if (fault !== null) faults.push(fault);
      // The reader of stdout has left.
      if (!read) return exitCodeOf(found, faults);
    } finally {
      look?.close();
    }
  }
  await writeLines(io.stdout, list.end(found));
  return exitCodeOf(found, faults);
}

interface Listing {
  /** Rows that were listed. */
  readonly rows: number;
  readonly fault: Fault | null;
  /** The reader took everything. */
  readonly read: boolean;
}

async function listShard(
  io: Io,
  list: BadRowList,
  shard: ListedShard,
  look: BadRowLook | null,
  limit: number,
): Promise<Listing> {
  let rows = 0;
  let fault = shard.known?.fault ?? null;
  if (!(await writeLines(io.stdout, list.head(shard)))) return { rows, fault, read: false };
  let broken: Fault | null = null;
  try {
    for (const part of look?.parts(limit) ?? []) {
      const lines = part.map((row) => list.row(shard.shard, row));
      if (!(await writeLines(io.stdout, lines))) return { rows, fault, read: false };
      rows += part.length;
    }
  } catch (thrown) {
    broken = asFerryError(thrown, `shard ${shard.shard}`).toFault();
    fault = broken;
  }
  return { rows, fault, read: await writeLines(io.stdout, list.tail(shard, rows, broken)) };
}

/** Returns the exit code. A fault comes first: a file that cannot be read may hold any number of bad rows. */
function exitCodeOf(found: readonly ListedShard[], [fault]: readonly Fault[]): ExitCode {
  if (fault !== undefined) return ERROR_CODES[fault.code].exit;
  return found.some(({ known }) => known !== null && known.groups.length > 0) ? EXIT.differences : EXIT.done;
}
