/**
 * Cuts a table into pieces at real keys by a few lookups in its index, and estimates the rows of each piece.
 */
import type { Cursor } from '../../core/model.js';
import { mysqlCode } from '../errors/source-errors.js';
import type { KeyCondition } from '../keyset/keyset.js';
import { between, sameMidpoint } from '../keyset/key-midpoint.js';
import type { RowSelect } from '../keyset/row-select.js';
import type { Session } from '../connection/session.js';
import { selectText } from '../connection/sql.js';

/** Most index entries to read in order to find one boundary. */
const WALKED_ROWS = 5_000;

/** Most probes for one cut where the server can only look up rows behind a probe. */
const NEARING_PROBES = 8;

/**
 * Number of successive poor cuts that are suspicious. A single one may be next to a gap, as at the end of one account's
 * rows.
 */
const POOR_CUTS = 3;

/** Keys behind `low`, up to and including `high`. */
export interface Piece {
  readonly low: Cursor;
  readonly high: Cursor;
  readonly rows: number;
  /** True if MySQL found no key within it. */
  readonly whole: boolean;
  /**
   * Cuts in a row that separated hardly a row. Then probes are of no use, for example where a collation sorts in its
   * own way.
   */
  readonly poorCuts: number;
}

/** How much is asked of the server to cut a table. */
export interface Effort {
  readonly pieces: number;
  readonly halvings: number;
}

export class SampledTable {
  constructor(
    private readonly session: Session,
    private readonly select: RowSelect,
    private readonly signal: AbortSignal,
  ) {}

  /** Returns the first or last key that meets the conditions. */
  async edge(edge: 'first' | 'last', conditions: readonly KeyCondition[]): Promise<Cursor | null> {
    const edgeKey = this.select.edgeKey(edge, conditions);
    // If a probe finds nothing, another follows; but that the table is empty must be certain.
    const ask =
      conditions.length === 0 ? this.session.rows(edgeKey, this.signal) : this.session.hints(edgeKey, this.signal);
    const [row] = await ask;
    return row === undefined ? null : this.select.cursorOfKey(row);
  }

  /** Returns the table's first keys, at most `most`. */
  async firstKeys(most: number): Promise<readonly Cursor[]> {
    const rows = await this.session.rows(this.select.firstKeys(most), this.signal);
    return rows.map((row) => this.select.cursorOfKey(row));
  }

  /** Cuts the table from its first key to `last` into pieces as equal as `effort` allows, in key order. */
  async pieces(last: Cursor, tableRows: number, effort: (rows: number) => Effort): Promise<readonly Piece[]> {
    const first = (await this.edge('first', [])) ?? last;
    const pieces = [...(await this.between([first, last]))];
    // InnoDB estimates at most half of the table's rows for any range.
    const limit = effort(Math.max(pieces[0]?.rows ?? 0, tableRows));
    for (let halving = 0; halving < limit.halvings && pieces.length < limit.pieces * 2; halving++) {
      const largest = largestOf(pieces);
      const piece = pieces[largest];
      if (piece === undefined || piece.whole) break;
      if (pieces.length >= limit.pieces && piece.rows * limit.pieces <= total(pieces)) break;
      pieces.splice(largest, 1, ...(await this.halves(piece)));
    }
    return pieces;
  }

  /** Returns the pieces between keys that follow one another. */
  async between(keys: readonly Cursor[]): Promise<readonly Piece[]> {
    const bounds = keys.slice(1).map((high, i) => ({ low: keys[i] ?? high, high }));
    const rows = await this.estimates(bounds.filter(({ low, high }) => low !== high));
    let next = 0;
    return bounds.map(({ low, high }) => {
      const whole = low === high;
      return { low, high, rows: whole ? 0 : (rows[next++] ?? 0), whole, poorCuts: 0 };
    });
  }

  /** Cuts the piece at a real key within it; returns the piece itself, marked whole, where MySQL finds none. */
  async halves(piece: Piece): Promise<readonly Piece[]> {
    const key = await this.keyWithin(piece);
    if (key === null) return [{ ...piece, whole: true }];
    const [before, behind] = await this.between([piece.low, key, piece.high]);
    if (before === undefined || behind === undefined) return [{ ...piece, whole: true }];
    const poorCuts = piece.poorCuts + 1;
    if (before.rows <= 1) return [before, { ...behind, poorCuts }];
    if (behind.rows <= 1) return [{ ...before, poorCuts }, behind];
    return [before, behind];
  }

  async keyWithin({ low, high, rows, poorCuts }: Piece): Promise<Cursor | null> {
    const { keyset } = this.select;
    const [from, to] = [keyset.texts(low), keyset.texts(high)];
    const interval = [keyset.after(low), keyset.before(high)];
    for (const [i, { form, descending }] of keyset.parts.entries()) {
      const [a, b] = [from[i] ?? '', to[i] ?? ''];
      if (sameMidpoint(form.kind, a, b)) continue;
      const halfWay = (to: string): string | null =>
        descending ? between(form.kind, to, a) : between(form.kind, a, to);
      const middle = halfWay(b);
      if (poorCuts >= POOR_CUTS || (middle === null && rows <= 2 * WALKED_ROWS)) break;
      const looksBack = keyset.plain || this.session.family.readsBackwards === 'any key';
      // If no value can be made up, the upper end itself is the probe: rows at it, or rows before it.
      for (const probe of new Set(looksBack ? [middle ?? b, b] : nearing(middle, b, halfWay))) {
        const behind = keyset.partFrom(from, i, probe, 'from');
        const before = keyset.partFrom(from, i, probe, 'before');
        const key = await unlessRefused(
          async () =>
            (await this.edge('first', [...interval, behind])) ??
            (looksBack ? await this.edge('last', [...interval, before]) : null),
        );
        if (key !== null) return key;
      }
      break;
    }
    return (await this.walked(low, high, Math.min(rows >> 2, WALKED_ROWS))) ?? (await this.edge('first', interval));
  }

  /** Returns the key a few thousand entries further on: for pieces with few rows, and where no probe was of use. */
  async walked(low: Cursor, high: Cursor, steps: number): Promise<Cursor | null> {
    const [row] = await this.session.hints(this.select.keyAt({ after: low, upTo: high }, steps), this.signal);
    const key = row === undefined ? null : this.select.cursorOfKey(row);
    return key === high ? null : key;
  }

  /**
   * Returns the optimizer's estimates, from one statement: an index dive at both ends of each interval, whatever lies
   * between. MySQL lists the SELECTs of a UNION in their order. The UNION's own line, which has no estimate, follows
   * them.
   */
  async estimates(bounds: readonly { readonly low: Cursor; readonly high: Cursor }[]): Promise<readonly number[]> {
    if (bounds.length === 0) return [];
    const hint = this.session.family.estimateHint;
    const selects = bounds.map(({ low, high }) => selectText(this.select.keys({ after: low, upTo: high }, hint)));
    const records = await this.session.records(
      `EXPLAIN FORMAT=TRADITIONAL ${selects.join(' UNION ALL ')}`,
      this.signal,
    );
    return bounds.map((_, i) => Number(records[i]?.get('rows') ?? 0));
  }
}

/**
 * Returns probes nearer and nearer to the low end, then the upper end. For keys for which the server cannot read the
 * last row before a probe.
 */
function nearing(middle: string | null, high: string, halfWay: (to: string) => string | null): readonly string[] {
  const probes: string[] = [];
  for (let probe = middle; probe !== null && probes.length < NEARING_PROBES; probe = halfWay(probe)) probes.push(probe);
  return [...probes, high];
}

/**
 * A made-up text may have characters that the column's charset lacks. Then MySQL refuses it, and the probe is of no
 * use.
 */
const REFUSED_PROBE: ReadonlySet<string> = new Set([
  'ER_CANT_AGGREGATE_2COLLATIONS',
  'ER_CANT_AGGREGATE_3COLLATIONS',
  'ER_INVALID_CHARACTER_STRING',
  'ER_CANNOT_CONVERT_STRING',
]);

async function unlessRefused<T>(ask: () => Promise<T | null>): Promise<T | null> {
  try {
    return await ask();
  } catch (error) {
    if (REFUSED_PROBE.has(mysqlCode(error) ?? '')) return null;
    throw error;
  }
}

/** Returns the index of the piece with the most rows of those that can be cut, else of any. */
function largestOf(pieces: readonly Piece[]): number {
  let largest = 0;
  for (const [i, piece] of pieces.entries()) {
    const best = pieces[largest];
    if (best === undefined || (best.whole && !piece.whole) || (best.whole === piece.whole && piece.rows > best.rows)) {
      largest = i;
    }
  }
  return largest;
}

export function total(pieces: readonly Piece[]): number {
  return pieces.reduce((sum, piece) => sum + piece.rows, 0);
}
