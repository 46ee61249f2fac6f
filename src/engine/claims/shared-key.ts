/**
 * The faults and bad-row records for rows in conflict. Either two rows have one item key, or one sharding value is on
 * two shards. The faults stop the run, and the records let the report name the rows.
 */
import { FerryError } from '../../core/errors.js';
import type { BadRow, Row } from '../../core/model.js';

/** The two rows in conflict. The writer attaches them as the cause of its E_ITEM_KEY_SHARED. */
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

/** Returns the fault for a value that is on two shards. @param holder the shard that claimed the value first */
export function shardOverlap(table: string, shard: string, column: string, holder: string): FerryError {
  return new FerryError(
    'E_SHARD_OVERLAP',
    `shard ${shard}: shard ${holder} has a value of ${table}.${column} too, but \`shardedBy\` says that each is on one shard only. This shard wrote no row of it`,
    'the report names a row of it. Exclude the rows of one shard with `where`, or delete what an earlier move of the account left behind. Then run the same command again',
  );
}

export const SHARED_KEY: BadRow = {
  cause: 'shared-key',
  column: null,
  kind: 'an item key',
  reason: 'another row has the same item key',
  remedy: 'take a unique key of the table into the key templates',
};

/** Returns the record of a row whose value is on two shards. @param holder the shard that claimed the value first */
export function overlappingRow(column: string, holder: string): BadRow {
  return {
    cause: 'shard-overlap',
    column,
    kind: 'a sharding value',
    reason: `shard ${holder} has rows with this value too, but \`shardedBy\` says that it is on one shard only`,
    remedy: 'find out which shard the value belongs to, and leave the rows of the other out (`where`) or remove them',
  };
}

/** Returns whether the row stopped the run that recorded it. The next run checks such a row again. */
export function stoppedRun({ cause }: BadRow): boolean {
  return cause === 'shared-key' || cause === 'shard-overlap';
}
