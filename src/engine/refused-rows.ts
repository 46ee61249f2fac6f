/**
 * Rows whose items the target refuses though they could be mapped: they are bad rows, as those are that cannot be mapped. The writer
 * names one such row at a time, once nothing of its chunk is in flight any more; the rest of the chunk is written again without it, so
 * that each refusal costs the chunk once more: `--max-bad-rows` bounds that.
 */
import { FerryError } from '../core/errors.js';
import type { BadRow, Cursor, Row } from '../core/model.js';
import type { BadRowRecord } from '../core/state-ports.js';
import type { TableJob } from './table-job.js';

export interface RefusedRow {
  readonly row: Row;
  readonly bad: BadRow;
}

/** @returns null where no single row is to blame */
export function refusedRowOf(thrown: unknown): RefusedRow | null {
  if (!(thrown instanceof FerryError) || thrown.code !== 'E_TARGET_REQUEST') return null;
  const cause = thrown.options.cause as Partial<RefusedRow> | null | undefined;
  return cause?.row !== undefined && cause.bad !== undefined ? { row: cause.row, bad: cause.bad } : null;
}

/** @param chunk the last cursor of the chunk that it was read in; null: it was read alone */
export function refusedRecord(
  { mapping, source }: TableJob,
  { row, bad }: RefusedRow,
  chunk: Cursor | null,
): BadRowRecord {
  const cursor = source.cursorOf(row);
  return { ...bad, table: mapping.table.name, cursor, key: source.describeKey(cursor), chunk };
}
