/**
 * KeysToRead are the keys of a read that wait to be requested, cut into requests by what their items are expected to
 * cost.
 */
import type { ReadEstimate } from '../capacity/cost-factor.js';

export interface RequestedKey {
  /** The item key as DynamoDB JSON. */
  readonly text: string;
  /** Read units of the item that is expected there. */
  readonly units: number;
  /** The index of the item among those that are read together. */
  readonly place: number;
}

/** The keys of one request. */
export interface KeyBatch {
  readonly keys: readonly RequestedKey[];
  /** What they cost at most, as far as is known. */
  readonly debit: number;
}

/** AWS, BatchGetItem: at most 100 keys; an answer beyond 16 MB leaves the rest in UnprocessedKeys. */
const MAX_KEYS = 100;
/**
 * 4 MB: far below what an answer holds, as an item may be larger than expected, and as each request in flight needs the
 * memory.
 */
const MAX_UNITS = 1024;

export class KeysToRead {
  /** The next one last. */
  readonly #keys: RequestedKey[];

  constructor(keys: readonly RequestedKey[]) {
    this.#keys = [...keys].reverse();
  }

  get empty(): boolean {
    return this.#keys.length === 0;
  }

  /** @param maxUnits of a request, at most; one key always goes */
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

  /** Before all others, in their order. */
  putBack(keys: readonly RequestedKey[]): void {
    this.#keys.push(...keys.toReversed());
  }
}
