/**
 * Faults of single items. Their causes carry the rows for whoever may name them by scan key; messages hold no values.
 */
import { FerryError } from '../core/errors.js';
import type { Row } from '../core/model.js';
import { refused } from './service-errors.js';
import type { RequestFailure } from './service-errors.js';

/** The cause of E_ITEM_KEY_SHARED: the row that came first, and the one that wants the same item key. */
export interface SharedKeyCause {
  readonly first: Row;
  readonly second: Row;
}

/** The cause of E_TARGET_REQUEST where one item is to blame. */
export interface RefusedItemCause {
  readonly row: Row;
  readonly failure: RequestFailure;
}

export function sharedKey(shard: string, table: string, cause: SharedKeyCause): FerryError {
  return cause.first === cause.second
    ? new FerryError(
        'E_ITEM_KEY_SHARED',
        `shard ${shard}: two item rules make the same item key of table ${table} from one row`,
        'give the item rules keys that differ, for example by a literal prefix of their own',
        { cause },
      )
    : new FerryError(
        'E_ITEM_KEY_SHARED',
        `shard ${shard}: two rows map to the same item key of table ${table}, so one would overwrite the other`,
        'add a column that tells the rows apart to the key template, for example the primary key at the end of the sort key',
        { cause },
      );
}

export function refusedItem(table: string, cause: RefusedItemCause): FerryError {
  return refused('BatchWriteItem', table, cause.failure, cause);
}
