/**
 * `dynaferry differences` lists what the last verification found missing, differing or unresolved. It reads only the
 * state files, whether a run is active or not.
 */
import { Command, Option } from 'commander';
import { ERROR_CODES, EXIT, type ExitCode, type Fault } from '../../core/errors.js';
import { asFerryError } from '../../core/thrown.js';
import type { DifferenceLook } from '../../state/status/read-differences.js';
import { loadConfigOf, shardsOf, wholeNumber, type CommonOptions } from '../common-options.js';
import { writeLines, type Io } from '../io.js';
import {
  DIFFERENCE_CLASSES,
  differenceLines,
  differenceRecords,
  totalsOf,
  unproven,
  type DifferenceList,
  type ListedShard,
} from '../report/difference-list.js';

type DifferenceClass = (typeof DIFFERENCE_CLASSES)[number];

interface DifferencesOptions extends CommonOptions {
  readonly shard: readonly string[];
  readonly all: boolean;
  readonly class?: DifferenceClass;
  readonly limit?: number;
}

export function differencesCommand(io: Io, finish: (code: ExitCode) => void): Command {
  return new Command('differences')
    .description('What the last verification found missing, differing or unresolved. Reads the state files only.')
    .argument('[shard...]', 'only these shards (default: all)')
    .addOption(new Option('-c, --config <file>', 'the config file').default('dynaferry.yaml'))
    .addOption(new Option('-s, --shard <id...>', 'only these shards, named by option').default([], 'all shards'))
    .addOption(new Option('--all', 'all shards of the config').default(false).conflicts('shard'))
    .addOption(new Option('--class <class>', 'only these differences').choices(DIFFERENCE_CLASSES))
    .addOption(new Option('--limit <items>', 'items listed one by one (default: all)').argParser(wholeNumber(0)))
    .addOption(new Option('--json', 'NDJSON on stdout: items, and a total for each shard').default(false))
    .addHelpText(
      'after',
      `
Examples:
  $ dynaferry differences
  $ dynaferry differences --shard s01 --class missing --json

Lists each item with its key, the scan key of its row and the names of the attributes that differ. Keys are other
people's data; \`--limit 0\` shows counts alone. \`dynaferry diff --keys\` takes either key. Exits 1 when items are missing
or differ. Else exits 7 when a table has no verification that stands, or an item is unresolved.`,
    )
    .action(async (positional: readonly string[], options: DifferencesOptions, command: Command) => {
      if (options.all && positional.length > 0)
        command.error("error: option '--all' cannot be used with shards that are named");
      finish(await differences(io, { ...options, shard: [...options.shard, ...positional] }));
    });
}

async function differences(io: Io, options: DifferencesOptions): Promise<ExitCode> {
  const config = await loadConfigOf(io, options);
  const shards = await shardsOf(config, options.shard);
  const { lookAtDifferences } = await import('../../state/status/read-differences.js');
  const tables = config.source.tables.map(({ name }) => name);
  const wanted = options.class ?? null;
  const list = options.json
    ? differenceRecords(wanted)
    : differenceLines({ wanted, columns: io.stdout.columns ?? 100 });
  let left = options.limit ?? Number.MAX_SAFE_INTEGER;
  const found: ListedShard[] = [];
  const faults: Fault[] = [];
  for (const shard of shards) {
    const look = lookAtDifferences({ folder: config.state, shard }, tables);
    try {
      const listed = { shard, known: look?.known ?? null };
      found.push(listed);
      const { items, fault, read } = await listShard(io, list, listed, look, left, wanted);
      left -= items;
      if (fault !== null) faults.push(fault);
      // The reader of stdout has left.
      if (!read) return exitCodeOf(shards.length === found.length ? found : [...found, NOT_LOOKED_AT], faults, wanted);
    } finally {
      look?.close();
    }
  }
  await writeLines(io.stdout, list.end(found));
  return exitCodeOf(found, faults, wanted);
}

interface Listing {
  /** Items that were listed. */
  readonly items: number;
  readonly fault: Fault | null;
  /** The reader took everything. */
  readonly read: boolean;
}

async function listShard(
  io: Io,
  list: DifferenceList,
  shard: ListedShard,
  look: DifferenceLook | null,
  limit: number,
  wanted: DifferenceClass | null,
): Promise<Listing> {
  let items = 0;
  let fault = shard.known?.fault ?? null;
  if (!(await writeLines(io.stdout, list.head(shard)))) return { items, fault, read: false };
  let broken: Fault | null = null;
  try {
    for (const part of look?.parts(limit, wanted) ?? []) {
      const lines = part.map((difference) => list.item(shard.shard, difference));
      if (!(await writeLines(io.stdout, lines))) return { items, fault, read: false };
      items += part.length;
    }
  } catch (thrown) {
    broken = asFerryError(thrown, `shard ${shard.shard}`).toFault();
    fault = broken;
  }
  return { items, fault, read: await writeLines(io.stdout, list.tail(shard, items, items >= limit, broken)) };
}

/** Stands for the shards that were not looked at, so that no exit code says that they have no differences. */
const NOT_LOOKED_AT: ListedShard = { shard: '', known: null };

/**
 * Returns the exit code. A fault comes first: a file that cannot be read may hold any number of differences. What an
 * unfinished backfill has not moved yet is not wrong, and an unresolved item is not proven, as `verify` has it.
 */
function exitCodeOf(
  found: readonly ListedShard[],
  [fault]: readonly Fault[],
  wanted: DifferenceClass | null,
): ExitCode {
  if (fault !== undefined) return ERROR_CODES[fault.code].exit;
  const tables = found.flatMap(({ known }) => known?.tables ?? []);
  const moved = tables.filter(({ evidence }) => evidence !== 'backfill-unfinished');
  if (totalsOf(moved, wanted).missing + totalsOf(tables, wanted).differing > 0) return EXIT.differences;
  const open = found.some(({ known }) => known === null || known.unproven || unproven(known).length > 0);
  return open || totalsOf(tables, wanted).unresolved > 0 ? EXIT.notProven : EXIT.done;
}
