/**
 * Items by item key, found by the hash of the key: no text of a key is made for an item that nobody else has the key of. In a Map of
 * texts, these and the texts were a tenth of a backfill's processor time.
 */
import { haveOneKey, type MappedItem } from '../core/model.js';
import type { QueuedItem } from './partition-queue.js';

export class KeyIndex {
  /** The first of each chain of `sameHash`. */
  readonly #chains = new Map<number, QueuedItem>();
  #size = 0;

  get size(): number {
    return this.#size;
  }

  /** The one that has the item's key, or null. */
  holder(item: MappedItem): QueuedItem | null {
    for (let queued = this.#chains.get(item.keyHash) ?? null; queued !== null; queued = queued.sameHash) {
      if (haveOneKey(queued.item, item)) return queued;
    }
    return null;
  }

  /** Its key must have no holder. */
  add(queued: QueuedItem): void {
    queued.sameHash = this.#chains.get(queued.item.keyHash) ?? null;
    this.#chains.set(queued.item.keyHash, queued);
    this.#size += 1;
  }

  /** What is not there is left alone. */
  remove(queued: QueuedItem): void {
    const { keyHash } = queued.item;
    const first = this.#chains.get(keyHash);
    if (first === undefined) return;
    if (first === queued) {
      if (queued.sameHash === null) this.#chains.delete(keyHash);
      else this.#chains.set(keyHash, queued.sameHash);
    } else {
      let before = first;
      while (before.sameHash !== null && before.sameHash !== queued) before = before.sameHash;
      if (before.sameHash === null) return;
      before.sameHash = queued.sameHash;
    }
    queued.sameHash = null;
    this.#size -= 1;
  }
}
