/**
 * Cuts a table into ranges of about equal size without reading it. It halves an interval of keys again and again, the
 * one with the most rows first. It makes up a value between the ends, looks it up in the index, and takes the real key
 * found there as a boundary. EXPLAIN estimates the halves by a few index dives. At the end, neighbouring pieces are
 * joined to ranges.
 *
 * One rule holds even if estimates and probes are poor: MySQL itself placed every boundary strictly between two other
 * keys. So ranges follow one another without gap or overlap.
 */
import type { Cursor, Range } from '../../core/model.js';
import type { RowSelect } from '../keyset/row-select.js';
import type { Session } from '../connection/session.js';
import { SampledTable, total, type Effort, type Piece } from './sampled-table.js';

/** A range of fewer rows is not worth its own scanner. */
const WORTHWHILE_ROWS = 2_000;

/** Pieces to cut for each range: more pieces make the ranges more equal, at about two queries each. */
const PIECES_PER_RANGE = 6;

/** Most halvings to try for each range: 13 of them are about 26 queries. */
const HALVINGS_PER_RANGE = 13;

/**
 * Keys that one SELECT reads to sample a table. A table with fewer keys needs no halving, which takes two queries for
 * each sampled position.
 */
const KEYS_READ = 256;

/**
 * Plans the ranges of a table.
 * @param tableRows the engine's estimate for the whole table; 0 where it has none
 * @returns at least one range; for an empty table, one without bounds
 */
export async function planRanges(
  session: Session,
  select: RowSelect,
  count: number,
  tableRows: number,
  signal: AbortSignal,
): Promise<readonly Range[]> {
  const table = new SampledTable(session, select, signal);
  // Reads the upper bound first: rows that arrive later lie beyond it, and belong to a change stream.
  const last = await table.edge('last', []);
  if (last === null) return [{ index: 0, after: null, upTo: null, estimatedRows: 0 }];
  const pieces = await table.pieces(last, tableRows, (rows) => effortFor(rangeCount(count, rows)));
  const rows = total(pieces);
  // InnoDB counts ranges of a few pages about twice; the proportions between the pieces are right.
  const scale = tableRows > WORTHWHILE_ROWS && rows > 0 ? tableRows / rows : 1;
  return joined(pieces, rangeCount(count, rows * scale)).map((piece, index) => ({
    index,
    after: index === 0 ? null : piece.low,
    upTo: piece.high,
    estimatedRows: Math.round(piece.rows * scale),
  }));
}

function effortFor(ranges: number): Effort {
  if (ranges === 1) return { pieces: 1, halvings: 0 };
  return { pieces: ranges * PIECES_PER_RANGE, halvings: ranges * HALVINGS_PER_RANGE };
}

/**
 * Returns at most `count` cursors spread over the table. A row follows each, except where the table has a single row.
 */
export async function sampleCursors(
  session: Session,
  select: RowSelect,
  count: number,
  signal: AbortSignal,
): Promise<readonly Cursor[]> {
  const table = new SampledTable(session, select, signal);
  const keys = await table.firstKeys(KEYS_READ);
  if (keys.length < KEYS_READ) return spread(keys.length > 1 ? keys.slice(0, -1) : keys, count);
  const last = await table.edge('last', []);
  if (last === null) return [];
  const pieces = await table.pieces(last, 0, () => ({ pieces: count, halvings: 2 * count }));
  return spread(
    pieces.map(({ low }) => low),
    count,
  );
}

/** Returns at most `count` of the cursors, at equal distances, the first among them. */
function spread(cursors: readonly Cursor[], count: number): readonly Cursor[] {
  const places = Math.min(count, cursors.length);
  const chosen = Array.from({ length: places }, (_, i) => Math.floor((i * cursors.length) / places));
  return chosen.flatMap((index) => cursors.slice(index, index + 1));
}

function rangeCount(wanted: number, rows: number): number {
  return Math.max(1, Math.min(wanted, Math.floor(rows / WORTHWHILE_ROWS)));
}

/** Joins neighbouring pieces to `count` ranges of about equal rows. */
function joined(pieces: readonly Piece[], count: number): readonly Piece[] {
  const rows = total(pieces);
  const ranges: Piece[] = [];
  let passed = 0;
  for (const piece of pieces) {
    const open = ranges.at(-1);
    // Of the two boundaries around the ideal one, the nearer closes the range.
    const ideal = (ranges.length * rows) / count;
    const closed = ranges.length < count && ideal - passed < passed + piece.rows - ideal;
    if (open === undefined || closed) ranges.push(piece);
    else ranges[ranges.length - 1] = { ...open, high: piece.high, rows: open.rows + piece.rows };
    passed += piece.rows;
  }
  return ranges;
}
