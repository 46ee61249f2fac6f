/**
 * Which absent items TTL may have deleted. It deletes by the number that an item holds in the table's TTL attribute,
 * whatever rule of the mapping put it there. What it cannot have deleted is missing:
 *
 * - TTL is off, or not on yet, or goes by an attribute that the item has not, or not as a number
 * - the item's time is not over by the service's clock (an item is deleted once its time is less than the current one:
 *   AWS, UpdateTimeToLive)
 * - its time was over for more than five years before anything of the table was written: AWS leaves such items alone
 * - its row was left behind by the backfill as bad, and nothing has moved it since: it was mended in the source alone
 *
 * How far the kind was followed: comparison and recheck ask here, and nobody else decides that absence is no
 * difference. What is counted as deleted is never counted as seen, nor is it in the digests; and it holds only while
 * the table's TTL stays as it was.
 */
import type { MappedItem, Row } from '../../core/model.js';
import type { TtlLook } from '../../core/ports/ports.js';
import { TTL_IGNORED_AFTER_SECONDS } from '../../mapping/ttl.js';

export class TtlDeletions {
  /**
   * @param writtenSince seconds since the epoch: no item of the table was written before, as it is mapped now
   * @param neverMoved of a row: nothing was written of it
   */
  constructor(
    private readonly look: TtlLook,
    private readonly writtenSince: number,
    private readonly neverMoved: (row: Row) => boolean = () => false,
  ) {}

  /** Of an item that is not there. */
  mayHaveDeleted(item: Pick<MappedItem, 'text' | 'row'>): boolean {
    const { deletesBy } = this.look;
    if (deletesBy === null) return false;
    const expiry = numberIn(item.text, deletesBy);
    if (expiry === null) return false;
    const deletedInTime = expiry < this.look.seconds() && expiry > this.writtenSince - TTL_IGNORED_AFTER_SECONDS;
    return deletedInTime && !this.neverMoved(item.row);
  }
}

/** By own name: an attribute may be called `constructor`. */
function numberIn(text: string, attribute: string): number | null {
  const item = JSON.parse(text) as Readonly<Record<string, { readonly N?: string }>>;
  const digits = Object.hasOwn(item, attribute) ? item[attribute]?.N : undefined;
  return digits === undefined ? null : Number(digits);
}
