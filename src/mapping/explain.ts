/**
 * Explains, step by step, how a row becomes items. It uses the same functions that the mapping is compiled to: it emits
 * each attribute alone, and evaluates each part of a key template alone. So it cannot differ from what the mapping
 * does.
 */
import type { Path } from '../core/text/config-path.js';
import { writeUnits } from '../core/capacity/capacity-units.js';
import type { BadRow, ColumnInfo, MappedItem, Row, TableInfo } from '../core/model.js';
import type { AttributeEmitter, AttributeOrigin } from './attribute-emitter.js';
import { isChosen } from './attributes.js';
import { BadValue, typeText } from './value/bad-value.js';
import type { CompiledItem, CompiledMapping, MapContext } from './compile.js';
import type { CompiledTemplate } from './template/compiled-template.js';
import { ItemBuffer } from './item/item-buffer.js';
import type { RowView } from './row-view.js';

export interface RowExplanation {
  readonly outcome: 'mapped' | 'expired' | 'bad';
  readonly bad: BadRow | null;
  readonly items: readonly ItemExplanation[];
}

export interface ItemExplanation {
  readonly item: string;
  /** Billed bytes of the name and value of every attribute. */
  readonly bytes: number;
  /** Write units of the table alone: each index that contains the item charges its own. */
  readonly writeUnits: number;
  readonly keys: readonly KeyExplanation[];
  readonly spread: { readonly shards: number; readonly overridden: boolean; readonly suffix: string } | null;
  readonly ttl: { readonly column: string; readonly expiresAt: number | null; readonly expired: boolean } | null;
  readonly attributes: readonly AttributeExplanation[];
  /** Columns that become no attribute of this item. */
  readonly leftOut: readonly { readonly column: string; readonly why: string; readonly path: Path | null }[];
}

export interface KeyExplanation {
  readonly name: string;
  readonly path: Path;
  /** Parts of the key template. They hold row values. */
  readonly parts: readonly { readonly source: string; readonly text: string | null; readonly bad: BadRow | null }[];
}

export interface AttributeExplanation {
  readonly name: string;
  readonly origin: AttributeOrigin['from'];
  readonly column: string | null;
  /** The type as MySQL declares it. */
  readonly columnType: string | null;
  /** The rule in the config, relative to the item's rules; null: the default of the column's type. */
  readonly path: Path | null;
  /** `S`, `N`, ...; null where the attribute is absent: NULL, or a bad value. */
  readonly type: string | null;
  /** Billed bytes of name and value. */
  readonly bytes: number;
  /** DynamoDB JSON of the value. It holds row values. */
  readonly value: string | null;
  readonly bad: BadRow | null;
}

/** Explains what the mapping does with a row. A bad row is a part of the explanation, not an error. */
export function explainRow(mapping: CompiledMapping, row: Row, context: MapContext): RowExplanation {
  const view = mapping.viewOf(row);
  const { table } = mapping;
  const mapped: MappedItem[] = [];
  const whole = attempt(table, () => mapping.map(row, mapped, context));
  return {
    outcome: whole.value ?? 'bad',
    bad: whole.bad,
    items: mapping.items.map((item) => explainItem(item, table, view, context)),
  };
}

function explainItem(item: CompiledItem, table: TableInfo, row: RowView, context: MapContext): ItemExplanation {
  const expiresAt = item.ttl === null ? null : (attempt(table, () => item.ttl?.expiresAt(row) ?? null).value ?? null);
  const attributes = item.emitters.map((emitter) => explainAttribute(emitter, table, row, expiresAt));
  const bytes = attributes.reduce((sum, attribute) => sum + attribute.bytes, 0);
  const { rules } = item;
  const { partitionKey, sortKey } = item.keys.templates;
  const spread = rules.partitionKey.spread === null ? null : attempt(table, () => item.keys.spread.shardsOf(row)).value;
  return {
    item: item.name,
    bytes,
    writeUnits: writeUnits(bytes),
    keys: [
      explainKey(rules.partitionKey.name, 'partitionKey', partitionKey, table, row),
      ...(sortKey === null || rules.sortKey === null
        ? []
        : [explainKey(rules.sortKey.name, 'sortKey', sortKey, table, row)]),
    ],
    spread:
      spread === null ? null : { ...spread, suffix: attempt(table, () => item.keys.spread.suffix(row)).value ?? '' },
    ttl:
      rules.ttl === null
        ? null
        : { column: rules.ttl.column, expiresAt, expired: expiresAt !== null && expiresAt <= context.now },
    attributes,
    leftOut: table.columns.filter((column) => !isChosen(column, rules)).map((column) => whyLeftOut(column, item)),
  };
}

function explainKey(
  name: string,
  field: 'partitionKey' | 'sortKey',
  template: CompiledTemplate,
  table: TableInfo,
  row: RowView,
): KeyExplanation {
  const parts = template.parts.map((part) => {
    if (part.kind === 'literal') return { source: part.text, text: part.text, bad: null };
    const { value, bad } = attempt(table, () => part.expression.evaluate(row));
    return { source: part.source, text: value, bad };
  });
  return { name, path: [field, 'template'], parts };
}

function explainAttribute(
  emitter: AttributeEmitter,
  table: TableInfo,
  row: RowView,
  expiresAt: number | null,
): AttributeExplanation {
  const { name, origin } = emitter;
  const column = 'column' in origin ? origin.column : null;
  const common = {
    name,
    origin: origin.from,
    column: column?.name ?? null,
    columnType: column === null ? null : typeText(column),
    path: origin.path,
  };
  const nothing = { ...common, type: null, bytes: 0, value: null };
  const out = new ItemBuffer();
  out.begin();
  const { bad } = attempt(table, () => emitter.emit(row, out, expiresAt));
  if (bad !== null) return { ...nothing, bad };
  const text = out.buffer.toString('utf8', out.start, out.at);
  if (text === '') return { ...nothing, bad: null };
  const value = (JSON.parse(`{${text.slice(1)}}`) as Record<string, Readonly<Record<string, unknown>>>)[name] ?? {};
  const [type = null] = Object.keys(value);
  return { ...common, type, bytes: out.bytes, value: JSON.stringify(value), bad: null };
}

function whyLeftOut(column: ColumnInfo, { rules }: CompiledItem): ItemExplanation['leftOut'][number] {
  const { columns, drop } = rules.attributes;
  const dropped = drop.indexOf(column.name);
  if (dropped >= 0) return { column: column.name, why: 'dropped', path: ['attributes', 'drop', dropped] };
  return columns === 'all'
    ? { column: column.name, why: 'invisible, and without a rule', path: null }
    : { column: column.name, why: 'not in `columns`', path: ['attributes', 'columns'] };
}

interface Attempt<T> {
  readonly value: T | null;
  readonly bad: BadRow | null;
}

function attempt<T>(table: TableInfo, step: () => T): Attempt<T> {
  try {
    return { value: step(), bad: null };
  } catch (error) {
    if (!(error instanceof BadValue)) throw error;
    return { value: null, bad: error.toBadRow(table) };
  }
}
