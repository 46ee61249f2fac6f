/**
 * Counts what strongly consistent reads consume, in place of AWS's bill. It counts from the answers themselves and by
 * AWS's own rules: whole 4 KB for each item, one unit for a key without one. The answers state the units, as the
 * service's do.
 */
import type { FaultPlan } from '../fault-proxy/fates.js';
import { itemBytes } from './item-size.js';

interface Consumption {
  /** Monotonic ms. */
  readonly at: number;
  readonly units: number;
}

interface Answer {
  readonly Responses?: Record<string, Parameters<typeof itemBytes>[0][]>;
  readonly UnprocessedKeys?: Record<string, { readonly Keys?: unknown[] }>;
}

export class ReadMeter {
  readonly consumed: Consumption[] = [];

  get units(): number {
    return this.consumed.reduce((sum, { units }) => sum + units, 0);
  }

  /** For a fault proxy; all else passes. */
  readonly plan: FaultPlan = ({ operation, entries }) => {
    if (operation !== 'BatchGetItem') return { kind: 'pass' };
    const alter = (answer: Record<string, unknown>): Record<string, unknown> => {
      const { Responses = {}, UnprocessedKeys = {} } = answer as Answer;
      const [table = ''] = Object.keys(Responses);
      const items = Object.values(Responses).flat();
      const left = Object.values(UnprocessedKeys).flatMap(({ Keys = [] }) => Keys);
      const ofItems = items.reduce((sum, item) => sum + Math.max(1, Math.ceil(itemBytes(item) / 4096)), 0);
      const units = ofItems + entries.length - left.length - items.length;
      this.consumed.push({ at: performance.now(), units });
      return { ...answer, ConsumedCapacity: [{ TableName: table, CapacityUnits: units }] };
    };
    return { kind: 'altered', alter };
  };

  /**
   * Returns by how many units the reads exceeded, at most, a bucket that was empty at `begun` and fills by
   * `unitsPerSecond`. It looks at each answer, so that ten seconds from any answer on are within the bound, too.
   */
  excess(unitsPerSecond: number, begun: number): number {
    let sum = 0;
    let most = -Infinity;
    for (const { at, units } of this.consumed) {
      sum += units;
      most = Math.max(most, sum - ((at - begun) / 1000) * unitsPerSecond);
    }
    return most;
  }
}
