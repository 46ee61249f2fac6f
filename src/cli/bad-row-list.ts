/**
 * The list of bad rows as lines for people and as records for programs: what is wrong by table, column and reason, then row by row. A
 * row is named by its number in the state; its key is a row value and shown only where that was asked for.
 */
import type { RecordedBadRow } from '../core/state-ports.js';
import { count, plural } from '../listeners/format.js';
import { wrap } from '../listeners/terminal.js';
import type { ShardBadRows } from '../state/read-bad-rows.js';

export interface ListedShard {
  readonly shard: string;
  /** null: nothing is recorded for it */
  readonly known: ShardBadRows | null;
}

export interface ListOptions {
  readonly showValues: boolean;
  /** The rows were found by a dry run. */
  readonly dryRun: boolean;
  /** Width of the terminal. */
  readonly columns: number;
}

type Group = ShardBadRows['groups'][number];

export function badRowLines(shards: readonly ListedShard[], options: ListOptions): readonly string[] {
  const lines = shards.flatMap(({ shard, known }) => shardLines(shard, known, options));
  const bad = shards.filter(({ known }) => known !== null && known.groups.length > 0).map(({ shard }) => shard);
  return [...lines, ...nextLines(bad, options).flatMap((line) => wrap(line, options.columns, 6))];
}

function shardLines(shard: string, known: ShardBadRows | null, options: ListOptions): readonly string[] {
  if (known === null) return [`${shard}  ${options.dryRun ? 'no dry run is recorded' : 'nothing is recorded yet'}`];
  if (known.fault !== null)
    return [`${shard}  ${known.fault.code}: ${known.fault.message}`, `  next: ${known.fault.hint}`];
  const total = totalOf(known);
  const soFar =
    known.unfinished.length === 0 ? '' : ` so far: ${known.unfinished.join(', ')} not gone through to the end yet`;
  if (total === 0) return [`${shard}  no bad rows${soFar}`];
  const left = total - known.rows.length;
  return [
    `${shard}  ${plural(total, 'bad row')}${options.dryRun ? ' found by the dry run' : ''}${soFar}`,
    ...known.groups.flatMap((group) => groupLines(group, options.columns)),
    ...known.rows.map((row) => rowLine(row, options.showValues)),
    ...(left > 0 ? [`  and ${count(left)} more, not listed one by one; --limit N lists more`] : []),
  ];
}

function groupLines(group: Group, columns: number): readonly string[] {
  return [
    ...indented(2, `${plural(group.rows, 'row')} of ${placeOf(group)}: ${group.reason}`, columns, 2),
    ...indented(4, `value   ${kindOf(group)}`, columns, 8),
    ...indented(4, `remedy  ${group.remedy}`, columns, 8),
  ];
}

/** @param hang by how much the lines behind the first stand further in */
function indented(indent: number, text: string, columns: number, hang: number): readonly string[] {
  return wrap(text, columns - indent, hang).map((line) => ' '.repeat(indent) + line);
}

function placeOf({ table, column }: { readonly table: string; readonly column: string | null }): string {
  return column === null ? `${table}, whole item` : `${table}, column ${column}`;
}

function kindOf({ kind, kinds }: Group): string {
  return kinds === 1 ? kind : `${kind}, and ${plural(kinds - 1, 'other kind')}`;
}

/** Never wrapped: one row, one line, for grep. */
function rowLine(row: RecordedBadRow, showValues: boolean): string {
  const where = row.place === null ? 'in no committed chunk' : `range ${row.place.range}, chunk ${row.place.chunk}`;
  const name = showValues ? row.key : where;
  return `  #${row.number}  ${row.table}  ${name}  ${row.column ?? 'item'}: ${row.kind}`;
}

function nextLines(bad: readonly string[], { showValues, dryRun }: ListOptions): readonly string[] {
  if (bad.length === 0) return [];
  const selection = `--shard ${bad.join(' ')}`;
  return [
    ...(showValues
      ? []
      : ['# numbers a row of its shard; --show-values shows the scan keys in the place of the chunks']),
    ...(dryRun
      ? ['next: change the mapping, or correct the rows in MySQL, and run the dry run again']
      : [
          `next: \`dynaferry diff --shard ${bad[0] ?? ''} --explain --bad-row N\` shows how row #N was mapped; change the mapping of these columns, or correct or delete the rows in MySQL, then \`dynaferry backfill ${selection} --retry-bad\``,
        ]),
  ];
}

/** One record a line: the groups of a shard, its rows, its total. */
export function badRowRecords(shards: readonly ListedShard[], showValues: boolean): readonly unknown[] {
  return shards.flatMap(({ shard, known }): unknown[] => {
    if (known === null)
      return [{ type: 'total', shard, recorded: false, rows: 0, listed: 0, unfinished: [], fault: null }];
    return [
      ...known.groups.map((group) => ({ type: 'group', shard, ...group })),
      ...known.rows.map((row) => rowRecord(shard, row, showValues)),
      {
        type: 'total',
        shard,
        recorded: true,
        rows: totalOf(known),
        listed: known.rows.length,
        unfinished: known.unfinished,
        fault: known.fault,
      },
    ];
  });
}

function rowRecord(shard: string, row: RecordedBadRow, showValues: boolean): unknown {
  const { number, table, column, cause, kind, reason, remedy, itemsTaken, place, recordedAt } = row;
  return {
    type: 'row',
    shard,
    number,
    table,
    column,
    cause,
    kind,
    reason,
    remedy,
    itemsTaken,
    range: place?.range ?? null,
    chunk: place?.chunk ?? null,
    recordedAt: new Date(recordedAt).toISOString(),
    ...(showValues ? { key: row.key } : {}),
  };
}

function totalOf({ groups }: ShardBadRows): number {
  return groups.reduce((sum, group) => sum + group.rows, 0);
}
