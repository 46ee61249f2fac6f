/**
 * The list of differences as lines for people and as records for programs. Each shard has a count, then its items with
 * both keys of each. It is made part by part, as there may be millions. It has keys, as the report of `verify`
 * has, since nothing else names an item; it has no value of any other attribute.
 */
import type { Fault } from '../../core/errors.js';
import { namesOfServer } from '../../core/text/shown-text.js';
import { wrap } from '../../listeners/terminal.js';
import { count, plural } from '../../wording/number-format.js';
import type {
  Evidence,
  ListedDifference,
  ShardDifferences,
  TableDifferences,
} from '../../state/status/read-differences.js';

export const DIFFERENCE_CLASSES = ['missing', 'differing', 'unresolved'] as const;
type DifferenceClass = (typeof DIFFERENCE_CLASSES)[number];

export interface ListedShard {
  readonly shard: string;
  /** null: nothing is recorded for it */
  readonly known: ShardDifferences | null;
}

/** What is printed of each shard, in this order, and behind the last one. */
export interface DifferenceList {
  head(shard: ListedShard): readonly string[];
  item(shard: string, difference: ListedDifference): string;
  /** @param listed items of the shard that were @param fault why they were not all listed that were to be, or null */
  tail(shard: ListedShard, listed: number, limited: boolean, fault: Fault | null): readonly string[];
  end(shards: readonly ListedShard[]): readonly string[];
}

/** How many differences of the asked classes a shard has, or some of its tables. */
export interface Totals {
  readonly missing: number;
  readonly differing: number;
  readonly unresolved: number;
  /** Sum of the three. */
  readonly differences: number;
  /** Those of them that the state counts without their keys. */
  readonly withoutKeys: number;
}

/** @param wanted null: all classes */
export function totalsOf(tables: readonly TableDifferences[], wanted: DifferenceClass | null): Totals {
  const sum = (name: DifferenceClass, from: 'counts' | 'kept'): number =>
    wanted === null || wanted === name ? tables.reduce((total, table) => total + table[from][name], 0) : 0;
  const [missing, differing, unresolved] = [
    sum('missing', 'counts'),
    sum('differing', 'counts'),
    sum('unresolved', 'counts'),
  ];
  const kept = DIFFERENCE_CLASSES.reduce((total, name) => total + sum(name, 'kept'), 0);
  const differences = missing + differing + unresolved;
  return { missing, differing, unresolved, differences, withoutKeys: Math.max(0, differences - kept) };
}

/** Returns the tables of which no verification stands: what is known of them is not all. */
export function unproven({ tables }: ShardDifferences): readonly TableDifferences[] {
  return tables.filter(({ evidence }) => evidence !== 'stands');
}

export interface ListOptions {
  /** null: all classes */
  readonly wanted: DifferenceClass | null;
  /** Width of the terminal. */
  readonly columns: number;
}

export function differenceLines({ wanted, columns }: ListOptions): DifferenceList {
  return {
    head: ({ shard, known }) => (known === null ? [`${shard}  never verified`] : headLines(known, wanted)),
    item: (_, difference) => itemLine(difference),
    tail: ({ shard, known }, listed, limited, fault) => {
      if (fault !== null) return faultLines(shard, fault);
      return known === null ? [] : leftLines(totalsOf(known.tables, wanted), listed, limited);
    },
    end: (shards) => nextLines(shards, wanted).flatMap((line) => wrap(line, columns, 6)),
  };
}

function headLines(known: ShardDifferences, wanted: DifferenceClass | null): readonly string[] {
  const { shard, tables, badRows, fault } = known;
  if (fault !== null) return faultLines(shard, fault);
  return [
    `${shard}  ${countText(known, wanted)}`,
    ...unproven(known).map((table) => `  ${table.table}: ${evidenceText(table.evidence, known.running)}`),
    ...(known.unproven ? ['  not proven: a write may still land; `dynaferry status` says until when'] : []),
    ...(badRows > 0 && tables.some(({ evidence }) => evidence === 'stands')
      ? [`  ${plural(badRows, 'bad row')} without an item not among them; \`dynaferry bad-rows ${shard}\` lists them`]
      : []),
  ];
}

function countText(known: ShardDifferences, wanted: DifferenceClass | null): string {
  const { tables } = known;
  const listed = tables.filter(({ counted }) => counted);
  if (listed.length === 0) return 'no verification stands';
  const { missing, differing, unresolved, differences } = totalsOf(listed, wanted);
  const soFar = listed.length < tables.length || listed.some(({ evidence }) => evidence !== 'stands') ? ' so far' : '';
  if (differences === 0) return `no ${wanted === null ? 'differences' : `${wanted} items`}${soFar}`;
  const parts = [
    missing > 0 ? `${count(missing)} missing` : '',
    differing > 0 ? `${count(differing)} differing` : '',
    unresolved > 0 ? `${count(unresolved)} unresolved` : '',
  ].filter((text) => text !== '');
  return `${plural(differences, 'difference')}${soFar}: ${parts.join(', ')}`;
}

function evidenceText(evidence: Evidence, running: boolean): string {
  switch (evidence) {
    case 'none':
      return `never verified${running ? '; a run works on the shard now' : ''}`;
    case 'before-retry':
      return 'not verified since a retry of bad rows, or an accepted change: what was found before counts no more';
    case 'before-backfill':
      return 'not verified since the backfill: what was found before counts no more';
    case 'backfill-unfinished':
      return 'the backfill is not finished: what is missing may not have been moved yet';
    case 'unfinished':
      return running
        ? 'the verification is running'
        : 'the verification was interrupted: `dynaferry verify` resumes it';
    case 'stands':
      return 'verified';
  }
}

function faultLines(shard: string, { code, message, hint }: Fault): readonly string[] {
  return [`${shard}  ${code}: ${message}`, `  next: ${hint}`];
}

/** Never wrapped: one item, one line, for grep. */
function itemLine({ class: name, table, keyText, keyed, cursor, attributes }: ListedDifference): string {
  const names = attributes.length > 0 ? `  ${namesOfServer(attributes)}` : '';
  return `  ${name.padEnd(10)}  ${table}  ${keyText}${keyed ? `  ${cursor}` : ''}${names}`;
}

function leftLines({ differences, withoutKeys }: Totals, listed: number, limited: boolean): readonly string[] {
  const left = differences - withoutKeys - listed;
  return [
    ...(left > 0 && limited ? [`  and ${count(left)} more, not listed one by one; --limit N lists more`] : []),
    ...(left > 0 && !limited
      ? [`  ${count(left)} of them are no longer recorded: a new verification has started`]
      : []),
    ...(withoutKeys > 0
      ? [
          `  ${count(withoutKeys)} of them are counted without keys (TTL was changed during the verification, or an earlier version kept only the first ones); verify again`,
        ]
      : []),
  ];
}

function nextLines(shards: readonly ListedShard[], wanted: DifferenceClass | null): readonly string[] {
  const readable = shards.filter(({ known }) => known?.fault == null);
  const first = readable.find(({ known }) => known !== null && totalsOf(known.tables, wanted).differences > 0);
  const unmoved = readable.filter(
    ({ known }) => known?.tables.some(({ evidence }) => evidence === 'backfill-unfinished') === true,
  );
  const open = readable.filter(
    (shard) => !unmoved.includes(shard) && (shard.known === null || unproven(shard.known).length > 0),
  );
  const selection = (chosen: readonly ListedShard[]): string => `--shard ${chosen.map(({ shard }) => shard).join(' ')}`;
  return [
    ...(first === undefined
      ? []
      : [
          `next: \`dynaferry diff --shard ${first.shard} --keys 'KEY' --show-values\` shows a row of it beside its item; KEY is {item key} or [scan key], as a line has them`,
        ]),
    ...(unmoved.length === 0 ? [] : [`next: \`dynaferry backfill ${selection(unmoved)}\`, then verify again`]),
    ...(open.length === 0 ? [] : [`next: \`dynaferry verify ${selection(open)}\``]),
  ];
}

/** Returns the list with one record a line: the differences of a shard, and its total. */
export function differenceRecords(wanted: DifferenceClass | null): DifferenceList {
  return {
    head: () => [],
    item: (shard, difference) => JSON.stringify(itemRecord(shard, difference)),
    tail: ({ shard, known }, listed, _, fault) => [JSON.stringify(totalRecord(shard, known, wanted, listed, fault))],
    end: () => [],
  };
}

function itemRecord(
  shard: string,
  { class: name, table, keyText, keyed, cursor, attributes }: ListedDifference,
): unknown {
  const [itemKey, scanKey] = [JSON.parse(keyText) as unknown, keyed ? (JSON.parse(cursor) as unknown) : null];
  return { type: 'difference', shard, table, class: name, itemKey, scanKey, attributes };
}

function totalRecord(
  shard: string,
  known: ShardDifferences | null,
  wanted: DifferenceClass | null,
  listed: number,
  fault: Fault | null,
): unknown {
  const tables = known?.tables ?? [];
  return {
    ...{ type: 'total', shard, recorded: known !== null, running: known?.running ?? false, listed },
    ...totalsOf(tables, wanted),
    badRows: known?.badRows ?? 0,
    unproven: known?.unproven ?? false,
    tables: tables.map(({ table, evidence, counts }) => ({ table, evidence, ...counts })),
    fault: fault ?? known?.fault ?? null,
  };
}
