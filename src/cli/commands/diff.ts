/**
 * `dynaferry diff` is the dry run of single rows. It shows the item that a run would write, beside the item in the
 * target.
 */
import { Command, Option } from 'commander';
import { EXIT, FerryError, type ExitCode, type Fault } from '../../core/errors.js';
import { ofServer } from '../../core/text/shown-text.js';
import { bytes, plural } from '../../wording/number-format.js';
import type { ItemDiff, RowDiff } from '../../engine/diff.js';
import type { Config } from '../../config/model.js';
import type { RowChoice } from '../../wiring/look/explain-row.js';
import type { TableDiff } from '../../wiring/look/diff-shard.js';
import { addShardOptions, loadConfigOf, shardsOf, wholeNumber, type ShardOptions } from '../common-options.js';
import { writeJson, writeLine, type Io } from '../io.js';
import { printFault } from '../print-error.js';
import { lookedAt, printFailed } from '../looked-at.js';
import { printPlaces } from '../print-places.js';
import { stopOnSignals } from '../signals.js';

interface DiffOptions extends ShardOptions {
  readonly sample?: number;
  readonly keys: readonly string[];
  readonly table?: string;
  readonly explain: boolean;
  readonly key?: string;
  readonly where?: string;
  readonly badRow?: number;
  readonly showValues: boolean;
}

export function diffCommand(io: Io, finish: (code: ExitCode) => void): Command {
  return addShardOptions(new Command('diff'))
    .description('Show for single rows what would be written, beside what is in the target. Writes nothing.')
    .addOption(
      new Option('--sample <rows>', 'number of rows to show, spread over each table (default: 10)')
        .argParser(wholeNumber(1, 10_000))
        .conflicts('keys'),
    )
    .addOption(
      new Option(
        '--keys <key...>',
        'show the rows with these keys: the columns of the scan key, joined by commas, or a key that `differences` lists',
      ).default([], 'none'),
    )
    .addOption(
      new Option(
        '--explain',
        'explain how dynaferry makes each attribute of one row: the first row, or that of --key, --where or --bad-row',
      )
        .default(false)
        .conflicts(['sample', 'keys']),
    )
    .addOption(
      new Option('--key <key>', 'explain the row with this key, as --keys takes it').conflicts(['where', 'badRow']),
    )
    .addOption(new Option('--where <sql>', 'explain a row that meets this condition').conflicts('badRow'))
    .addOption(new Option('--bad-row <n>', 'explain row #n of `bad-rows`').argParser(wholeNumber(1)))
    .addOption(new Option('--table <name>', 'only this table'))
    .addOption(new Option('--show-values', "show row values; they are other people's data").default(false))
    .addHelpText(
      'after',
      `
Examples:
  $ dynaferry diff --shard s01 --sample 20
  $ dynaferry diff --shard s01 --keys AC0123,SM4567 --show-values
  $ dynaferry diff --shard s01 --keys '{"pk":{"S":"AC0123"},"sk":{"S":"SM4567"}}'
  $ dynaferry diff --shard s01 --explain --key AC0123,SM4567

Exits 1 if a row is bad or an existing item would change.`,
    )
    .action(async (options: DiffOptions) => {
      finish(await diff(io, options));
    });
}

async function diff(io: Io, options: DiffOptions): Promise<ExitCode> {
  const config = await loadConfigOf(io, options);
  const shards = await shardsOf(config, options.shard);
  if (options.table !== undefined && !config.source.tables.some((table) => table.name === options.table)) {
    throw new FerryError(
      'E_USAGE',
      `the config has no table "${options.table}"`,
      `it has ${config.source.tables.map((table) => table.name).join(', ')}`,
    );
  }
  if (options.explain) return await explain(io, config, shards, options);
  if (options.key !== undefined || options.where !== undefined || options.badRow !== undefined)
    throw new FerryError('E_USAGE', '--key, --where and --bad-row need --explain', 'add --explain, or use --keys');
  const { diffShard } = await import('../../wiring/look/diff-shard.js');
  const { lookAtTargetPlace, placesOf } = await import('../../wiring/look/places.js');
  const { namedRows } = await import('../../wiring/look/named-rows.js');
  const { sideBySide } = await import('../../wiring/look/side-by-side.js');
  const { openReadBudget } = await import('../../wiring/shared-budget.js');
  const reads = openReadBudget(config, (fault) => warn(io, options.json, fault));
  const stopping = stopOnSignals(io);
  try {
    const table = options.table ?? null;
    const named = options.keys.length === 0 ? null : namedRows(config, shards, table, options.keys);
    const chosen = { table, named, sample: options.sample ?? 10 };
    const servers = new Map<string, string>();
    const [looked, target] = await Promise.all([
      sideBySide(config, shards, stopping.stop, (shard) =>
        diffShard(config, shard, chosen, reads.bucket, stopping.stop, (server) => servers.set(shard, server)),
      ),
      lookAtTargetPlace(config, stopping.stop),
    ]);
    const places = placesOf(config, shards, target, servers);
    if (!options.json) printPlaces(io, null, places);
    const { found, failed, exitCode } = lookedAt(looked);
    const tables = found.flat();
    const rows = tables.flatMap((table) => table.rows);
    if (named !== null && rows.length === 0 && failed.length === 0) {
      throw new FerryError(
        'E_USAGE',
        named.recorded.length > 0
          ? 'MySQL no longer has the row whose difference a verification recorded under that key'
          : 'no shard has a row with such a key',
        "give the scan key's columns in order, joined by commas, as `dynaferry diff --sample 1` shows them",
      );
    }
    if (options.json)
      writeJson(io, {
        places,
        tables: options.showValues ? tables : tables.map(withoutValues),
        failed,
        totals: totals(rows),
      });
    else {
      print(io, tables, options.showValues);
      printFailed(io, failed);
    }
    const { changed, bad } = totals(rows);
    if (exitCode !== null) return exitCode;
    return changed + bad === 0 ? EXIT.done : EXIT.differences;
  } finally {
    reads.end();
    stopping.end();
  }
}

/** Prints a warning on stderr, as an event if `--json` asks for events. */
function warn(io: Io, json: boolean, fault: Fault): void {
  if (!json) printFault(io.stderr, 'warning', fault);
  else writeLine(io.stderr, JSON.stringify({ time: new Date().toISOString(), event: 'run.warning', ...fault }));
}

/** Explains one row. It exits with 1 if the row is bad. */
async function explain(
  io: Io,
  config: Config,
  shards: readonly string[],
  { key, where, badRow, table, json, showValues }: DiffOptions,
): Promise<ExitCode> {
  const { explainRowOf } = await import('../../wiring/look/explain-row.js');
  const { lookAtTargetPlace, placesOf } = await import('../../wiring/look/places.js');
  const { printExplanation } = await import('./explain.js');
  const stopping = stopOnSignals(io);
  try {
    const servers = new Map<string, string>();
    const reached = (shard: string, server: string): void => void servers.set(shard, server);
    const choice = choiceOf(key, where, badRow);
    const placed = lookAtTargetPlace(config, stopping.stop);
    const [found] = await Promise.allSettled([
      explainRowOf(config, shards, table ?? null, choice, stopping.stop, reached),
    ]);
    // The search ends at the first shard with such a row. The others were not looked at.
    const places = placesOf(config, servers.size === 0 ? shards : [...servers.keys()], await placed, servers);
    if (!json) printPlaces(io, null, places);
    if (found.status === 'rejected') throw found.reason;
    const row = found.value;
    printExplanation(io, config, row, { json, showValues, places });
    if (!json) printFailed(io, row.failed);
    return row.outcome === 'bad' ? EXIT.differences : EXIT.done;
  } finally {
    stopping.end();
  }
}

function choiceOf(key: string | undefined, condition: string | undefined, number: number | undefined): RowChoice {
  if (key !== undefined) return { by: 'key', key };
  if (condition !== undefined) return { by: 'where', condition };
  return number === undefined ? { by: 'first' } : { by: 'bad-row', number };
}

function print(io: Io, tables: readonly TableDiff[], showValues: boolean): void {
  for (const { shard, table, rows } of tables) {
    for (const row of rows) {
      writeLine(io.stdout, `${shard} ${table}  ${row.row}${row.outcome === 'expired' ? '  expired: skipped' : ''}`);
      if (row.bad !== null)
        writeLine(io.stdout, `  bad      ${row.bad.column ?? 'item'}: ${row.bad.reason}; ${row.bad.remedy}`);
      for (const item of row.items) printItem(io, item, showValues);
    }
  }
  const { created, same, changed, newer, bad, expired } = totals(tables.flatMap((table) => table.rows));
  writeLine(
    io.stdout,
    `${plural(created + same + changed + newer, 'item')}: ${created} new, ${same} same, ${changed} changed${newer > 0 ? `, ${newer} newer in the target` : ''}; ${plural(bad, 'bad row')}, ${expired} expired`,
  );
  if (!showValues && created + changed + newer > 0) writeLine(io.stdout, 'values are hidden; --show-values shows them');
}

function fate({ outcome }: ItemDiff, { held, mapped }: ItemDiff['attributes'][number]): string {
  if (outcome === 'newer') return 'stays as it is in the target';
  return held === null ? 'would be added' : mapped === null ? 'would be removed' : 'would change';
}

function printItem(io: Io, item: ItemDiff, showValues: boolean): void {
  writeLine(io.stdout, `  ${item.outcome.padEnd(8)} ${item.keyText}  ${bytes(item.bytes)}`);
  if (!showValues && item.outcome === 'new') return;
  for (const attribute of item.attributes) {
    const { held, mapped } = attribute;
    const name = ofServer(attribute.name);
    if (!showValues) {
      writeLine(io.stdout, `    ${name}: ${fate(item, attribute)}`);
    } else {
      if (held !== null) writeLine(io.stdout, `    - ${name}: ${held}`);
      if (mapped !== null) writeLine(io.stdout, `    + ${name}: ${mapped}`);
    }
  }
}

function withoutValues(table: TableDiff): unknown {
  const bare = (item: ItemDiff): unknown => ({ ...item, attributes: item.attributes.map(({ name }) => name) });
  return { ...table, rows: table.rows.map((row) => ({ ...row, items: row.items.map(bare) })) };
}

function totals(rows: readonly RowDiff[]): {
  created: number;
  same: number;
  changed: number;
  newer: number;
  bad: number;
  expired: number;
} {
  const items = rows.flatMap((row) => row.items);
  const outcome = (wanted: ItemDiff['outcome']): number => items.filter((item) => item.outcome === wanted).length;
  return {
    created: outcome('new'),
    same: outcome('same'),
    changed: outcome('changed'),
    newer: outcome('newer'),
    bad: rows.filter((row) => row.outcome === 'bad').length,
    expired: rows.filter((row) => row.outcome === 'expired').length,
  };
}
