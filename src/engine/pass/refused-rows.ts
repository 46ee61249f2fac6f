/**
 * Rows that the mapping accepts and whose items the target refuses: they are bad rows too. The writer names all such
 * rows of a chunk after DynamoDB has acknowledged every other item of it. If a row maps to several items, the items
 * that were not refused are in the target. No count of items includes them, since their row is not moved. The row's
 * record says how many there are. A retry overwrites them. If the row is gone or expired at that time, they stay in the
 * target, and a warning reports them.
 */
import { FerryError } from '../../core/errors.js';
import type { BadRow, Cursor, MappedItem, Row } from '../../core/model.js';
import type { BadRowRecord, RecordedBadRow } from '../../core/ports/state-records.js';
import type { WriteReceipt } from '../../core/ports/target-ports.js';
import type { ShardContext, TableJob } from './table-job.js';

export interface RefusedRow {
  readonly row: Row;
  readonly bad: BadRow;
  /** Number of the row's items that the target took. */
  readonly taken: number;
}

/** The result of a write of which the target refused some items. */
export interface PartlyRefused {
  /** One entry for each refused item: a row with several refused items has several entries. */
  readonly all: readonly Omit<RefusedRow, 'taken'>[];
  /** The receipt of all other items. */
  readonly written: WriteReceipt;
}

/** Returns the result that the error carries; null where the error does not blame single rows. */
export function partlyRefused(thrown: unknown): PartlyRefused | null {
  if (!(thrown instanceof FerryError) || thrown.code !== 'E_TARGET_REQUEST') return null;
  const cause = thrown.options.cause as Partial<PartlyRefused> | null | undefined;
  return cause?.all !== undefined && cause.written !== undefined ? { all: cause.all, written: cause.written } : null;
}

/** Returns the refused rows, each once. @param items all items of the write, including the refused ones */
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

/** A row that is no longer recorded as bad, and of which no item was overwritten. */
export interface LeftBehind {
  readonly record: Pick<RecordedBadRow, 'itemsTaken'>;
  /** `gone`: no row is at the recorded place now. */
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

/** Emits a warning for each reason why items stay in the target. */
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

/**
 * Returns the record of a refused row.
 * @param chunk the last cursor of the chunk that it was read in; null: it was read alone
 */
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
