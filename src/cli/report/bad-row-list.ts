/**
 * Prints the list of bad rows as lines for people or as records for programs. It first shows what is wrong by table,
 * column and reason, and then each row. It prints shard by shard and row by row, as there may be millions. A row is
 * named by its number in the state. Its key is a row value, and shown only if the operator asked for values.
 */
import type { Fault } from '../../core/errors.js';
import type { RecordedBadRow } from '../../core/ports/state-records.js';
import { count, plural } from '../../wording/number-format.js';
import { wrap } from '../../listeners/terminal.js';
import type { ShardBadRows } from '../../state/status/read-bad-rows.js';

export interface ListedShard {
  readonly shard: string;
  /** null: nothing is recorded for it */
  readonly known: ShardBadRows | null;
}

/** What is printed of each shard, in this order, and behind the last one. */
export interface BadRowList {
  head(shard: ListedShard): readonly string[];
  row(shard: string, row: RecordedBadRow): string;
  /** @param listed rows of the shard that were @param fault why they were not all listed that were to be, or null */
  tail(shard: ListedShard, listed: number, fault: Fault | null): readonly string[];
  end(shards: readonly ListedShard[]): readonly string[];
}

export interface ListOptions {
  readonly showValues: boolean;
  /** The rows were found by a dry run. */
  readonly dryRun: boolean;
  /** Width of the terminal. */
  readonly columns: number;
}

type Group = ShardBadRows['groups'][number];

export function badRowLines(options: ListOptions): BadRowList {
  return {
    head: ({ shard, known }) => headLines(shard, known, options),
    row: (_, row) => rowLine(row, options.showValues),
    tail: ({ shard, known }, listed, fault) => {
      if (fault !== null) return faultLines(shard, fault);
      const left = known === null ? 0 : totalOf(known) - listed;
      return left > 0 ? [`  and ${count(left)} more, not listed one by one; --limit N lists more`] : [];
    },
    end: (shards) => {
      const bad = shards.filter(({ known }) => known !== null && known.groups.length > 0).map(({ shard }) => shard);
      return nextLines(bad, options).flatMap((line) => wrap(line, options.columns, 6));
    },
  };
}

function headLines(shard: string, known: ShardBadRows | null, options: ListOptions): readonly string[] {
  if (known === null) return [`${shard}  ${options.dryRun ? 'no dry run is recorded' : 'nothing is recorded yet'}`];
  if (known.fault !== null) return faultLines(shard, known.fault);
  const total = totalOf(known);
  const soFar = known.unfinished.length === 0 ? '' : ` so far: ${known.unfinished.join(', ')} not read to the end yet`;
  if (total === 0) return [`${shard}  no bad rows${soFar}`];
  return [
    `${shard}  ${plural(total, 'bad row')}${options.dryRun ? ' found by the dry run' : ''}${soFar}`,
    ...known.groups.flatMap((group) => groupLines(group, options.columns)),
  ];
}

function faultLines(shard: string, { code, message, hint }: Fault): readonly string[] {
  return [`${shard}  ${code}: ${message}`, `  next: ${hint}`];
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
  const where =
    row.chunkRef === null ? 'in no committed chunk' : `range ${row.chunkRef.segment}, chunk ${row.chunkRef.chunk}`;
  const name = showValues ? row.key : where;
  return `  #${row.number}  ${row.table}  ${name}  ${row.column ?? 'item'}: ${row.kind}`;
}

function nextLines(bad: readonly string[], { showValues, dryRun }: ListOptions): readonly string[] {
  if (bad.length === 0) return [];
  const selection = `--shard ${bad.join(' ')}`;
  return [
    ...(showValues
      ? []
      : ['#N is the number of a bad row in its shard; --show-values shows scan keys instead of chunks']),
    ...(dryRun
      ? ['next: change the mapping, or correct the rows in MySQL, and run the dry run again']
      : [
          `next: \`dynaferry diff --shard ${bad[0] ?? ''} --explain --bad-row N\` shows how row #N was mapped; change the mapping of these columns, or correct or delete the rows in MySQL, then \`dynaferry backfill ${selection} --retry-bad\``,
        ]),
  ];
}

/** Returns the list as records, one a line: the groups of a shard, its rows, its total. */
export function badRowRecords(showValues: boolean): BadRowList {
  return {
    head: ({ shard, known }) =>
      (known?.groups ?? []).map((group) => JSON.stringify({ type: 'group', shard, ...group })),
    row: (shard, row) => JSON.stringify(rowRecord(shard, row, showValues)),
    tail: ({ shard, known }, listed, fault) => [JSON.stringify(totalRecord(shard, known, listed, fault))],
    end: () => [],
  };
}

function totalRecord(shard: string, known: ShardBadRows | null, listed: number, fault: Fault | null): unknown {
  if (known === null) return { type: 'total', shard, recorded: false, rows: 0, listed: 0, unfinished: [], fault: null };
  return {
    ...{ type: 'total', shard, recorded: true },
    ...{ rows: totalOf(known), listed, unfinished: known.unfinished, fault: fault ?? known.fault },
  };
}

function rowRecord(shard: string, row: RecordedBadRow, showValues: boolean): unknown {
  const { number, table, column, cause, kind, reason, remedy, itemsTaken, chunkRef: place, recordedAt } = row;
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
    range: place?.segment ?? null,
    chunk: place?.chunk ?? null,
    recordedAt: new Date(recordedAt).toISOString(),
    ...(showValues ? { key: row.key } : {}),
  };
}

function totalOf({ groups }: ShardBadRows): number {
  return groups.reduce((sum, group) => sum + group.rows, 0);
}
