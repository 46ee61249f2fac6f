/**
 * Computes the size of an item together with its entries in the table's local indexes. DynamoDB limits that sum as it
 * limits the item alone: 400 KB for the item's data and its entries in all local indexes together. The source is AWS,
 * "Constraints in Amazon DynamoDB", item size for tables with local secondary indexes. An entry holds the table's keys,
 * the index's sort key and what the index projects, names and values. The source is AWS, "Local secondary indexes",
 * storage considerations. The 100 bytes an entry that AWS adds there count for storage only. Global indexes are
 * separate tables and limit no item.
 *
 * DynamoDB Local enforces the rule to the byte, but does not count the table's sort key in an entry that is not the
 * whole item. Here it counts, as documented. dynalite takes any entry.
 */
import type { KeyType } from '../../config/model.js';
import { MAX_ITEM_BYTES } from '../value/item-size.js';
import { storedBytes } from './stored-size.js';

export interface LocalIndex {
  readonly name: string;
  /** The index's sort key. An item without it has no entry. Null: the index has no sort key. */
  readonly sortKey: { readonly name: string; readonly type: KeyType } | null;
  /** Names of the attributes that its entries hold besides the keys of table and index; `all`: the whole item. */
  readonly projection: 'all' | readonly string[];
}

/** An item in DynamoDB's JSON protocol, parsed: `{"name":{"S":"text"}}`. */
type Attributes = Readonly<Record<string, unknown>>;

export class LocalEntries {
  /**
   * Bytes of an item that always fits, whatever it holds: no entry is larger than its item. For a table without local
   * indexes, this is the limit itself.
   */
  readonly alwaysFits: number;
  /** Names of the indexes, for messages. */
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

  /** Returns the billed bytes of the item's entries in all local indexes, 0 where it has none. */
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

/**
 * Returns whether a value has the index key's type. The index has no entry for another type. The service refuses such
 * an item for that, not for its size.
 */
function isOfType(value: unknown, type: KeyType): boolean {
  return typeof value === 'object' && value !== null && Object.hasOwn(value, type);
}
