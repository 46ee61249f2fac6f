/**
 * BelievableUnits checks which capacity units a request can have consumed. A false figure could make the budget wait
 * for hours. So dynaferry does not use a figure outside the bounds: it counts the units by the sizes of the items, and
 * reports `target.misreported`.
 *
 * The bounds are the service's own (AWS, "Read and write capacity units"). A write costs by the larger of the new item
 * and the item that it replaces or deletes, at most 400 units. Each index costs at most twice that, if its entry moves.
 * Nothing here is transactional, which would double it. On-demand tables count as provisioned ones do. A strongly
 * consistent read costs at most 100 units a key.
 */
import type { Emitter } from '../../core/events.js';
import { readUnits, writeUnits } from '../../core/capacity/capacity-units.js';

/** AWS: an item has at most 400 KB. */
const MOST_ITEM_BYTES = 400 * 1024;
const MOST_WRITE_UNITS = writeUnits(MOST_ITEM_BYTES);
const MOST_READ_UNITS = readUnits(MOST_ITEM_BYTES);
/** AWS's quotas: a table has at most 20 global and 5 local indexes. */
const MOST_INDEXES = 25;

export interface UnitBounds {
  readonly least: number;
  readonly most: number;
}

/**
 * @param written items that were written, each for at least one unit
 * @param tried items in the request
 * @param indexes number of indexes of the table; null: unknown
 */
export function writeBounds(written: number, tried: number, indexes: number | null = null): UnitBounds {
  return { least: written, most: tried * MOST_WRITE_UNITS * (1 + 2 * (indexes ?? MOST_INDEXES)) };
}

/** Returns bounds that start at 0: on DynamoDB Local, a key without an item costs nothing. */
export function readBounds(keys: number): UnitBounds {
  return { least: 0, most: keys * MOST_READ_UNITS };
}

export class BelievableUnits {
  constructor(
    private readonly emitter: Emitter,
    private readonly shard: string,
    private readonly operation: string,
  ) {}

  /**
   * @param units as the service answered; null: it did not answer any
   * @returns the units; null if the service answered none, or if they cannot be true
   */
  of(units: number | null, bounds: UnitBounds): number | null {
    if (units === null || (units >= bounds.least && units <= bounds.most)) return units;
    this.emitter.emit('target.misreported', { shard: this.shard, operation: this.operation, units, ...bounds });
    return null;
  }
}
