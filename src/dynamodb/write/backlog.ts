/**
 * Backlog holds every operation of a writer that is not acknowledged yet. Operations wait by partition key, wait out
 * their backoff, or are in flight. The backlog finds each by its item key. It is bounded: `hasCapacity` says when to
 * stop adding.
 */
import type { ItemKey } from '../../core/model.js';
import type { WriteOperation } from '../../core/item/write-operation.js';
import { KeyIndex } from './key-index.js';
import { MAX_BATCH_BYTES, MAX_OPERATIONS } from './batch-write.js';
import type { HotPartitions } from '../capacity/hot-partitions.js';
import { OWN_UNITS, PartitionQueue } from './partition-queue.js';
import type { PendingWrite } from './pending-write.js';
import { QueuedOperation } from './queued-operation.js';

/** There is room for this many full rounds of requests, or for MAX_BYTES, whichever is less. */
const ROUNDS = 4;
const MAX_BYTES = 32 * 1024 * 1024;

export class Backlog {
  readonly #maxInFlightRequests: () => number;
  readonly #maxBatch: number;
  readonly #hot: HotPartitions;
  readonly #onReleased: () => void;
  readonly #queue = new PartitionQueue();
  readonly #byKey = new KeyIndex();
  /** Parts of batches that the service found invalid, on the way to the operation that is to blame. */
  #parts: QueuedOperation[][] = [];
  #bytes = 0;
  /** Operations in flight that a later one waits behind. */
  readonly #heldUp = new Set<QueuedOperation>();
  /** Operations that a later one replaced, and whose writes wait for it. */
  #superseded = 0;
  #timer: NodeJS.Timeout | null = null;
  #releaseAt = Infinity;

  /**
   * @param maxInFlightRequests returns the most requests at once, which may change
   * @param maxBatch the most operations in one request
   * @param hot partition keys with a rate of their own
   * @param onReleased called when operations have waited out their backoff
   */
  constructor(maxInFlightRequests: () => number, maxBatch: number, hot: HotPartitions, onReleased: () => void) {
    this.#maxBatch = maxBatch;
    this.#maxInFlightRequests = maxInFlightRequests;
    this.#hot = hot;
    this.#onReleased = onReleased;
  }

  /**
   * True while more operations may be added. Operations that wait for a hot partition key take no room from the others,
   * though their bytes count. A superseded operation takes the room of an item until the later one is acknowledged.
   */
  get hasCapacity(): boolean {
    let items = this.#byKey.size + this.#heldUp.size + this.#superseded;
    for (const partition of this.#hot.partitions()) items -= this.#queue.sizeOf(partition);
    return items < ROUNDS * MAX_OPERATIONS * this.#maxInFlightRequests() && this.#bytes < MAX_BYTES;
  }

  /** True where `take` would return nothing. */
  get idle(): boolean {
    return this.#parts.length === 0 && this.#queue.idle;
  }

  /**
   * @returns the operation with this key that is not acknowledged yet, and that no other one waits for; null: there is
   *   no such operation
   */
  holder(key: ItemKey): QueuedOperation | null {
    return this.#byKey.holder(key);
  }

  /** The item key must have no holder. */
  add(operation: WriteOperation, write: PendingWrite): void {
    const queued = new QueuedOperation(operation, write);
    this.#byKey.add(queued);
    this.#bytes += queued.wireBytes;
    this.#queue.push(queued);
  }

  /**
   * Replaces an operation on the holder's key that is only queued. If the holder is in flight, the new operation waits
   * behind it.
   */
  supersede(holder: QueuedOperation, operation: WriteOperation, write: PendingWrite): void {
    const later = new QueuedOperation(operation, write);
    this.#bytes += later.wireBytes;
    if (!holder.inFlight) this.#replace(holder, later);
    else if (holder.behind !== null) this.#replace(holder.behind, later);
    else {
      holder.behind = later;
      this.#heldUp.add(holder);
    }
  }

  /**
   * Takes the next batch, within the limits of a request and of that many units by the estimated cost.
   * @returns an empty batch if nothing may be sent now
   */
  take(maxUnits: number, cost = OWN_UNITS): readonly QueuedOperation[] {
    const part = this.#parts.pop();
    if (part !== undefined) return part;
    const now = performance.now();
    const bounds = { maxItems: this.#maxBatch, maxBytes: MAX_BATCH_BYTES, maxUnits, cost };
    const batch = this.#queue.take(bounds, now, this.#hot.size > 0 ? this.#hot : null);
    this.#armRelease(now);
    return batch;
  }

  /**
   * Puts operations back into their lanes, which then wait for `delayMs`. A hot partition waits alone. An operation
   * that waits behind another takes its place.
   */
  putBack(batch: readonly QueuedOperation[], delayMs: number): void {
    const now = performance.now();
    this.#letLaterPass(batch);
    for (const queued of batch.toReversed()) this.#queue.pushBack(queued, now + delayMs);
    this.#armRelease(now);
  }

  /** Sends a batch again in two halves, at once. An operation that waits behind another takes its place. */
  putBackHalves(batch: readonly QueuedOperation[]): void {
    this.#letLaterPass(batch);
    const middle = batch.length >> 1;
    this.#parts.push(batch.slice(0, middle), batch.slice(middle));
  }

  /**
   * Takes out an operation that was acknowledged, refused or given up. The operation that waits behind it is queued.
   */
  remove(queued: QueuedOperation): void {
    this.#byKey.remove(queued);
    this.#forget(queued);
    const later = this.#takeBehind(queued);
    if (later === null) return;
    this.#byKey.add(later);
    this.#queue.push(later);
  }

  /** Takes out the operations of writes that have failed. */
  dropFailed(): boolean {
    let more = false;
    for (const queued of this.#queue.dropFailed()) {
      this.remove(queued);
      more = queued.failSuperseded() || more;
    }
    // Removes each as it is dropped: one that fails with another one of the parts stays for the next call.
    const dropsPart = (queued: QueuedOperation): boolean => {
      if (!queued.write.failed) return false;
      this.remove(queued);
      more = queued.failSuperseded() || more;
      return true;
    };
    this.#parts = this.#parts
      .map((part) => part.filter((queued) => !dropsPart(queued)))
      .filter((part) => part.length > 0);
    for (const holder of this.#heldUp) {
      if (holder.behind?.write.failed !== true) continue;
      const dropped = this.#takeBehind(holder);
      if (dropped === null) continue;
      this.#forget(dropped);
      more = dropped.failSuperseded() || more;
    }
    return more;
  }

  /** Stops the timer, so that nothing is released later. */
  stop(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#releaseAt = -Infinity;
  }

  #letLaterPass(batch: readonly QueuedOperation[]): void {
    if (this.#heldUp.size === 0) return;
    for (const queued of batch) {
      const later = this.#takeBehind(queued);
      if (later !== null) this.#replace(queued, later);
    }
  }

  #replace(queued: QueuedOperation, later: QueuedOperation): void {
    this.#bytes -= queued.wireBytes;
    this.#superseded += 1;
    queued.replaceBy(later);
  }

  #takeBehind(queued: QueuedOperation): QueuedOperation | null {
    const later = queued.behind;
    if (later === null) return null;
    queued.behind = null;
    this.#heldUp.delete(queued);
    return later;
  }

  #forget(queued: QueuedOperation): void {
    this.#bytes -= queued.wireBytes;
    this.#superseded -= queued.supersededCount;
  }

  /** Sets one timer, for the lane that ends its wait first. */
  #armRelease(now: number): void {
    const { parkedUntil } = this.#queue;
    if (parkedUntil >= this.#releaseAt) return;
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#releaseAt = parkedUntil;
    const release = (): void => {
      this.#releaseAt = Infinity;
      const time = performance.now();
      this.#queue.release(time);
      this.#armRelease(time);
      this.#onReleased();
    };
    this.#timer = setTimeout(release, parkedUntil - now);
  }
}
