/**
 * Makes the errors of single operations. Their causes carry the rows, so that the caller can name them by scan key.
 * Messages hold no values.
 */
import { FerryError, type Fault } from '../../core/errors.js';
import type { BadRow, Row } from '../../core/model.js';
import type { WriteReceipt } from '../../core/ports/target-ports.js';
import { explainInvalid, invalidRequest } from '../failures/service-errors.js';
import type { RequestFailure } from '../failures/service-errors.js';

/** The cause of E_ITEM_KEY_SHARED: the row that came first, and the one that maps to the same item key. */
export interface SharedKeyCause {
  readonly first: Row;
  readonly second: Row;
}

/** The cause of E_TARGET_REQUEST where one operation is to blame. */
export interface RefusedItemCause {
  readonly row: Row;
  readonly failure: RequestFailure;
  /** The record of the bad row; absent if any other row of the table would fail the same way. */
  readonly bad?: BadRow;
  /** With `bad`: every refused operation of one write, this one first, and the receipt of the others. */
  readonly all?: readonly RefusedItemCause[];
  readonly written?: WriteReceipt;
}

/** Warns of items in the target without a version that compares: the writer never overwrites them. */
export function comparesNothing(table: string, attribute: string): Fault {
  return {
    code: 'E_LIVE_WRITER',
    message: `table ${table} has items whose ${attribute} is missing, or of another type or length than the mapping makes it: dynaferry does not change them`,
    hint: `verify lists those that differ; let the application write ${attribute} in the mapping’s form`,
  };
}

/** Returns the error for rows that waited too long. The writer wrote none of them. */
export function rowsTooOld(shard: string, table: string): FerryError {
  return new FerryError(
    'E_LIVE_WRITER',
    `shard ${shard}: rows for table ${table} waited so long to be written that they could bring back items that the application has deleted`,
    'run the same command again: it reads the rows again. If that does not help, check the table’s throttling, or keep tombstones longer (target.version.tombstoneRetention)',
  );
}

/** Returns the error for a delete that cannot be made safe. The writer sends nothing of its write. */
export function deletesBesideLiveWriter(shard: string, table: string): FerryError {
  return new FerryError(
    'E_LIVE_WRITER',
    `shard ${shard}: an application writes table ${table} too, so dynaferry deletes no item of it`,
    'let the application delete the item, and leave a tombstone at its key. Without one, an older row that is written late would bring the item back',
  );
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

export function refusedItem(
  operation: string,
  table: string,
  { row, failure }: Omit<RefusedItemCause, 'bad'>,
): FerryError {
  const { whose, fact, next } = explainInvalid(failure);
  const bad = whose === 'item' ? { bad: badRow(failure, fact, next) } : {};
  return invalidRequest(operation, table, failure, { row, failure, ...bad } satisfies RefusedItemCause);
}

/** @returns null if the fault is not a single row's: then the whole write fails */
export function blamedOn(error: FerryError): RefusedItemCause | null {
  const cause = error.options.cause as RefusedItemCause;
  return cause.bad === undefined ? null : cause;
}

/**
 * Sums up the refused operations of one write whose other operations were all acknowledged.
 * @param refused errors of `refusedItem`, at least one, each to blame on its row
 */
export function refusedItems(refused: readonly FerryError[], written: WriteReceipt): FerryError {
  const [first] = refused;
  if (first === undefined) throw new TypeError('nothing was refused');
  const all = refused.map((error) => error.options.cause as RefusedItemCause);
  const cause = { ...(first.options.cause as RefusedItemCause), all, written } satisfies RefusedItemCause;
  return new FerryError(first.code, first.message, first.hint, { cause });
}

function badRow({ reason }: RequestFailure, fact: string, remedy: string): BadRow {
  return {
    cause: 'refused',
    column: null,
    kind: 'an item',
    reason: `DynamoDB refused its item (${reason}): ${fact}`,
    remedy,
  };
}
