/**
 * Items by item key, found by the hash of the key: no text is made of a key that nobody else has. A Map of texts, with
 * the texts, took a tenth of a backfill's processor time; a Map of hashes, which makes its table anew as items come and
 * go, a third of that.
 */
import { haveOneKey, type MappedItem } from '../../core/model.js';
import type { QueuedItem } from './partition-queue.js';

const FIRST_CHAINS = 1024;

export class KeyIndex {
  /** The first item of each chain of `nextOfChain`; a power of two of them. */
  #chains: (QueuedItem | null)[] = noChains(FIRST_CHAINS);
  #size = 0;

  get size(): number {
    return this.#size;
  }

  /** The one that has the item's key, or null. */
  holder(item: MappedItem): QueuedItem | null {
    for (let queued = this.#first(item); queued !== null; queued = queued.nextOfChain) {
      if (haveOneKey(queued.item, item)) return queued;
    }
    return null;
  }

  /** Its key must have no holder. */
  add(queued: QueuedItem): void {
    if (this.#size === this.#chains.length) this.#grow();
    queued.nextOfChain = this.#first(queued.item);
    this.#chains[this.#chainOf(queued.item)] = queued;
    this.#size += 1;
  }

  /** What is not there is left alone. */
  remove(queued: QueuedItem): void {
    const first = this.#first(queued.item);
    if (first === queued) {
      this.#chains[this.#chainOf(queued.item)] = queued.nextOfChain;
    } else {
      let before = first;
      while (before !== null && before.nextOfChain !== queued) before = before.nextOfChain;
      if (before === null) return;
      before.nextOfChain = queued.nextOfChain;
    }
    queued.nextOfChain = null;
    this.#size -= 1;
  }

  #chainOf(item: MappedItem): number {
    return item.keyHash & (this.#chains.length - 1);
  }

  #first(item: MappedItem): QueuedItem | null {
    return this.#chains[this.#chainOf(item)] ?? null;
  }

  #grow(): void {
    const smaller = this.#chains;
    this.#chains = noChains(smaller.length * 2);
    for (const chain of smaller) {
      for (let queued = chain; queued !== null;) {
        const next = queued.nextOfChain;
        queued.nextOfChain = this.#first(queued.item);
        this.#chains[this.#chainOf(queued.item)] = queued;
        queued = next;
      }
    }
  }
}

function noChains(count: number): (QueuedItem | null)[] {
  return new Array<QueuedItem | null>(count).fill(null);
}
