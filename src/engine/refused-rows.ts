/**
 * Rows whose items the target refuses though they could be mapped: they are bad rows, as those are that cannot be mapped. The writer
 * names all such rows of a chunk once every other item of it is acknowledged. Of a row that maps to several items, those that were not
 * refused are in the target all the same: they count for nothing, and a retry writes them over.
 */
import { FerryError } from '../core/errors.js';
import type { BadRow, Cursor, Row } from '../core/model.js';
import type { BadRowRecord } from '../core/state-ports.js';
import type { WriteReceipt } from '../core/ports.js';
import type { TableJob } from './table-job.js';

export interface RefusedRow {
  readonly row: Row;
  readonly bad: BadRow;
}

/** What one write came to of which items were refused. */
export interface PartlyRefused {
  /** One for each item that was refused: a row with several is there as often. */
  readonly all: readonly RefusedRow[];
  /** Of all other items. */
  readonly written: WriteReceipt;
}

/** @returns null where no single rows are to blame */
export function partlyRefused(thrown: unknown): PartlyRefused | null {
  if (!(thrown instanceof FerryError) || thrown.code !== 'E_TARGET_REQUEST') return null;
  const cause = thrown.options.cause as Partial<PartlyRefused> | null | undefined;
  return cause?.all !== undefined && cause.written !== undefined ? { all: cause.all, written: cause.written } : null;
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
