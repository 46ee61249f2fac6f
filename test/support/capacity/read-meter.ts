/**
 * Counts what strongly consistent reads consume, from the answers themselves and by AWS's own rules (whole 4 KB for
 * each item, one unit for a key without one): in the place of whoever bills it. The answers say so too, as the
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
   * By how many units the most was exceeded that a bucket allows which was empty at `begun` and fills by so many units
   * a second: seen at each answer, so that also ten seconds from any answer on are within the bound.
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
