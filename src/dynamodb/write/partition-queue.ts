/**
 * PartitionQueue holds the operations that wait to be sent, one lane a partition key. A batch takes one operation from
 * each lane in turn. Otherwise rows in key order of one account would make a rolling hot partition. A parked lane waits
 * alone, and the others continue.
 *
 *   rotating  -- operations are put back -->  parked  -- release, when its time has come -->  rotating
 *   rotating  -- its last one is taken -->  forgotten
 */
import { WriteCost } from '../capacity/cost-factor.js';
import type { QueuedOperation } from './queued-operation.js';

export interface BatchBounds {
  readonly maxItems: number;
  /** Bytes of the operations in UTF-8. One operation is always taken. */
  readonly maxBytes: number;
  /** Write units by `cost`. One operation is always taken. */
  readonly maxUnits: number;
  /** Default: operations cost their own units. */
  readonly cost?: WriteCost;
}

/** The cost of operations by their own units in the base table. */
export const OWN_UNITS = new WriteCost();

/** Pace limits single partition keys to a rate of their own. */
export interface Pace {
  /** @param now monotonic ms @returns ms until its next operation may be sent; 0: at once */
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
  /** The lane is in the rotation. A lane that was parked there leaves it at its turn. */
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
  /** Rows come in key order, so the next operation often has the same partition key. */
  #latest: Lane | null = null;

  /** True where `take` would return nothing. */
  get idle(): boolean {
    return this.#first === null;
  }

  /** @returns how many operations of that partition key wait here */
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

  /**
   * Puts back an operation that was taken and not written, before the others of its lane. Parks the lane. @param
   * parkedUntil monotonic ms
   */
  pushBack(queued: QueuedOperation, parkedUntil: number): void {
    const lane = this.#laneOf(queued.operation.partition);
    queued.next = lane.head;
    lane.head = queued;
    lane.tail ??= queued;
    lane.size++;
    this.#park(lane, parkedUntil);
  }

  /**
   * Takes the next batch: one item a lane in turn, from lanes that are not parked. It parks a lane whose pace is used
   * up.
   * @param now monotonic ms
   */
  take(
    { maxItems, maxBytes, maxUnits, cost = OWN_UNITS }: BatchBounds,
    now: number,
    pace: Pace | null = null,
  ): QueuedOperation[] {
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
      units += queued.costBy(cost);
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

  /** When the first parked lane ends its wait, in monotonic ms; Infinity: no lane is parked. */
  get parkedUntil(): number {
    return this.#parkedUntil;
  }

  /** Ends the parking of lanes whose time has come. @param now monotonic ms */
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

  /**
   * Drops the operations of writes that have failed. It walks the whole queue, which happens rarely. @returns what was
   * dropped
   */
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

  /** Puts a lane back in front: its turn was not used. */
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

  /** Takes the next lane with operations out of the rotation. Parked and empty lanes leave it here. */
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
