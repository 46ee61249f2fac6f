/**
 * Rows whose items the target refuses though they could be mapped: they are bad rows, as those are that cannot be
 * mapped. The writer names all such rows of a chunk once every other item of it is acknowledged. Of a row that maps to
 * several items, those that were not refused are in the target all the same. No count of items has them, since their
 * row is not moved: the record of the row says how many there are. A retry writes them over; where the row is gone or
 * expired by then, they stay, and that is told.
 */
import { FerryError } from '../../core/errors.js';
import type { BadRow, Cursor, MappedItem, Row } from '../../core/model.js';
import type { BadRowRecord, RecordedBadRow } from '../../core/ports/state-records.js';
import type { WriteReceipt } from '../../core/ports/ports.js';
import type { ShardContext, TableJob } from './table-job.js';

export interface RefusedRow {
  readonly row: Row;
  readonly bad: BadRow;
  /** Of its items, those that were not refused. */
  readonly taken: number;
}

/** What one write came to of which items were refused. */
export interface PartlyRefused {
  /** One for each item that was refused: a row with several is there as often. */
  readonly all: readonly Omit<RefusedRow, 'taken'>[];
  /** Of all other items. */
  readonly written: WriteReceipt;
}

/** @returns null where no single rows are to blame */
export function partlyRefused(thrown: unknown): PartlyRefused | null {
  if (!(thrown instanceof FerryError) || thrown.code !== 'E_TARGET_REQUEST') return null;
  const cause = thrown.options.cause as Partial<PartlyRefused> | null | undefined;
  return cause?.all !== undefined && cause.written !== undefined ? { all: cause.all, written: cause.written } : null;
}

/** Each row once. @param items all that were written, and refused */
export function refusedRows(
  { source }: TableJob,
  { all }: PartlyRefused,
  items: readonly MappedItem[],
): ReadonlyMap<Cursor, RefusedRow> {
  const rows = new Map<Cursor, RefusedRow>();
  for (const { row, bad } of all) {
    const cursor = source.cursorOf(row);
    rows.set(cursor, { row, bad, taken: (rows.get(cursor)?.taken ?? 0) - 1 });
  }
  for (const { row } of items) {
    const cursor = source.cursorOf(row);
    const refused = rows.get(cursor);
    if (refused !== undefined) rows.set(cursor, { ...refused, taken: refused.taken + 1 });
  }
  return rows;
}

function withTaken({ bad, taken }: RefusedRow): BadRow {
  if (taken === 0) return bad;
  const others = taken === 1 ? '1 other item of the row is' : `${taken} other items of the row are`;
  return {
    ...bad,
    reason: `${bad.reason}; ${others} in the target`,
    remedy: `${bad.remedy}. A retry overwrites the other items if their keys stay the same; else delete them`,
  };
}

/** Of a bad row that is on the record no more, and of which no item was written over. */
export interface LeftBehind {
  readonly record: Pick<RecordedBadRow, 'itemsTaken'>;
  /** `gone`: nothing is found any more where it was. */
  readonly why: 'gone' | 'expired';
}

const WHY = {
  gone: {
    became: 'are gone from MySQL (or under another key now)',
    hint: 'delete these items, except those that a row under another key maps to: nothing else deletes them, and `dynaferry verify` does not see them',
  },
  expired: {
    became: 'have expired, and are left out',
    hint: 'delete these items, unless TTL deletes them: nothing else does, and `dynaferry verify` does not see them',
  },
} as const;

/** A warning for each reason why items were left in the target. */
export function tellLeftBehind(
  { shard, emitter }: Pick<ShardContext, 'shard' | 'emitter'>,
  table: string,
  rows: readonly LeftBehind[],
): void {
  for (const why of ['gone', 'expired'] as const) {
    const items = rows.reduce((sum, row) => sum + (row.why === why ? row.record.itemsTaken : 0), 0);
    const { became, hint } = WHY[why];
    if (items === 0) continue;
    emitter.emit('shard.warning', {
      shard,
      code: 'E_BAD_ROWS',
      message: `table ${table}: rows of which DynamoDB accepted only some items ${became}; items of theirs still in the target: ${items}`,
      hint,
    });
  }
}

/** @param chunk the last cursor of the chunk that it was read in; null: it was read alone */
export function refusedRecord({ mapping, source }: TableJob, refused: RefusedRow, chunk: Cursor | null): BadRowRecord {
  const cursor = source.cursorOf(refused.row);
  return {
    ...withTaken(refused),
    table: mapping.table.name,
    cursor,
    key: source.describeKey(cursor),
    chunk,
    itemsTaken: refused.taken,
  };
}
