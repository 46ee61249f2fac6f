/**
 * The differences that verifications found, one record an item: read part by part, as there may be millions.
 * `checkpoints.ts` writes them with their chunks.
 */
import type { Database, Statement } from 'better-sqlite3';
import type { Cursor } from '../../core/model.js';
import type { DifferenceRecord } from '../../core/ports/state-records.js';

export type DifferenceClass = DifferenceRecord['class'];
export type ClassCounts = Readonly<Record<DifferenceClass, number>>;

/** A row that a difference was found in. */
export interface RecordedRow {
  readonly table: string;
  readonly cursor: Cursor;
}

/** Which differences a page holds: of one pass, behind number `after` and up to number `upTo`. */
export interface DifferencePage {
  readonly pass: number;
  /** null: all classes */
  readonly class: DifferenceClass | null;
  readonly after: number;
  readonly upTo: number;
  readonly limit: number;
}

export interface DifferenceRow {
  readonly id: number;
  readonly class: DifferenceClass;
  readonly item_key: string;
  readonly attributes: string;
  readonly cursor: string;
}

export type NumberedDifference = DifferenceRecord & { readonly number: number };

export class Differences {
  readonly #page: Statement<[DifferencePage], DifferenceRow>;
  readonly #counts: Statement<[number], { readonly class: DifferenceClass; readonly items: number }>;
  readonly #last: Statement<[], number | null>;
  readonly #withItemKey: Statement<[string], RecordedRow>;
  readonly #withCursor: Statement<[string], RecordedRow>;

  constructor(database: Database) {
    // The index over passes has the differences of each in the order of their numbers.
    this.#page = database.prepare(
      `SELECT id, class, item_key, attributes, cursor FROM differences
        WHERE pass_id = @pass AND id > @after AND id <= @upTo AND (@class IS NULL OR class = @class)
        ORDER BY id LIMIT @limit`,
    );
    this.#counts = database.prepare(
      'SELECT class, count(*) AS items FROM differences WHERE pass_id = ? GROUP BY class',
    );
    this.#last = database.prepare<[], number | null>('SELECT max(id) FROM differences').pluck();
    const rowsWith = (condition: string): string =>
      `SELECT DISTINCT table_name AS "table", cursor FROM differences JOIN passes ON passes.id = pass_id
        WHERE ${condition} AND void = 0`;
    this.#withItemKey = database.prepare(rowsWith('item_key IN (SELECT value FROM json_each(?))'));
    this.#withCursor = database.prepare(rowsWith('cursor = ?'));
  }

  page(page: DifferencePage): readonly NumberedDifference[] {
    return this.#page.all(page).map((row) => ({ number: row.id, ...toDifference(row) }));
  }

  /** Returns how many differences of a pass are recorded, by class. */
  counts(pass: number): ClassCounts {
    const counts = { missing: 0, differing: 0, unresolved: 0 };
    for (const row of this.#counts.all(pass)) counts[row.class] = row.items;
    return counts;
  }

  /** Returns the highest number; 0: there is no difference. */
  last(): number {
    return this.#last.get() ?? 0;
  }

  /** Returns the rows that an item with one of these keys was compared for. @param keys as `Difference.keyText` */
  withItemKey(keys: readonly string[]): readonly RecordedRow[] {
    return this.#withItemKey.all(JSON.stringify(keys));
  }

  withCursor(cursor: Cursor): readonly RecordedRow[] {
    return this.#withCursor.all(cursor);
  }
}

export function toDifference(row: Omit<DifferenceRow, 'id'>): DifferenceRecord {
  return {
    class: row.class,
    keyText: row.item_key,
    attributes: JSON.parse(row.attributes) as readonly string[],
    cursor: row.cursor as Cursor,
  };
}
