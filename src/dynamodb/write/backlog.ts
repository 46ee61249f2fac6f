/**
 * Everything of a writer that is not acknowledged yet: what waits by partition key, what waits out its backoff, and,
 * by item key, what is in flight. Bounded: `hasRoom` says when to stop adding.
 */
import type { MappedItem } from '../../core/model.js';
import { KeyIndex } from './key-index.js';
import { MAX_ITEM_BYTES, MAX_OPERATIONS } from './batch-write.js';
import type { HotPartitions } from '../capacity/hot-partitions.js';
import type { QueuedItem } from './partition-queue.js';
import { PartitionQueue } from './partition-queue.js';
import type { PendingWrite } from './pending-write.js';
import { writeUnits } from '../../core/capacity-units.js';

/** Room for so many full rounds of requests, or so many bytes, whichever is less. */
const ROUNDS = 4;
const MAX_BYTES = 32 * 1024 * 1024;

export class Backlog {
  readonly #maxItems: number;
  readonly #maxBatch: number;
  readonly #hot: HotPartitions;
  readonly #onReleased: () => void;
  readonly #queue = new PartitionQueue();
  readonly #byKey = new KeyIndex();
  /** Parts of batches that were refused as invalid, on the way to the item to blame. */
  #parts: QueuedItem[][] = [];
  #bytes = 0;
  #timer: NodeJS.Timeout | null = null;
  #releaseAt = Infinity;

  /**
   * @param maxBatch items in one request, at most
   * @param hot partition keys that have a pace of their own
   * @param onReleased called when items have waited out their backoff
   */
  constructor(maxInFlightRequests: number, maxBatch: number, hot: HotPartitions, onReleased: () => void) {
    this.#maxBatch = maxBatch;
    this.#maxItems = ROUNDS * MAX_OPERATIONS * maxInFlightRequests;
    this.#hot = hot;
    this.#onReleased = onReleased;
  }

  /** What waits for a hot partition key takes nobody else's room; bytes are counted all. */
  get hasRoom(): boolean {
    let items = this.#byKey.size;
    for (const partition of this.#hot.partitions()) items -= this.#queue.sizeOf(partition);
    return items < this.#maxItems && this.#bytes < MAX_BYTES;
  }

  /** True where `take` would surely return nothing. */
  get idle(): boolean {
    return this.#parts.length === 0 && this.#queue.idle;
  }

  /** The unacknowledged item that has this item's key. */
  holder(item: MappedItem): QueuedItem | null {
    return this.#byKey.holder(item);
  }

  /** The item key must have no holder. */
  add(item: MappedItem, write: PendingWrite): void {
    const queued: QueuedItem = {
      item,
      write,
      units: writeUnits(item.bytes),
      attempts: 0,
      next: null,
      nextOfChain: null,
    };
    this.#byKey.add(queued);
    this.#bytes += item.end - item.start;
    this.#queue.push(queued);
  }

  /** The next batch, within the limits of a request and of so many units; empty where nothing may be sent now. */
  take(maxUnits: number): readonly QueuedItem[] {
    const part = this.#parts.pop();
    if (part !== undefined) return part;
    const now = performance.now();
    const bounds = { maxItems: this.#maxBatch, maxBytes: MAX_ITEM_BYTES, maxUnits };
    const batch = this.#queue.take(bounds, now, this.#hot.size > 0 ? this.#hot : null);
    this.#armRelease(now);
    return batch;
  }

  /** Back into their lanes, which wait for `delayMs`: a partition that is too hot waits alone. */
  putBack(batch: readonly QueuedItem[], delayMs: number): void {
    const now = performance.now();
    for (const queued of batch.toReversed()) this.#queue.pushBack(queued, now + delayMs);
    this.#armRelease(now);
  }

  /** To be sent again in two halves, at once. */
  putBackHalves(batch: readonly QueuedItem[]): void {
    const middle = batch.length >> 1;
    this.#parts.push(batch.slice(0, middle), batch.slice(middle));
  }

  /** Acknowledged, or given up. */
  remove(queued: QueuedItem): void {
    this.#byKey.remove(queued);
    this.#bytes -= queued.item.end - queued.item.start;
  }

  /** Takes out what waits for writes that have failed. */
  dropFailed(): void {
    for (const queued of this.#queue.dropFailed()) this.remove(queued);
    for (const queued of this.#parts.flat()) if (queued.write.failed) this.remove(queued);
    this.#parts = this.#parts
      .map((part) => part.filter((queued) => !queued.write.failed))
      .filter((part) => part.length > 0);
  }

  /** Nothing is released any more. */
  stop(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#releaseAt = -Infinity;
  }

  /** One timer, for the lane that may go on first. */
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
