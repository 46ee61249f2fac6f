/**
 * What an item weighs with its entries in the table's local indexes. DynamoDB bounds that as it bounds the item alone
 * (AWS, "Constraints in Amazon DynamoDB", item size for tables with local secondary indexes): 400 KB for the item's
 * data and its entries in all local indexes together. An entry is the table's keys, the index's sort key and what the
 * index projects (AWS, "Local secondary indexes", storage considerations), names and values; the 100 bytes a piece that
 * AWS adds there are of storage alone. Global indexes are tables apart and bound no item.
 *
 * DynamoDB Local enforces the rule to the byte, but leaves the table's sort key out of an entry that is not the whole
 * item; here it counts, as documented. dynalite takes any entry.
 */
import type { KeyType } from '../../config/model.js';
import { MAX_ITEM_BYTES } from '../value/item-size.js';
import { storedBytes } from './stored-size.js';

export interface LocalIndex {
  readonly name: string;
  /** An item without it has no entry. */
  readonly sortKey: { readonly name: string; readonly type: KeyType } | null;
  /** Names of what its entries hold beside the keys of table and index; `all`: the whole item. */
  readonly projection: 'all' | readonly string[];
}

/** An item as DynamoDB's JSON protocol has it, parsed: `{"name":{"S":"text"}}`. */
type Attributes = Readonly<Record<string, unknown>>;

export class LocalEntries {
  /**
   * Bytes of an item that fits whatever it holds: no entry has more than its item. Of a table without local indexes,
   * the limit itself.
   */
  readonly alwaysFits: number;
  /** For messages. */
  readonly names: string;
  readonly #indexes: readonly LocalIndex[];
  readonly #tableKeys: readonly string[];

  /** @param tableKeys names of the table's keys, which every entry has */
  constructor(indexes: readonly LocalIndex[], tableKeys: readonly string[]) {
    this.alwaysFits = Math.floor(MAX_ITEM_BYTES / (1 + indexes.length));
    this.names = indexes.map(({ name }) => name).join(', ');
    this.#indexes = indexes;
    this.#tableKeys = tableKeys;
  }

  /** Billed bytes of the item's entries in all local indexes, 0 where it has none. */
  bytesOf(item: Attributes): number {
    return this.#indexes.reduce((sum, index) => sum + this.#entryBytes(item, index), 0);
  }

  #entryBytes(item: Attributes, { sortKey, projection }: LocalIndex): number {
    if (sortKey !== null && !isOfType(item[sortKey.name], sortKey.type)) return 0;
    if (projection === 'all') return storedBytes(item);
    const names = new Set([...this.#tableKeys, ...(sortKey === null ? [] : [sortKey.name]), ...projection]);
    return storedBytes(Object.fromEntries(Object.entries(item).filter(([name]) => names.has(name))));
  }
}

/** One of another type has no place in the index; the service refuses such an item for that, not for its size. */
function isOfType(value: unknown, type: KeyType): boolean {
  return typeof value === 'object' && value !== null && Object.hasOwn(value, type);
}
