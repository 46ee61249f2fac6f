/** A table or an index as far as capacity goes: a limit of its own, and its partitions. It says why it refuses. */
import { CapacityBucket } from './capacity-bucket.js';
import { OnDemandCapacity } from './on-demand.js';
import { Partitions } from './partitions.js';

export interface ResourceOptions {
  /** WCU a second; or, on demand, what it is warm for (4,000 unless given). */
  readonly billing:
    | { readonly kind: 'provisioned'; readonly writeUnits: number }
    | { readonly kind: 'on-demand'; readonly warmUnits?: number };
  /** Seconds' worth of unused capacity that are kept: 300, as the service does, unless given. */
  readonly burstSeconds?: number;
  /** How much of that is there at the start, in seconds' worth; none unless given. */
  readonly savedSeconds?: number;
  /** Partitions at the start; as many as the capacity needs unless given. */
  readonly partitions?: number;
  /** Units a second of each; 1,000 unless given. */
  readonly partitionUnits?: number;
  /** How long a partition is too hot before it splits; never unless given. */
  readonly splitAfterMs?: number;
}

const BURST_SECONDS = 300;
const PARTITION_UNITS = 1000;
const NEW_ON_DEMAND_UNITS = 4000;

export class Resource {
  readonly #kind: 'Table' | 'Index';
  readonly #bucket: CapacityBucket;
  readonly #onDemand: OnDemandCapacity | null;
  readonly partitions: Partitions;

  constructor(kind: 'Table' | 'Index', options: ResourceOptions, now: number) {
    const { billing, savedSeconds = 0, partitionUnits = PARTITION_UNITS, splitAfterMs = Infinity } = options;
    const provisioned = billing.kind === 'provisioned';
    const units = provisioned ? billing.writeUnits : (billing.warmUnits ?? NEW_ON_DEMAND_UNITS);
    // On demand nothing is saved up for minutes.
    const burstSeconds = options.burstSeconds ?? (provisioned ? BURST_SECONDS : 1);
    this.#kind = kind;
    this.#bucket = new CapacityBucket(units, burstSeconds, savedSeconds, now);
    this.#onDemand = provisioned ? null : new OnDemandCapacity(units, now);
    const partitions = options.partitions ?? Math.ceil(units / partitionUnits);
    this.partitions = new Partitions(partitions, partitionUnits, splitAfterMs, savedSeconds, now);
  }

  get provisioned(): boolean {
    return this.#onDemand === null;
  }

  /** @returns why it refuses, as the service names it; null where it does not */
  refusal(key: string, units: number, now: number): string | null {
    if (this.#onDemand !== null) this.#bucket.setRate(this.#onDemand.at(now), now);
    if (!this.#bucket.has(units, now)) {
      // A table on demand has no throughput to exceed: it has too few partitions yet, and says so.
      return this.#reason(this.provisioned ? 'ProvisionedThroughputExceeded' : 'KeyRangeThroughputExceeded');
    }
    return this.partitions.has(key, units, now) ? null : this.#reason('KeyRangeThroughputExceeded');
  }

  take(key: string, units: number, now: number): void {
    this.#bucket.take(units);
    this.partitions.take(key, units);
    this.#onDemand?.consumed(units, now);
  }

  #reason(what: string): string {
    return `${this.#kind}Write${what}`;
  }
}
