/**
 * PendingWrite is one call of `ItemWriter.write`: it counts its operations down to the last acknowledgement. A failed
 * write settles only when none of its operations is in flight, so that a later write of the same keys races with
 * nothing. If the target refuses single operations, the others continue. The write then rejects once all others are
 * acknowledged: they need not be written again.
 */
import type { FerryError } from '../../core/errors.js';
import { thisInstant } from '../../core/time/age.js';
import type { WriteReceipt } from '../../core/ports/target-ports.js';
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

  /** @param readAt when the rows of the items were read */
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

  /** True while some of its operations are neither acknowledged nor in flight. */
  get waiting(): boolean {
    return this.#unacknowledged > this.#inFlight;
  }

  /** True once nothing more happens to it. */
  get settled(): boolean {
    return this.#inFlight === 0 && (this.#failure !== null || this.#unacknowledged === 0);
  }

  /** Notes that one of its operations was sent, or the one that replaced it. */
  sent(): void {
    this.#inFlight++;
  }

  /**
   * Notes that one of its operations was acknowledged.
   * @param units its part of what the request consumed
   * @param newer another item stays in its place
   */
  acknowledged(units: number, newer: boolean): void {
    this.#inFlight--;
    this.#unacknowledged--;
    this.#units += units;
    if (newer) this.#newer++;
    this.#settle();
  }

  /**
   * Notes that a later operation on the same key replaced one of its operations, and that the later one was
   * acknowledged.
   */
  superseded(): void {
    this.#superseded++;
    this.acknowledged(0, false);
  }

  /** Notes that the target refused one of its operations for good, and that the row is to blame. */
  refused(error: FerryError): void {
    this.#inFlight--;
    this.#unacknowledged--;
    this.#refused.push(error);
    this.#settle();
  }

  /** Notes that one of its operations was not applied, or that nothing shows whether it was. */
  returned(): void {
    this.#inFlight--;
    this.#settle();
  }

  /** Fails the write. The first failure stands. */
  fail(error: FerryError): void {
    this.#failure ??= error;
    this.#settle();
  }

  /** Settles the write, since every operation was answered. */
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

/** UnsettledWrites are the writes of a writer that are not settled yet. */
export class UnsettledWrites {
  readonly #open = new Set<PendingWrite>();

  add(write: PendingWrite): void {
    this.#open.add(write);
  }

  readonly forgetSettled = (write: PendingWrite): void => {
    if (write.settled) this.#open.delete(write);
  };

  /**
   * Fails writes, and forgets those that are settled.
   * @param failure the failure of the whole run: every write with something waiting fails with it
   * @returns whether any write has failed
   */
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
