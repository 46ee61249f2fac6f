/**
 * Compiles the mapping of one table, once, to a function from a row's bytes to the bytes of its items. It is the hot
 * path: it makes no string and no object for a cell or an attribute (test/unit/mapping/work.test.ts counts them). It
 * writes every attribute straight from its cell, in sorted order. It counts the exact size on the way, and reads the
 * key from what it wrote.
 */
import type { ItemMapping, TableMapping } from '../config/model.js';
import { type Path, placeText } from '../core/text/config-path.js';
import { FerryError, type Fault } from '../core/errors.js';
import { haveOneKey, type MappedItem, type Row, type TableInfo } from '../core/model.js';
import { RowBlock, transportOf, type Transport } from '../core/row-block.js';
import type { AttributeEmitter } from './attribute-emitter.js';
import { compileAttributes, isChosen } from './attributes.js';
import { BadValue } from './value/bad-value.js';
import { columnNamed } from './template/compiled-template.js';
import { ItemBuffer } from './item/item-buffer.js';
import { ItemBufferPool } from './item/item-buffer-pool.js';
import { MAX_ITEM_BYTES } from './value/item-size.js';
import { LocalEntries, type LocalIndex } from './item/local-indexes.js';
import { compileKeys, type CompiledKeys } from './key/item-key.js';
import type { KeyTemplates } from './key/key-uniqueness.js';
import { collectingFaults, type ReportFault } from './mapping-faults.js';
import { PackedItem } from './item/mapped-item.js';
import { RowView } from './row-view.js';
import { compileTtl, type CompiledTtl } from './ttl.js';
import { withVersion } from './version-attribute.js';

export interface MapContext {
  /** Seconds since the epoch, to compare TTLs with. */
  readonly now: number;
}

/**
 * The result for a row: its items were appended, or all its items are past their TTL and the mapping skips such rows.
 */
export type MapOutcome = 'mapped' | 'expired';

export interface CompiledMapping {
  readonly table: TableInfo;
  /** Columns that rows must have, in this order. */
  readonly columns: readonly string[];
  /** The attribute that holds an item's version, which every item has; null where the config asks for none. */
  readonly version: string | null;
  /** The compiled rules, item by item: for `explain.ts`. */
  readonly items: readonly CompiledItem[];
  /** Returns the row as the compiled steps read it: for `explain.ts`. */
  viewOf(row: Row): RowView;
  /** Templates for the proof that item keys are unique. */
  readonly keys: readonly KeyTemplates[];
  /**
   * Appends the row's items to `into`; none for a bad row.
   * @throws BadValue
   */
  map(row: Row, into: MappedItem[], context: MapContext): MapOutcome;
  /** Does the same for a row of a block, whose first cells are `columns`. `out` holds its items. @throws BadValue */
  mapAt(rows: RowBlock, index: number, into: MappedItem[], context: MapContext, out: ItemBuffer): MapOutcome;
  /** The pool for the `out` of chunks. */
  readonly buffers: ItemBufferPool;
}

/**
 * Compiles the mapping of a table.
 * @throws FerryError E_MAPPING_INVALID, E_MAPPING_COLUMN or E_MAPPING_UNSORTABLE; with several faults, all of them in
 * `faults`
 * @param lineOf returns the line in the config file of a path in it
 * @param version the attribute that must hold an item's version; null: none
 * @param localIndexes of the target table: an item's entries in them count towards its limit
 */
export function compileMapping(
  table: TableInfo,
  mapping: TableMapping,
  lineOf: (path: Path) => number,
  version: string | null = null,
  localIndexes: readonly LocalIndex[] = [],
): CompiledMapping {
  const faults: Fault[] = [];
  const columns = columnsInUse(table, mapping);
  const position = new Map(columns.map((name, index) => [name, index]));
  const indexOf = (column: string): number => {
    const index = position.get(column);
    if (index !== undefined) return index;
    columns.push(column);
    position.set(column, columns.length - 1);
    return columns.length - 1;
  };
  const items = mapping.items.map((item, index) => {
    const report = (path: Path, code: Fault['code'], message: string, hint: string): void => {
      const where = ['mapping', table.name, 'items', index, ...path];
      faults.push({ code, message: `${placeText(where, lineOf(where))}: ${message}`, hint });
    };
    return compileItem(item, table, indexOf, version, localIndexes, report);
  });
  const ttlAttributes = new Set(mapping.items.flatMap((item) => item.ttl?.attribute ?? []));
  if (ttlAttributes.size > 1) faults.push(severalTtls(table, [...ttlAttributes], lineOf));
  if (faults.length > 0) throw mappingError(table, faults);
  const compiled = items.filter((item) => item !== null);
  const transports = columns.map((name): Transport => transportOf(columnNamed(name, table)));
  const view = new RowView();
  const blockOf = (row: Row): RowBlock => {
    const behind = row.slice(transports.length).map((cell): Transport => (Buffer.isBuffer(cell) ? 'bytes' : 'text'));
    return RowBlock.of([row], [...transports, ...behind]);
  };
  const rowsAlone = new ItemBuffer();
  const mapAt: CompiledMapping['mapAt'] = (rows, index, into, context, out) => {
    const start = into.length;
    view.moveTo(rows, index);
    try {
      for (const item of compiled) emitItem(item, view, out, into, context);
      refuseSharedKey(into, start);
    } catch (error) {
      into.length = start;
      throw error;
    }
    return into.length > start ? 'mapped' : 'expired';
  };
  return {
    table,
    columns,
    version,
    items: compiled,
    keys: compiled.map((item) => item.keys.templates),
    map(row, into, context) {
      return mapAt(blockOf(row), 0, into, context, rowsAlone);
    },
    viewOf(row) {
      const own = new RowView();
      own.moveTo(blockOf(row), 0);
      return own;
    },
    mapAt,
    buffers: new ItemBufferPool(),
  };
}

export interface CompiledItem {
  readonly name: string;
  readonly rules: ItemMapping;
  readonly keys: CompiledKeys;
  readonly ttl: CompiledTtl | null;
  /** Emitters in the order of the attributes' names. */
  readonly emitters: readonly AttributeEmitter[];
  readonly entries: LocalEntries;
}

function compileItem(
  item: ItemMapping,
  table: TableInfo,
  indexOf: (column: string) => number,
  version: string | null,
  localIndexes: readonly LocalIndex[],
  report: ReportFault,
): CompiledItem | null {
  const keys = compileKeys(item, table, indexOf, report);
  const { ttl: ttlMapping } = item;
  const ttl =
    ttlMapping === null ? null : collectingFaults(['ttl'], report, () => compileTtl(ttlMapping, table, indexOf));
  const attributes = compileAttributes(item, table, indexOf, report);
  if (keys === null || attributes === null) return null;
  const emitters = [...attributes, ...keys.emitters, ...(ttl === null ? [] : [ttl.emitter])];
  // Sorts by UTF-16 code unit, as the canonical form does.
  emitters.sort((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0));
  for (const [index, emitter] of emitters.entries()) {
    if (emitter.name === emitters[index - 1]?.name) {
      report(
        ['attributes'],
        'E_MAPPING_INVALID',
        `two rules make the attribute "${emitter.name}"`,
        'rename one of them, or drop the column',
      );
    }
  }
  const versioned = version === null ? emitters : withVersion(emitters, version, item, report);
  const keyNames = [item.partitionKey.name, ...(item.sortKey === null ? [] : [item.sortKey.name])];
  const entries = new LocalEntries(localIndexes, keyNames);
  return { name: item.name, rules: item, keys, ttl, emitters: versioned, entries };
}

function emitItem(item: CompiledItem, row: RowView, out: ItemBuffer, into: MappedItem[], context: MapContext): void {
  const expiresAt = item.ttl === null ? null : item.ttl.expiresAt(row);
  if (expiresAt !== null && expiresAt <= context.now && item.ttl?.skipsExpired === true) return;
  out.begin();
  try {
    for (const emitter of item.emitters) emitter.emit(row, out, expiresAt);
    if (out.bytes > item.entries.alwaysFits) refuseTooLarge(item, out);
    item.keys.reader.read(out);
    out.end();
  } catch (error) {
    out.abandon();
    throw error;
  }
  const { buffer, start, at, bytes } = out;
  into.push(new PackedItem(buffer, start, at, item.keys.reader, bytes, expiresAt, row.rows, row.row));
}

/**
 * Measures exactly an item that exceeds the limit, or could with its entries in local indexes. Few items do, so this
 * may be expensive.
 */
function refuseTooLarge({ name, entries }: CompiledItem, { bytes, buffer, start, at }: ItemBuffer): void {
  if (bytes > MAX_ITEM_BYTES) throw tooLarge(name, bytes);
  // Every attribute starts with a comma.
  const text = `{${buffer.toString('utf8', start + 1, at)}}`;
  const withEntries = bytes + entries.bytesOf(JSON.parse(text) as Readonly<Record<string, unknown>>);
  if (withEntries > MAX_ITEM_BYTES) throw tooLargeWithEntries(name, entries.names, bytes, withEntries);
}

function tooLargeWithEntries(item: string, indexes: string, bytes: number, withEntries: number): BadValue {
  return new BadValue(
    null,
    `item "${item}" with its entries in local indexes (${indexes}) exceeds the ${MAX_ITEM_BYTES} bytes of DynamoDB`,
    'drop a large column, or store it elsewhere; or use a table whose local indexes project fewer attributes',
    `an item of ${bytes} bytes, ${withEntries} with its entries in local indexes`,
  );
}

function tooLarge(item: string, bytes: number): BadValue {
  return new BadValue(
    null,
    `item "${item}" exceeds the ${MAX_ITEM_BYTES} bytes of DynamoDB`,
    'drop a large column, or store it elsewhere',
    `an item of ${bytes} bytes`,
  );
}

/** Refuses a row whose items share a key: they would overwrite each other. */
function refuseSharedKey(into: readonly MappedItem[], start: number): void {
  for (let i = start + 1; i < into.length; i += 1) {
    for (let j = start; j < i; j += 1) {
      if (!haveOneKey(into[i] as MappedItem, into[j] as MappedItem)) continue;
      throw new BadValue(
        null,
        'two items of the row have the same item key',
        'begin the key templates of the items with different literals',
      );
    }
  }
}

/**
 * Returns the columns that become attributes by themselves, in table order. Templates and TTLs add theirs when they are
 * compiled.
 */
function columnsInUse(table: TableInfo, mapping: TableMapping): string[] {
  const wanted = new Set<string>();
  for (const item of mapping.items) {
    for (const column of table.columns) {
      if (isChosen(column, item)) wanted.add(column.name);
    }
  }
  return [...wanted];
}

function severalTtls(table: TableInfo, attributes: readonly string[], lineOf: (path: Path) => number): Fault {
  const where = ['mapping', table.name];
  return {
    code: 'E_MAPPING_INVALID',
    message: `${placeText(where, lineOf(where))}: the \`ttl\` rules use ${attributes.join(' and ')}, but a DynamoDB table has one TTL attribute`,
    hint: 'give every `ttl` the same attribute',
  };
}

function mappingError(table: TableInfo, faults: readonly Fault[]): FerryError {
  const [first] = faults;
  if (faults.length === 1 && first !== undefined) return new FerryError(first.code, first.message, first.hint);
  return new FerryError(
    'E_MAPPING_INVALID',
    `the mapping of table ${table.name} has ${faults.length} faults`,
    'correct each fault',
    { faults },
  );
}
