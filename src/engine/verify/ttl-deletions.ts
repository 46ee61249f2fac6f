/**
 * Decides which absent items TTL may have deleted. TTL goes by the number in the table's TTL attribute, whatever rule
 * of the mapping put it there. In these cases TTL cannot have deleted the item, and it is missing:
 *
 * - TTL is off or not on yet. Or it goes by an attribute that the item lacks, or whose value is not a number.
 * - The item's time has not passed on the service's clock. TTL deletes an item once its time is less than the current
 *   one (AWS, UpdateTimeToLive).
 * - Its time had passed more than five years before the first write to the table: AWS leaves such items alone.
 * - The backfill left its row behind as bad, and nothing has moved the row since: it was repaired in the source alone.
 *
 * Comparison and recheck ask here, and no other code decides that an absent item is no difference. An item that counts
 * as deleted never counts as seen, and is not in the digests. The decision holds only while the table's TTL stays as it
 * was.
 */
import type { MappedItem, Row } from '../../core/model.js';
import type { TtlLook } from '../../core/ports/target-ports.js';
import { TTL_IGNORED_AFTER_SECONDS } from '../../mapping/ttl.js';

export class TtlDeletions {
  /**
   * @param writtenSince seconds since the epoch: no item of the table was written before that, as it is mapped now
   * @param neverMoved returns whether nothing was written of a row
   */
  constructor(
    private readonly look: TtlLook,
    private readonly writtenSince: number,
    private readonly neverMoved: (row: Row) => boolean = () => false,
  ) {}

  /** Returns whether TTL may have deleted an absent item. */
  mayHaveDeleted(item: Pick<MappedItem, 'text' | 'row'>): boolean {
    const { deletesBy } = this.look;
    if (deletesBy === null) return false;
    const expiry = numberIn(item.text, deletesBy);
    if (expiry === null) return false;
    const deletedInTime = expiry < this.look.seconds() && expiry > this.writtenSince - TTL_IGNORED_AFTER_SECONDS;
    return deletedInTime && !this.neverMoved(item.row);
  }
}

/**
 * Returns the number in the attribute, or null. The check is by own name, because an attribute may be called
 * `constructor`.
 */
function numberIn(text: string, attribute: string): number | null {
  const item = JSON.parse(text) as Readonly<Record<string, { readonly N?: string }>>;
  const digits = Object.hasOwn(item, attribute) ? item[attribute]?.N : undefined;
  return digits === undefined ? null : Number(digits);
}
