/**
 * Which changes of the mapping `backfill --retry-bad` may accept, though items were moved by the former one. Item keys,
 * TTL, `where`, tables and target never change: then every item keeps its place, and what may differ is one attribute,
 * by name. Of the attributes, only the rules of columns that have bad rows change. Rows moved before keep the former
 * form: `verify` compares with the present mapping and shows them, and the reports say why.
 */
import type { Fingerprint } from '../../core/ports/state-records.js';

/** A column with bad rows; `column` null: rows whose fault is the whole item's, such as its size. */
export interface BadColumn {
  readonly table: string;
  readonly column: string | null;
}

/** As `resumeFingerprint` makes it. A state file may hold anything else: what has another form stays as it is. */
interface Attributes {
  readonly columns: 'all' | readonly string[] | null;
  readonly drop: readonly string[];
  readonly rules: Readonly<Record<string, unknown>>;
  readonly add: Readonly<Record<string, { readonly kind: string; readonly template?: string }>>;
}

type Item = Readonly<Record<string, unknown>> & { readonly attributes?: Attributes };
type Table = Readonly<Record<string, unknown>> & { readonly items?: Readonly<Record<string, Item>> };
type Whole = Fingerprint & { readonly tables: Readonly<Record<string, Table>> };

/**
 * What has to be equal in two fingerprints: `side` without what a retry may change. Of a column with bad rows that is
 * whether and how it becomes an attribute, and the added attributes whose templates name it; of items that are too
 * large, which columns they have.
 * @param side one fingerprint, made by `resumeFingerprint`; @param other the one that it is compared with
 */
export function mustStay(side: Fingerprint, other: Fingerprint, bad: readonly BadColumn[]): Fingerprint {
  const { tables: own } = side as Partial<Whole>;
  const { tables: others } = other as Partial<Whole>;
  if (own === undefined) return side;
  const tables = mapValues(own, (table, name) => {
    const columns = bad.filter((entry) => entry.table === name).map(({ column }) => column);
    if (columns.length === 0 || table.items === undefined) return table;
    const items = mapValues(table.items, (item, label) => {
      if (item.attributes === undefined) return item;
      const counterpart = others?.[name]?.items?.[label]?.attributes ?? item.attributes;
      return { ...item, attributes: withoutScope(item.attributes, counterpart, columns) };
    });
    return { ...table, items };
  });
  return { ...side, tables };
}

function withoutScope(own: Attributes, other: Attributes, bad: readonly (string | null)[]): Attributes {
  const wholeItem = bad.includes(null);
  const free = (column: string): boolean =>
    bad.includes(column) || (wholeItem && (leavesOut(own, column) || leavesOut(other, column)));
  const names = (rule: { readonly template?: string } | undefined): boolean =>
    bad.some((column) => column !== null && (rule?.template ?? '').split(/[{:}]/).includes(column));
  return {
    columns: wholeItem ? null : columnsBut(own.columns, free),
    drop: own.drop.filter((column) => !free(column)),
    rules: pick(own.rules, (column) => !free(column)),
    add: pick(own.add, (name) => !names(own.add[name]) && !names(other.add[name])),
  };
}

function columnsBut(columns: Attributes['columns'], free: (column: string) => boolean): Attributes['columns'] {
  return Array.isArray(columns) ? (columns as readonly string[]).filter((column) => !free(column)) : columns;
}

function leavesOut({ columns, drop }: Attributes, column: string): boolean {
  return drop.includes(column) || (Array.isArray(columns) && !columns.includes(column));
}

function mapValues<V, W>(record: Readonly<Record<string, V>>, of: (value: V, key: string) => W): Record<string, W> {
  return Object.fromEntries(Object.entries(record).map(([key, value]) => [key, of(value, key)]));
}

function pick<V>(record: Readonly<Record<string, V>>, wanted: (key: string) => boolean): Record<string, V> {
  return Object.fromEntries(Object.entries(record).filter(([key]) => wanted(key)));
}
