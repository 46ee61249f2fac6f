/**
 * One call of `ItemWriter.write`: counts its items down to the last acknowledgement. A failed one settles once none of
 * its items is in flight any more, so that whoever writes the same keys next races with nothing. One of which single
 * items were refused goes on, and rejects once all others are acknowledged: nothing of it needs to be written again.
 */
import type { FerryError } from '../../core/errors.js';
import { thisInstant } from '../../core/time/age.js';
import type { WriteReceipt } from '../../core/ports/ports.js';
import { refusedItems } from './item-faults.js';

export class PendingWrite {
  readonly receipt: Promise<WriteReceipt>;
  readonly #items: number;
  #resolve: (receipt: WriteReceipt) => void = () => undefined;
  #reject: (error: FerryError) => void = () => undefined;
  #unacknowledged: number;
  #inFlight = 0;
  #units = 0;
  #newer = 0;
  #superseded = 0;
  #failure: FerryError | null = null;
  readonly #refused: FerryError[] = [];

  /** @param readAt when the rows were read that the items came from */
  constructor(
    items: number,
    readonly readAt = thisInstant(),
  ) {
    this.#items = items;
    this.#unacknowledged = items;
    this.receipt = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
  }

  get failed(): boolean {
    return this.#failure !== null;
  }

  get failure(): FerryError | null {
    return this.#failure;
  }

  /** True while some of its items are neither acknowledged nor in flight. */
  get waiting(): boolean {
    return this.#unacknowledged > this.#inFlight;
  }

  /** Nothing more will happen to it. */
  get settled(): boolean {
    return this.#inFlight === 0 && (this.#failure !== null || this.#unacknowledged === 0);
  }

  /** One of its items was sent. */
  sent(): void {
    this.#inFlight++;
  }

  /**
   * One of its items was acknowledged; `units` is its part of what the request consumed; `newer`: another one stays in
   * its place.
   */
  acknowledged(units: number, newer: boolean): void {
    this.#inFlight--;
    this.#unacknowledged--;
    this.#units += units;
    if (newer) this.#newer++;
    this.#settle();
  }

  /** One of its items was replaced by a later operation on the same key, and that one was acknowledged. */
  superseded(): void {
    this.#superseded++;
    this.acknowledged(0, false);
  }

  /** One of its items will never be written, and its row is to blame. */
  refused(error: FerryError): void {
    this.#inFlight--;
    this.#unacknowledged--;
    this.#refused.push(error);
    this.#settle();
  }

  /** One of its items came back unwritten, or nobody knows. */
  returned(): void {
    this.#inFlight--;
    this.#settle();
  }

  /** The first failure stands. */
  fail(error: FerryError): void {
    this.#failure ??= error;
    this.#settle();
  }

  /** All of its items were answered. */
  #end(): void {
    const receipt = {
      items: this.#items - this.#refused.length,
      newer: this.#newer,
      superseded: this.#superseded,
      units: this.#units,
    };
    if (this.#refused.length === 0) this.#resolve(receipt);
    else this.#reject(refusedItems(this.#refused, receipt));
  }

  #settle(): void {
    if (this.#inFlight > 0) return;
    if (this.#failure !== null) this.#reject(this.#failure);
    else if (this.#unacknowledged === 0) this.#end();
  }
}

/** The writes that are not settled yet. */
export class UnsettledWrites {
  readonly #open = new Set<PendingWrite>();

  add(write: PendingWrite): void {
    this.#open.add(write);
  }

  readonly forgetSettled = (write: PendingWrite): void => {
    if (write.settled) this.#open.delete(write);
  };

  /** @param failure of the whole run: it fails every write with something waiting @returns whether any has failed */
  sweep(failure: FerryError | null): boolean {
    let some = false;
    for (const write of this.#open) {
      if (failure !== null && write.waiting) write.fail(failure);
      some ||= write.failed;
      this.forgetSettled(write);
    }
    return some;
  }
}
