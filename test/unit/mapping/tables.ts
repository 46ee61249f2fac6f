/** Tables, mapping rules and rows for tests, from the words an operator would use for them. */
import type { ItemMapping, KeyMapping, TableMapping } from '../../../src/config/model.js';
import type { Cell, ColumnInfo, MappedItem, Row, TableInfo, UniqueKey } from '../../../src/core/model.js';
import { RowBlock, transportOf } from '../../../src/core/row-block.js';
import { compileMapping, type CompiledMapping } from '../../../src/mapping/compile.js';
import type { LocalIndex } from '../../../src/mapping/item/local-indexes.js';
import { RowView } from '../../../src/mapping/row-view.js';

const BYTE_TYPES = ['bit', 'binary', 'varbinary', 'blob', 'point'];
const TEXT_TYPES = ['char', 'varchar', 'text', 'enum', 'set'];

/** A column by its definition: `column('id', 'int unsigned')`, `column('price', 'decimal(10,5)')`. */
export function column(name: string, definition: string, extra: Partial<ColumnInfo> = {}): ColumnInfo {
  const dataType = /^[a-z0-9]+/.exec(definition)?.[0] ?? '';
  const [first = null, second = null] = [...definition.matchAll(/\d+/g)]
    .map(([digits]) => Number(digits))
    .slice(dataType.search(/\d/) < 0 ? 0 : 1);
  const isText = TEXT_TYPES.includes(dataType);
  const isTime = ['time', 'datetime', 'timestamp'].includes(dataType);
  return {
    name,
    dataType,
    columnType: definition,
    nullable: true,
    unsigned: definition.includes('unsigned'),
    charset: isText ? 'utf8mb4' : null,
    collation: isText ? 'utf8mb4_general_ci' : null,
    maxLength: isText || dataType === 'binary' ? first : null,
    precision: dataType === 'decimal' ? first : null,
    scale: dataType === 'decimal' ? (second ?? 0) : null,
    fractionDigits: isTime ? (first ?? 0) : null,
    generated: false,
    invisible: false,
    transport: BYTE_TYPES.includes(dataType) ? 'bytes' : 'text',
    ...extra,
  };
}

export function uniqueKey(columns: readonly string[], extra: Partial<UniqueKey> = {}): UniqueKey {
  return {
    name: columns.join('_'),
    parts: columns.map((name) => ({ column: name, descending: false })),
    nullable: false,
    prefix: false,
    ...extra,
  };
}

/** @param columns definitions by name */
export function table(
  columns: Readonly<Record<string, string | ColumnInfo>>,
  uniqueKeys: readonly UniqueKey[] = [],
  name = 'messages',
): TableInfo {
  return {
    database: 'app',
    name,
    columns: Object.entries(columns).map(([key, definition]) =>
      typeof definition === 'string' ? column(key, definition) : definition,
    ),
    uniqueKeys,
    estimatedRows: 0,
  };
}

export interface RuleParts extends Partial<Omit<ItemMapping, 'partitionKey' | 'sortKey' | 'attributes'>> {
  readonly pk?: Partial<KeyMapping>;
  readonly sk?: Partial<KeyMapping>;
  readonly attributes?: Partial<ItemMapping['attributes']>;
}

/** An item rule with keys `pk` and, where a template is given, `sk`; no attributes but those asked for. */
export function rule(partition: string, sort: string | null, parts: RuleParts = {}): ItemMapping {
  const { pk, sk, attributes, ...rest } = parts;
  return {
    name: 'message',
    partitionKey: { name: 'pk', type: 'S', template: partition, spread: null, ...pk },
    sortKey: sort === null ? null : { name: 'sk', type: 'S', template: sort, spread: null, ...sk },
    attributes: { columns: [], drop: [], rules: {}, add: {}, ...attributes },
    ttl: null,
    ...rest,
  };
}

/** The mapping for a target table with local indexes. */
export function compileFor(
  localIndexes: readonly LocalIndex[],
  info: TableInfo,
  ...items: readonly ItemMapping[]
): CompiledMapping {
  return compileMapping(info, { items }, () => 7, null, localIndexes);
}

export function compile(info: TableInfo, ...items: readonly ItemMapping[]): CompiledMapping {
  const mapping: TableMapping = { items };
  return compileMapping(info, mapping, () => 7);
}

/** The only row of a block of the table's columns. */
export function viewOf(row: Row, info: TableInfo): RowView {
  const view = new RowView();
  view.moveTo(RowBlock.of([row], info.columns.map(transportOf)), 0);
  return view;
}

/** A row in the order that the mapping asks for. */
export function rowOf(mapping: CompiledMapping, cells: Readonly<Record<string, Cell>>): Row {
  return mapping.columns.map((name) => cells[name] ?? null);
}

/** @param now seconds since the epoch */
export function mapRow(
  mapping: CompiledMapping,
  cells: Readonly<Record<string, Cell>>,
  now = 0,
): readonly MappedItem[] {
  const items: MappedItem[] = [];
  mapping.map(rowOf(mapping, cells), items, { now });
  return items;
}

export function onlyItem(items: readonly MappedItem[]): MappedItem {
  const [first] = items;
  if (first === undefined || items.length !== 1) throw new Error(`one item was expected, not ${items.length}`);
  return first;
}

/** The item's key values and attributes as plain JSON. */
export function attributesOf(item: MappedItem): Readonly<Record<string, unknown>> {
  return JSON.parse(item.text) as Record<string, unknown>;
}
