/**
 * Decides which changes of the mapping `backfill --retry-bad` accepts, although items were moved by the old one. Item
 * keys, TTL, `where`, tables and target must not change: so every item keeps its key, and only named attributes differ.
 * Only the rules of columns with bad rows may change. Rows moved before keep the old form: `verify` compares with the
 * present mapping and shows them, and the reports say why.
 */
import type { Fingerprint } from '../../core/ports/state-records.js';

/** A column with bad rows. `column` is null for rows whose whole item is at fault, such as by its size. */
export interface BadColumn {
  readonly table: string;
  readonly column: string | null;
}

/** The form that `resumeFingerprint` makes. A part of a state file with another form stays as it is. */
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
 * Returns what must be equal in two fingerprints: `side` without what a retry may change. For a column with bad rows, a
 * retry may change whether and how it becomes an attribute, and added attributes whose templates name it. For items
 * that are too large, it may change which columns they have.
 *
 * @param side one fingerprint, made by `resumeFingerprint`
 * @param other the fingerprint that `side` is compared with
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
