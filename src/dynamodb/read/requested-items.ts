/**
 * RequestedItems are the items of one read by their keys, with what the target holds at each. Items with one item key
 * are requested once.
 */
import { readUnits } from '../../core/capacity/capacity-units.js';
import { foundAs, SAME, type FoundItem } from '../../core/item/found-item.js';
import type { MappedItem } from '../../core/model.js';
import type { RequestedKey } from './keys-to-read.js';

export class RequestedItems {
  /** Each once. */
  readonly keys: readonly RequestedKey[];
  readonly #items: readonly MappedItem[];
  /** The first item of each key. */
  readonly #places = new Map<string, number>();
  readonly #found: FoundItem[];
  /** By place: the request that asks for it now; 0: none does. */
  readonly #request: Uint32Array;
  #requests = 0;
  /** Places of items whose key one before has, each with that one's place. */
  readonly #again: (readonly [number, number])[] = [];

  constructor(items: readonly MappedItem[]) {
    this.#items = items;
    this.#found = items.map(() => null);
    this.#request = new Uint32Array(items.length);
    const keys: RequestedKey[] = [];
    for (const [place, { keyText, bytes }] of items.entries()) {
      const first = this.#places.get(keyText);
      if (first === undefined) {
        this.#places.set(keyText, place);
        keys.push({ text: keyText, units: readUnits(bytes), place });
      } else this.#again.push([place, first]);
    }
    this.keys = keys;
  }

  /** @returns the index of the item that is requested by that key; undefined where none is */
  placeOf(keyText: string): number | undefined {
    return this.#places.get(keyText);
  }

  /** @param place as `placeOf` gave it */
  at(place: number): MappedItem {
    return this.#items[place] as MappedItem;
  }

  /** @returns the number of a request that asks for those, and for nothing else */
  ask(keys: readonly RequestedKey[]): number {
    const request = ++this.#requests;
    for (const { place } of keys) this.#request[place] = request;
    return request;
  }

  /** @returns whether that request requested it, and no answer named it since */
  answer(place: number, request: number): boolean {
    if (this.#request[place] !== request) return false;
    this.#request[place] = 0;
    return true;
  }

  setFound(place: number, found: FoundItem): void {
    this.#found[place] = found;
  }

  /** @returns what the target holds, in the order of the items */
  found(): readonly FoundItem[] {
    for (const [place, first] of this.#again) {
      const found = this.#found[first] ?? null;
      const text = found === SAME ? this.at(first).text : found;
      this.#found[place] = text === null ? null : foundAs(text, this.at(place));
    }
    return this.#found;
  }
}
