/**
 * The partitions of a table or an index: ranges of the partition key's hash, each with 1,000 units a second. One that
 * was too hot for long enough splits in the middle of its range; a single key can never be split.
 */
import { createHash } from 'node:crypto';
import { CapacityBucket } from './capacity-bucket.js';

interface Partition {
  /** Hashes from here ... */
  readonly from: number;
  /** ... to here, without it. */
  readonly to: number;
  readonly bucket: CapacityBucket;
  /** When it began to be too hot; null: it is not. */
  hotSince: number | null;
  lastRefusal: number;
}

const HASHES = 2 ** 32;
/** What a partition may save up, in seconds' worth. */
const BURST_SECONDS = 1;
/** After a pause of so many ms, a partition's heat starts from zero. */
const COOLED_AFTER_MS = 5_000;

export class Partitions {
  readonly #units: number;
  readonly #splitAfterMs: number;
  readonly #hashes = new Map<string, number>();
  #partitions: Partition[];

  /** @param saved at the start, in seconds' worth */
  constructor(count: number, units: number, splitAfterMs: number, saved: number, now: number) {
    this.#units = units;
    this.#splitAfterMs = splitAfterMs;
    this.#partitions = Array.from({ length: count }, (_, index) =>
      this.#partition(Math.floor((HASHES / count) * index), Math.floor((HASHES / count) * (index + 1)), saved, now),
    );
  }

  get count(): number {
    return this.#partitions.length;
  }

  /** Returns the index of the partition that a key lies in, from 0. */
  indexOf(key: string): number {
    let hash = this.#hashes.get(key);
    if (hash === undefined) {
      hash = createHash('md5').update(key).digest().readUInt32BE(0);
      this.#hashes.set(key, hash);
    }
    const at = hash;
    return this.#partitions.findIndex(({ to }) => at < to);
  }

  has(key: string, units: number, now: number): boolean {
    const partition = this.#at(key);
    if (partition.bucket.has(units, now)) return true;
    if (partition.hotSince === null || now - partition.lastRefusal > COOLED_AFTER_MS) partition.hotSince = now;
    partition.lastRefusal = now;
    if (now - partition.hotSince >= this.#splitAfterMs) this.#split(partition, now);
    return false;
  }

  take(key: string, units: number): void {
    this.#at(key).bucket.take(units);
  }

  #at(key: string): Partition {
    const partition = this.#partitions[this.indexOf(key)];
    if (partition === undefined) throw new RangeError('a hash without a partition');
    return partition;
  }

  #split(partition: Partition, now: number): void {
    const middle = Math.floor((partition.from + partition.to) / 2);
    this.#partitions = this.#partitions.flatMap((each) =>
      each === partition
        ? [this.#partition(each.from, middle, 0, now), this.#partition(middle, each.to, 0, now)]
        : [each],
    );
  }

  #partition(from: number, to: number, saved: number, now: number): Partition {
    const bucket = new CapacityBucket(this.#units, BURST_SECONDS, Math.min(saved, BURST_SECONDS), now);
    return { from, to, bucket, hotSince: null, lastRefusal: now };
  }
}
