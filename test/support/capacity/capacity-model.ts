/**
 * Models how much a table with its indexes takes: its own capacity with what it saved up, its partitions, and the
 * back-pressure of its indexes. An index that lacks capacity makes the table refuse the write. The model decides item
 * by item. It charges what AWS charges (the larger of old and new item, in whole KB), and nothing for what it refuses.
 * Time is a clock that may be scaled.
 */
import { itemBytes, writeUnitsOf } from './item-size.js';
import { Resource, type ResourceOptions } from './resource.js';

export interface IndexOptions extends ResourceOptions {
  readonly name: string;
  /** Items that have this attribute are in the index, by its value. */
  readonly partitionKey: string;
}

export interface CapacityModelOptions extends ResourceOptions {
  readonly partitionKey: string;
  readonly sortKey?: string;
  readonly indexes?: readonly IndexOptions[];
  /** Monotonic ms. */
  readonly now?: () => number;
}

export type ModelItem = Readonly<Record<string, Readonly<Record<string, unknown>>>>;

export interface Judgement {
  /** Items that were refused, by index, with the reason of each. */
  readonly refused: ReadonlyMap<number, string>;
  readonly tableUnits: number;
  readonly indexUnits: ReadonlyMap<string, number>;
}

export class CapacityModel {
  readonly #options: CapacityModelOptions;
  readonly #now: () => number;
  readonly table: Resource;
  readonly #indexes: readonly { readonly options: IndexOptions; readonly resource: Resource }[];
  readonly #stored = new Map<string, number>();

  constructor(options: CapacityModelOptions) {
    this.#options = options;
    this.#now = options.now ?? (() => performance.now());
    const now = this.#now();
    this.table = new Resource('Table', options, now);
    this.#indexes = (options.indexes ?? []).map((index) => ({
      options: index,
      resource: new Resource('Index', index, now),
    }));
  }

  write(items: readonly ModelItem[]): Judgement {
    const refused = new Map<number, string>();
    const indexUnits = new Map(this.#indexes.map(({ options }) => [options.name, 0]));
    let tableUnits = 0;
    for (const [position, item] of items.entries()) {
      const { partitionKey, sortKey } = this.#options;
      const now = this.#now();
      const key = JSON.stringify(item[partitionKey]);
      const identity = sortKey === undefined ? key : `${key}${JSON.stringify(item[sortKey])}`;
      const bytes = itemBytes(item);
      const units = writeUnitsOf(Math.max(bytes, this.#stored.get(identity) ?? 0));
      const indexes = this.#indexes.filter(({ options }) => item[options.partitionKey] !== undefined);
      const reason =
        this.table.refusal(key, units, now) ??
        indexes
          .map(({ options, resource }) => resource.refusal(JSON.stringify(item[options.partitionKey]), units, now))
          .find((found) => found !== null);
      if (reason != null) {
        refused.set(position, reason);
        continue;
      }
      this.table.take(key, units, now);
      tableUnits += units;
      for (const { options, resource } of indexes) {
        resource.take(JSON.stringify(item[options.partitionKey]), units, now);
        indexUnits.set(options.name, (indexUnits.get(options.name) ?? 0) + units);
      }
      this.#stored.set(identity, bytes);
    }
    return { refused, tableUnits, indexUnits };
  }
}
