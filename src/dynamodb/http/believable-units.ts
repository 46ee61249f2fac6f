/**
 * BelievableUnits checks what a request can have consumed. The budget would pay for a false figure with hours of
 * waiting, so a figure outside the bounds is not used: the units are counted by the sizes of the items, and
 * `target.misreported` says so.
 *
 * The bounds are the service's own (AWS, "Read and write capacity units"). A write costs by the larger of the new item
 * and the one that it replaces or deletes, at most 400 units. Each index costs at most twice that, where its entry
 * moves. Nothing here is transactional, which would double it; on demand counts as provisioned does. A strongly
 * consistent read costs at most 100 units a key.
 */
import type { Emitter } from '../../core/events.js';
import { readUnits, writeUnits } from '../../core/capacity/capacity-units.js';

/** AWS: an item has 400 KB at most. */
const MOST_ITEM_BYTES = 400 * 1024;
const MOST_WRITE_UNITS = writeUnits(MOST_ITEM_BYTES);
const MOST_READ_UNITS = readUnits(MOST_ITEM_BYTES);
/** AWS's quotas: 20 global indexes a table and 5 local ones. */
const MOST_INDEXES = 25;

export interface UnitBounds {
  readonly least: number;
  readonly most: number;
}

/**
 * @param written items that were written, a unit each at least
 * @param tried of the request
 * @param indexes of the table, where known
 */
export function writeBounds(written: number, tried: number, indexes: number | null = null): UnitBounds {
  return { least: written, most: tried * MOST_WRITE_UNITS * (1 + 2 * (indexes ?? MOST_INDEXES)) };
}

/** A key without an item costs nothing on DynamoDB Local. */
export function readBounds(keys: number): UnitBounds {
  return { least: 0, most: keys * MOST_READ_UNITS };
}

export class BelievableUnits {
  constructor(
    private readonly emitter: Emitter,
    private readonly shard: string,
    private readonly operation: string,
  ) {}

  /** @param units as answered; null: not at all @returns null where they cannot be true, too */
  of(units: number | null, bounds: UnitBounds): number | null {
    if (units === null || (units >= bounds.least && units <= bounds.most)) return units;
    this.emitter.emit('target.misreported', { shard: this.shard, operation: this.operation, units, ...bounds });
    return null;
  }
}
