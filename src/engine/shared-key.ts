/** Two source rows with one item key: the fault, and the rows that it is about. */
import { FerryError } from '../core/errors.js';
import type { Row } from '../core/model.js';

/** Attached by the writer as the cause of its E_ITEM_KEY_SHARED. */
export class SharedKeyRows {
  constructor(
    readonly first: Row,
    readonly second: Row,
  ) {}

  static of(error: FerryError): SharedKeyRows | null {
    const { cause } = error.options;
    const pair = cause as Partial<SharedKeyRows> | null | undefined;
    return pair?.first !== undefined && pair.second !== undefined ? new SharedKeyRows(pair.first, pair.second) : null;
  }
}

export function sharedKey(table: string, shard: string, holder: string): FerryError {
  const where = holder === shard ? `of table ${table}` : `of table ${table}, one here and one on shard ${holder},`;
  return new FerryError(
    'E_ITEM_KEY_SHARED',
    `shard ${shard}: two rows ${where} map to one item key; the second was not written`,
    'the report names both rows; add a column that tells them apart to the key templates, then `dynaferry backfill --restart`',
  );
}
