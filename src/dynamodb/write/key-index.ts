/**
 * Items by item key, found by the hash of the key: no text is made of a key that nobody else has. A Map of texts, with
 * the texts, took a tenth of a backfill's processor time; a Map of hashes, which makes its table anew as items come and
 * go, a third of that.
 */
import { haveOneKey, type ItemKey } from '../../core/model.js';
import type { QueuedOperation } from './queued-operation.js';

const FIRST_CHAINS = 1024;

export class KeyIndex {
  /** The first item of each chain of `nextOfChain`; a power of two of them. */
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

  /** Its key must have no holder. */
  add(queued: QueuedOperation): void {
    if (this.#size === this.#chains.length) this.#grow();
    queued.nextOfChain = this.#first(queued.operation);
    this.#chains[this.#chainOf(queued.operation)] = queued;
    this.#size += 1;
  }

  /** What is not there is left alone. */
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
