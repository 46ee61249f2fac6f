/**
 * KeyIndex finds queued operations by item key, through the hash of the key. It makes no text of a key that it holds
 * only once. A Map of texts took a tenth of a backfill's processor time. A Map of hashes rebuilds its table as items
 * come and go, and took a third of that.
 */
import { haveOneKey, type ItemKey } from '../../core/model.js';
import type { QueuedOperation } from './queued-operation.js';

/** Chains of an empty index. Their number doubles when it holds as many operations. */
const FIRST_CHAINS = 1024;

export class KeyIndex {
  /** The first operation of each chain of `nextOfChain`. Their number is a power of two. */
  #chains: (QueuedOperation | null)[] = noChains(FIRST_CHAINS);
  #size = 0;

  get size(): number {
    return this.#size;
  }

  /** @returns the operation that has this key; null: none has it */
  holder(key: ItemKey): QueuedOperation | null {
    for (let queued = this.#first(key); queued !== null; queued = queued.nextOfChain) {
      if (haveOneKey(queued.operation, key)) return queued;
    }
    return null;
  }

  /** Adds an operation whose key the index does not hold yet. */
  add(queued: QueuedOperation): void {
    if (this.#size === this.#chains.length) this.#grow();
    queued.nextOfChain = this.#first(queued.operation);
    this.#chains[this.#chainOf(queued.operation)] = queued;
    this.#size += 1;
  }

  /** Removes an operation. If the index does not hold it, nothing happens. */
  remove(queued: QueuedOperation): void {
    const first = this.#first(queued.operation);
    if (first === queued) {
      this.#chains[this.#chainOf(queued.operation)] = queued.nextOfChain;
    } else {
      let before = first;
      while (before !== null && before.nextOfChain !== queued) before = before.nextOfChain;
      if (before === null) return;
      before.nextOfChain = queued.nextOfChain;
    }
    queued.nextOfChain = null;
    this.#size -= 1;
  }

  #chainOf(key: ItemKey): number {
    return key.keyHash & (this.#chains.length - 1);
  }

  #first(key: ItemKey): QueuedOperation | null {
    return this.#chains[this.#chainOf(key)] ?? null;
  }

  #grow(): void {
    const smaller = this.#chains;
    this.#chains = noChains(smaller.length * 2);
    for (const chain of smaller) {
      for (let queued = chain; queued !== null;) {
        const next = queued.nextOfChain;
        queued.nextOfChain = this.#first(queued.operation);
        this.#chains[this.#chainOf(queued.operation)] = queued;
        queued = next;
      }
    }
  }
}

function noChains(count: number): (QueuedOperation | null)[] {
  return new Array<QueuedOperation | null>(count).fill(null);
}
