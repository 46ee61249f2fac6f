/**
 * Items that wait to be sent, one lane a partition key. Batches take one item from each lane in turn, so that rows
 * which come in key order from one account do not make a rolling hot partition. A parked lane waits alone, the others
 * go on.
 *
 *   rotating  -- its items are put back -->  parked  -- release, when its time has come -->  rotating
 *   rotating  -- its last item is taken -->  forgotten
 */
import type { QueuedOperation } from './queued-operation.js';

export interface BatchBounds {
  readonly maxItems: number;
  /** Of item texts in UTF-8; one item is always taken. */
  readonly maxBytes: number;
  /** Of the base table; one item is always taken. */
  readonly maxUnits: number;
}

/** Partition keys that may not go as fast as the others. */
export interface Pace {
  /** ms until its next item may be sent; 0: at once. */
  wait(partition: string, now: number): number;
  sent(partition: string, units: number): void;
}

interface Lane {
  readonly partition: string;
  head: QueuedOperation | null;
  tail: QueuedOperation | null;
  size: number;
  /** Monotonic ms; 0: not parked. */
  parkedUntil: number;
  /** In the rotation; a lane parked there leaves it at its turn. */
  rotating: boolean;
  /** The next lane of the rotation. */
  next: Lane | null;
}

export class PartitionQueue {
  readonly #lanes = new Map<string, Lane>();
  readonly #parked = new Set<Lane>();
  #parkedUntil = Infinity;
  #first: Lane | null = null;
  #last: Lane | null = null;
  /** Rows come in key order: the next item is often of the same partition. */
  #latest: Lane | null = null;

  /** True where `take` would surely return nothing. */
  get idle(): boolean {
    return this.#first === null;
  }

  /** Items of that partition key that wait here. */
  sizeOf(partition: string): number {
    return this.#lanes.get(partition)?.size ?? 0;
  }

  push(queued: QueuedOperation): void {
    const lane = this.#laneOf(queued.operation.partition);
    queued.next = null;
    if (lane.tail === null) lane.head = queued;
    else lane.tail.next = queued;
    lane.tail = queued;
    lane.size++;
  }

  /** Puts back what was taken and not written, before the items behind it, and parks its lane until then. */
  pushBack(queued: QueuedOperation, parkedUntil: number): void {
    const lane = this.#laneOf(queued.operation.partition);
    queued.next = lane.head;
    lane.head = queued;
    lane.tail ??= queued;
    lane.size++;
    this.#park(lane, parkedUntil);
  }

  /**
   * The next batch: one item a lane in turn, from lanes that are not parked. A lane whose pace is used up is parked.
   * @param now monotonic ms
   */
  take({ maxItems, maxBytes, maxUnits }: BatchBounds, now: number, pace: Pace | null = null): QueuedOperation[] {
    const taken: QueuedOperation[] = [];
    let bytes = 0;
    let units = 0;
    while (taken.length < maxItems) {
      const lane = this.#nextLane();
      if (lane === null || lane.head === null) break;
      const wait = pace === null ? 0 : pace.wait(lane.partition, now);
      if (wait > 0) {
        this.#park(lane, now + wait);
        continue;
      }
      const queued = lane.head;
      bytes += queued.operation.end - queued.operation.start;
      units += queued.units;
      if ((bytes > maxBytes || units > maxUnits) && taken.length > 0) {
        this.#prepend(lane);
        break;
      }
      pace?.sent(lane.partition, queued.units);
      lane.head = queued.next;
      queued.next = null;
      lane.size--;
      taken.push(queued);
      if (lane.head === null) this.#forget(lane);
      else this.#append(lane);
    }
    return taken;
  }

  /** When the first parked lane may go on, in monotonic ms; Infinity: none is parked. */
  get parkedUntil(): number {
    return this.#parkedUntil;
  }

  /** Ends the parking of lanes whose time has come. */
  release(now: number): void {
    this.#parkedUntil = Infinity;
    for (const lane of this.#parked) {
      if (lane.parkedUntil > now) {
        this.#parkedUntil = Math.min(this.#parkedUntil, lane.parkedUntil);
        continue;
      }
      lane.parkedUntil = 0;
      this.#parked.delete(lane);
      if (!lane.rotating) this.#append(lane);
    }
  }

  /** Drops the items of writes that have failed. Walks the whole queue: for the rare case. @returns what was dropped */
  dropFailed(): QueuedOperation[] {
    const dropped: QueuedOperation[] = [];
    for (const lane of this.#lanes.values()) {
      let last: QueuedOperation | null = null;
      for (let queued = lane.head; queued !== null; queued = queued.next) {
        if (queued.write.failed) {
          dropped.push(queued);
          lane.size--;
          if (last === null) lane.head = queued.next;
          else last.next = queued.next;
        } else last = queued;
      }
      lane.tail = last;
    }
    return dropped;
  }

  #laneOf(partition: string): Lane {
    if (this.#latest?.partition === partition) return this.#latest;
    let lane = this.#lanes.get(partition);
    if (lane === undefined) {
      lane = { partition, head: null, tail: null, size: 0, parkedUntil: 0, rotating: false, next: null };
      this.#lanes.set(partition, lane);
      this.#append(lane);
    }
    this.#latest = lane;
    return lane;
  }

  #park(lane: Lane, until: number): void {
    if (lane.parkedUntil === 0) this.#parked.add(lane);
    lane.parkedUntil = Math.max(lane.parkedUntil, until);
    this.#parkedUntil = Math.min(this.#parkedUntil, lane.parkedUntil);
  }

  /** Its turn has not been used. */
  #prepend(lane: Lane): void {
    lane.next = this.#first;
    lane.rotating = true;
    this.#first = lane;
    this.#last ??= lane;
  }

  #append(lane: Lane): void {
    lane.next = null;
    lane.rotating = true;
    if (this.#last === null) this.#first = lane;
    else this.#last.next = lane;
    this.#last = lane;
  }

  /** Takes the next lane that has items out of the rotation; parked and emptied ones leave it here. */
  #nextLane(): Lane | null {
    for (;;) {
      const lane = this.#first;
      if (lane === null) return null;
      this.#first = lane.next;
      if (this.#first === null) this.#last = null;
      lane.rotating = false;
      if (lane.parkedUntil > 0) continue;
      if (lane.head !== null) return lane;
      this.#forget(lane);
    }
  }

  #forget(lane: Lane): void {
    this.#lanes.delete(lane.partition);
    if (this.#latest === lane) this.#latest = null;
  }
}
