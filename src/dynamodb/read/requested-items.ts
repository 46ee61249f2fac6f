/**
 * RequestedItems are the items of one read by their keys, with what the target holds at each key. It requests each item
 * key once.
 */
import { readUnits } from '../../core/capacity/capacity-units.js';
import { foundAs, SAME, type FoundItem } from '../../core/item/found-item.js';
import type { MappedItem } from '../../core/model.js';
import type { RequestedKey } from './keys-to-read.js';

export class RequestedItems {
  /** Each key once. */
  readonly keys: readonly RequestedKey[];
  readonly #items: readonly MappedItem[];
  /** The first item of each key. */
  readonly #places = new Map<string, number>();
  readonly #found: FoundItem[];
  /** By place: the number of the request that asks for it now; 0: no request does. */
  readonly #request: Uint32Array;
  #requests = 0;
  /** Places of items whose key an earlier item has, each with that item's place. */
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

  /** @returns the index of the item that is requested by that key; undefined if there is no such item */
  placeOf(keyText: string): number | undefined {
    return this.#places.get(keyText);
  }

  /** @param place as `placeOf` gave it */
  at(place: number): MappedItem {
    return this.#items[place] as MappedItem;
  }

  /**
   * Starts a request for those keys, and nothing else.
   * @returns its number
   */
  ask(keys: readonly RequestedKey[]): number {
    const request = ++this.#requests;
    for (const { place } of keys) this.#request[place] = request;
    return request;
  }

  /**
   * Notes the answer for a place. @returns false if that request did not request it, or if an answer has named it
   * already
   */
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
