/**
 * Writers without a network, in simulated time: the product's own bucket, queue and feedback against the adversary's
 * capacity model, with a latency and stalls of the machine. Half an hour of a table takes seconds.
 */
import type { MappedItem } from '../../../src/core/model.js';
import { retryDelay } from '../../../src/dynamodb/failures/backoff.js';
import { TokenBucket } from '../../../src/dynamodb/capacity/token-bucket.js';
import { PartitionQueue } from '../../../src/dynamodb/write/partition-queue.js';
import { QueuedOperation } from '../../../src/dynamodb/write/queued-operation.js';
import { PendingWrite } from '../../../src/dynamodb/write/pending-write.js';
import { WriteFeedback } from '../../../src/dynamodb/write/write-feedback.js';
import { CapacityModel, type CapacityModelOptions, type ModelItem } from '../../support/capacity/capacity-model.js';

/** Rows that never end: so many of them are always queued. */
export interface Source {
  readonly partition: (index: number) => string;
  readonly queued: number;
}

export interface Simulation {
  readonly seconds: number;
  readonly model: Omit<CapacityModelOptions, 'partitionKey' | 'now'>;
  /** Units a second of all writers together. */
  readonly units: number;
  readonly sources: readonly Source[];
  readonly random: () => number;
  readonly writers?: number;
  readonly itemUnits?: number;
  readonly attributes?: ModelItem;
  /** Now and then nothing runs for so long, in ms. */
  readonly stallMs?: number;
}

/** What the table saw of one request. */
interface Arrival {
  readonly at: number;
  readonly units: number;
  readonly refused: number;
  readonly byPartition: ReadonlyMap<string, number>;
}

export interface SimulationResult {
  /** Units a second that were consumed, without index writes, between two times in seconds. */
  rate(from: number, to: number, partition?: (name: string) => boolean): number;
  /** The most that any ten seconds consumed, a second. */
  readonly mostInTenSeconds: number;
  /** Share of requests of which anything was refused. */
  throttled(from: number, to: number): number;
}

const REQUESTS_IN_FLIGHT = 32;
const LATENCY_MS = 8;

export function simulate(simulation: Simulation): SimulationResult {
  const { seconds, units, sources, random, writers = 1, itemUnits = 1, attributes = {}, stallMs = 0 } = simulation;
  let now = 0;
  const clock = { now: () => now, after: () => () => undefined };
  const model = new CapacityModel({ ...simulation.model, partitionKey: 'pk', now: clock.now });
  const body = { S: 'x'.repeat(1024 * itemUnits - 300) };
  const arrivals: Arrival[] = [];

  class Writer {
    readonly #bucket = new TokenBucket(units / writers, clock);
    readonly #feedback: WriteFeedback;
    readonly #queue = new PartitionQueue();
    readonly #outstanding = sources.map(() => 0);
    readonly #sourceOf = new Map<QueuedOperation, number>();
    #answers: { readonly at: number; readonly run: () => void }[] = [];
    #next = 0;
    #stalledUntil = 0;
    #waits = 0;

    constructor() {
      const [bucket, waits] = [this.#bucket, () => this.#waits];
      const seen = {
        limit: bucket.limit,
        setShare: (share: number) => bucket.setShare(share),
        get waits() {
          return waits();
        },
      };
      this.#feedback = new WriteFeedback(seen, 0);
    }

    tick(): void {
      if (stallMs > 0 && random() < 0.002) this.#stalledUntil = now + random() * stallMs;
      if (now < this.#stalledUntil) return;
      this.#answers = this.#answers.filter(({ at, run }) => {
        if (at > now) return true;
        run();
        return false;
      });
      this.#fill();
      this.#queue.release(now);
      while (this.#answers.length < REQUESTS_IN_FLIGHT && !this.#queue.idle) {
        if (!this.#bucket.open) {
          this.#waits++;
          return;
        }
        const bounds = { maxItems: 25, maxBytes: 1e9, maxUnits: this.#bucket.smallDebit };
        const batch = this.#queue.take(bounds, now, this.#feedback.hot);
        if (batch.length > 0) this.#send(batch);
      }
    }

    #fill(): void {
      for (const [index, source] of sources.entries()) {
        while ((this.#outstanding[index] ?? 0) < source.queued) {
          const partition = source.partition(this.#next++);
          const item = { partition, start: 0, end: 100 } as MappedItem;
          const queued = new QueuedOperation(item, new PendingWrite(1), itemUnits);
          this.#sourceOf.set(queued, index);
          this.#outstanding[index] = (this.#outstanding[index] ?? 0) + 1;
          this.#queue.push(queued);
        }
      }
    }

    #send(batch: readonly QueuedOperation[]): void {
      const sentAt = now;
      const debited = batch.length * itemUnits;
      this.#bucket.tryTake(debited);
      const items = batch.map(({ operation }) => ({ pk: { S: operation.partition }, body, ...attributes }));
      const { refused, tableUnits } = model.write(items);
      const byPartition = new Map<string, number>();
      for (const [index, { operation }] of batch.entries()) {
        const written = refused.has(index) ? 0 : itemUnits;
        byPartition.set(operation.partition, (byPartition.get(operation.partition) ?? 0) + written);
      }
      arrivals.push({ at: now, units: tableUnits, refused: refused.size, byPartition });
      const hotKeyRange =
        refused.size === batch.length && [...refused.values()].every((reason) => reason.includes('KeyRange'));
      const back = new Set(batch.filter((_, index) => refused.has(index)));
      const run = (): void => {
        this.#feedback.note({ batch, units: debited, throttled: back, hotKeyRange, sentAt }, now);
        for (const queued of batch) {
          if (back.has(queued)) continue;
          const source = this.#sourceOf.get(queued) ?? 0;
          this.#outstanding[source] = (this.#outstanding[source] ?? 0) - 1;
          this.#sourceOf.delete(queued);
        }
        const delay = retryDelay(back.size === batch.length ? 1 : 0, random, hotKeyRange);
        for (const queued of back) this.#queue.pushBack(queued, now + delay);
      };
      this.#answers.push({ at: now + LATENCY_MS * (0.5 + random()), run });
    }
  }

  const all = Array.from({ length: writers }, () => new Writer());
  for (now = 0; now < seconds * 1000; now++) for (const writer of all) writer.tick();

  const within = (from: number, to: number): readonly Arrival[] =>
    arrivals.filter(({ at }) => at >= from * 1000 && at < to * 1000);
  return {
    rate: (from, to, partition) => {
      let sum = 0;
      for (const arrival of within(from, to)) {
        if (partition === undefined) sum += arrival.units;
        else for (const [name, written] of arrival.byPartition) if (partition(name)) sum += written;
      }
      return sum / (to - from);
    },
    mostInTenSeconds: mostIn(arrivals, 10_000) / 10,
    throttled: (from, to) => {
      const requests = within(from, to);
      return requests.filter(({ refused }) => refused > 0).length / requests.length;
    },
  };
}

function mostIn(arrivals: readonly Arrival[], ms: number): number {
  let most = 0;
  let sum = 0;
  let first = 0;
  for (const arrival of arrivals) {
    sum += arrival.units;
    for (let oldest = arrivals[first]; oldest !== undefined && arrival.at - oldest.at >= ms; oldest = arrivals[first]) {
      sum -= oldest.units;
      first++;
    }
    most = Math.max(most, sum);
  }
  return most;
}
