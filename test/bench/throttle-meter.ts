/** What the modelled table consumed and refused in a span of time. */
import type { Metered } from '../support/fault-proxy/throttling.js';

interface Arrival {
  readonly at: number;
  readonly units: number;
  readonly throttled: boolean;
  readonly byPartition: ReadonlyMap<string, number>;
}

export class Meter {
  readonly #arrivals: Arrival[] = [];
  #start = 0;
  #end = Infinity;

  /** When the first item was written, in monotonic ms; null: none yet. */
  get first(): number | null {
    return this.#arrivals[0]?.at ?? null;
  }

  get end(): number {
    return this.#end;
  }

  measureFrom(start: number, ms: number): void {
    this.#start = start;
    this.#end = start + ms;
  }

  add({ items, refused, tableUnits }: Metered): void {
    const byPartition = new Map<string, number>();
    // Every item here is one unit.
    for (const [index, item] of items.entries()) {
      const partition = String(item['pk']?.['S']);
      if (!refused.has(index)) byPartition.set(partition, (byPartition.get(partition) ?? 0) + 1);
    }
    this.#arrivals.push({ at: performance.now(), units: tableUnits, throttled: refused.size > 0, byPartition });
  }

  /** Units a second of the partition keys asked for, of all unless given. */
  rate(wanted: (partition: string) => boolean = () => true): number {
    let sum = 0;
    for (const { byPartition } of this.#measured()) {
      for (const [partition, units] of byPartition) if (wanted(partition)) sum += units;
    }
    return sum / ((this.#end - this.#start) / 1000);
  }

  /** Of the requests, those of which anything was refused. */
  throttledShare(): number {
    const measured = this.#measured();
    return measured.filter(({ throttled }) => throttled).length / measured.length;
  }

  /** Units a second in the ten seconds that took most, the start included. */
  mostInTenSeconds(): number {
    let most = 0;
    let sum = 0;
    let first = 0;
    for (const { at, units } of this.#arrivals) {
      sum += units;
      for (let oldest = this.#arrivals[first]; oldest !== undefined && at - oldest.at >= 10_000;) {
        sum -= oldest.units;
        oldest = this.#arrivals[++first];
      }
      most = Math.max(most, sum);
    }
    return most / 10;
  }

  #measured(): readonly Arrival[] {
    return this.#arrivals.filter(({ at }) => at >= this.#start && at < this.#end);
  }
}
