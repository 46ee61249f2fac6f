/**
 * A queued operation is one put or delete on its way, with every write that waits for its acknowledgement. Those are
 * its own write, and the writes of earlier operations on its key that it replaced before they were sent.
 *
 *   queued --> in flight --> ended: acknowledged, refused, or failed; what waits behind it is queued
 *     ^            |
 *     +------------+  not applied, or perhaps: what waits behind it replaces it, else it is sent again
 */
import { writeUnits } from '../../core/capacity/capacity-units.js';
import type { FerryError } from '../../core/errors.js';
import { isDelete, type WriteOperation } from '../../core/item/write-operation.js';
import type { WriteCost } from '../capacity/cost-factor.js';
import type { PendingWrite } from './pending-write.js';

/** The write of an operation that was replaced by a later one, and the ones that were replaced before it. */
interface Superseded {
  readonly write: PendingWrite;
  readonly next: Superseded | null;
}

/** The only object that the writer makes for each operation. */
export class QueuedOperation {
  /** Tries in which no operation of its batch made progress. */
  attempts = 0;
  /** From sending until the request has ended. Nothing replaces it in that time. */
  inFlight = false;
  /** The next one of its lane. */
  next: QueuedOperation | null = null;
  /** The next one of its chain in the key index. */
  nextOfChain: QueuedOperation | null = null;
  /** The later operation on the same key, which waits until this one has ended; null unless this one is in flight. */
  behind: QueuedOperation | null = null;
  #superseded: Superseded | null = null;

  /** @param units of the base table: whole KB of an item, rounded up; 1 for a delete */
  constructor(
    public operation: WriteOperation,
    public write: PendingWrite,
    public units = writeUnits(operation.bytes),
  ) {}

  /** Bytes on the wire, without the words around them. */
  get wireBytes(): number {
    return this.operation.end - this.operation.start;
  }

  /** Returns the units of table and indexes that it probably consumes. */
  costBy(cost: WriteCost): number {
    return isDelete(this.operation) ? cost.ofDelete : this.units * cost.ofPutUnit;
  }

  /** Counts the earlier operations that it stands for. */
  get supersededCount(): number {
    let count = 0;
    for (let one = this.#superseded; one !== null; one = one.next) count++;
    return count;
  }

  /**
   * Puts a later operation in the place of this one, with its tries and its backoff. This one must not be in flight.
   */
  replaceBy(later: QueuedOperation): void {
    this.#superseded = { write: this.write, next: this.#superseded };
    for (let one = later.#superseded; one !== null; one = one.next) {
      this.#superseded = { write: one.write, next: this.#superseded };
    }
    this.operation = later.operation;
    this.write = later.write;
    this.units = later.units;
  }

  // ---------------------------------------------------------------------- what every write that waits for it learns

  sent(): void {
    this.inFlight = true;
    this.write.sent();
    for (let one = this.#superseded; one !== null; one = one.next) one.write.sent();
  }

  /** Notes that the request ended, and that the operation was not applied, or that nothing shows whether it was. */
  returned(): void {
    this.inFlight = false;
    this.write.returned();
    for (let one = this.#superseded; one !== null; one = one.next) one.write.returned();
  }

  /**
   * @param units its part of what the request consumed
   * @param newer another item stays in its place
   */
  acknowledged(units: number, newer: boolean): void {
    this.inFlight = false;
    this.write.acknowledged(units, newer);
    for (let one = this.#superseded; one !== null; one = one.next) one.write.superseded();
  }

  /** Notes that it will never be applied, and that its row is to blame. */
  refused(error: FerryError): void {
    this.inFlight = false;
    this.write.refused(error);
    for (let one = this.#superseded; one !== null; one = one.next) one.write.refused(error);
  }

  /** Fails every write that waits for it. */
  fail(error: FerryError): void {
    this.write.fail(error);
    for (let one = this.#superseded; one !== null; one = one.next) one.write.fail(error);
  }

  /**
   * Fails the writes of the operations that it replaced, since nothing will write them now: its own write has failed,
   * and it is dropped.
   * @returns whether one of them had not failed before
   */
  failSuperseded(): boolean {
    let some = false;
    const { failure } = this.write;
    if (failure === null) return some;
    for (let one = this.#superseded; one !== null; one = one.next) {
      some ||= !one.write.failed;
      one.write.fail(failure);
    }
    return some;
  }

  forEachWrite(visit: (write: PendingWrite) => void): void {
    visit(this.write);
    for (let one = this.#superseded; one !== null; one = one.next) visit(one.write);
  }
}
