/**
 * KeysToRead are the keys that a read still has to request. It cuts them into requests by the expected cost of their
 * items.
 */
import type { ReadEstimate } from '../capacity/cost-factor.js';

export interface RequestedKey {
  /** The item key as DynamoDB JSON. */
  readonly text: string;
  /** Read units of the item that is expected at the key. */
  readonly units: number;
  /** The index of the item in its read. */
  readonly place: number;
}

/** The keys of one request. */
export interface KeyBatch {
  readonly keys: readonly RequestedKey[];
  /** Read units to debit: the most that the keys may cost, as far as is known. */
  readonly debit: number;
}

/** AWS, BatchGetItem: at most 100 keys. An answer beyond 16 MB leaves the rest in UnprocessedKeys. */
const MAX_KEYS = 100;
/**
 * 4 MB of items: far below the 16 MB of an answer. An item may be larger than expected, and each request in flight
 * needs the memory.
 */
const MAX_UNITS = 1024;

export class KeysToRead {
  /** In reverse order: the next key is the last one. */
  readonly #keys: RequestedKey[];

  constructor(keys: readonly RequestedKey[]) {
    this.#keys = [...keys].reverse();
  }

  get empty(): boolean {
    return this.#keys.length === 0;
  }

  /** @param maxUnits the most read units of a request; one key goes in any case */
  take(maxUnits: number, estimate: ReadEstimate): KeyBatch {
    const most = Math.min(MAX_UNITS, maxUnits);
    const keys: RequestedKey[] = [];
    let debit = 0;
    for (let key = this.#keys.at(-1); key !== undefined && keys.length < MAX_KEYS; key = this.#keys.at(-1)) {
      const units = estimate.most(key.units);
      if (keys.length > 0 && debit + units > most) break;
      debit += units;
      keys.push(key);
      this.#keys.pop();
    }
    return { keys, debit };
  }

  /** Puts the keys before all others, in their order. */
  putBack(keys: readonly RequestedKey[]): void {
    this.#keys.push(...keys.toReversed());
  }
}
