/**
 * Walks over a table. A pass has one row per range of the plan, with its watermark and its totals; `chunks.ts` moves them.
 *
 * none -> openPass -> unfinished (resumed by every further openPass) -> all ranges complete -> finishPass -> finished
 */
import type { Database, Statement } from 'better-sqlite3';
import { LATE_WRITE_WINDOW_MS } from '../core/late-writes.js';
import type { Cursor } from '../core/model.js';
import type { Pass, PassKind, PassSummary, RangeProgress } from '../core/state-ports.js';
import { toRange } from './plans.js';
import { defect } from './sqlite-errors.js';

interface PassRow {
  readonly id: number;
  readonly kind: PassKind;
  readonly table_name: string;
  readonly started_at: number;
  readonly finished_at: number | null;
}

interface SummaryRow extends PassRow {
  readonly chunks: number;
  readonly rows: number;
  readonly items: number;
  readonly bad_rows: number;
  readonly expired_rows: number;
  readonly expired_items: number;
  readonly ttl_changed: number;
  readonly newer_items: number;
  readonly units: number;
  readonly missing: number;
  readonly differing: number;
  readonly unresolved: number;
  readonly complete: number;
  readonly ranges: number;
}

interface ProgressRow {
  readonly range_index: number;
  readonly after: string | null;
  readonly up_to: string | null;
  readonly estimated_rows: number;
  readonly watermark: string | null;
  readonly complete: number;
}

interface RetriedRow {
  readonly rows: number;
  readonly items: number;
  readonly expired_rows: number;
  readonly gone_rows: number;
  readonly newer_items: number;
  readonly units: number;
}

const NOTHING_RETRIED: RetriedRow = { rows: 0, items: 0, expired_rows: 0, gone_rows: 0, newer_items: 0, units: 0 };

/** SQL for the newest pass that a retry, or a change of the mapping for one, came after. @param table SQL for the table's name */
function overtakenBy(table: string): string {
  return `max(coalesce((SELECT max(after_pass) FROM retries WHERE table_name = ${table}), 0),
              coalesce((SELECT max(after_pass) FROM accepted_changes), 0))`;
}

export class Passes {
  readonly #unfinished: Statement<[{ readonly kind: PassKind; readonly table: string; readonly now: number }], PassRow>;
  readonly #insert: Statement<[PassKind, string, number], PassRow>;
  readonly #insertRanges: Statement<[number, string]>;
  readonly #progress: Statement<[number], ProgressRow>;
  readonly #finish: Statement<[number, number]>;
  readonly #noteTtl: Statement<[{ readonly pass: number; readonly ttl: string }]>;
  readonly #summary: Statement<[PassKind, string], SummaryRow>;
  readonly #retried: Statement<[number], RetriedRow>;
  readonly #overtakenBy: Statement<[{ readonly table: string }], number>;

  /** @param clock by which a pass begins: it is compared with the time of writes that may still land */
  constructor(
    readonly database: Database,
    private readonly clock: () => number = Date.now,
  ) {
    this.#unfinished = database.prepare(
      `SELECT * FROM passes
        WHERE kind = @kind AND table_name = @table AND finished_at IS NULL
          AND void = 0 AND ttl_changed = 0
          AND (kind = 'backfill'
               OR id > ${overtakenBy('@table')}
                  AND NOT coalesce((SELECT started_at < until AND until <= @now
                                      FROM (SELECT broken_off_at + ${LATE_WRITE_WINDOW_MS} AS until FROM meta)), 0))`,
    );
    this.#insert = database.prepare('INSERT INTO passes (kind, table_name, started_at) VALUES (?, ?, ?) RETURNING *');
    this.#insertRanges = database.prepare(
      'INSERT INTO pass_ranges (pass, range_index) SELECT ?, range_index FROM ranges WHERE table_name = ?',
    );
    this.#progress = database.prepare(
      `SELECT range_index, after, up_to, estimated_rows, watermark, complete
         FROM passes JOIN pass_ranges ON pass = id JOIN ranges USING (table_name, range_index)
        WHERE id = ? ORDER BY range_index`,
    );
    this.#finish = database.prepare(
      `UPDATE passes SET finished_at = ?
        WHERE id = ? AND finished_at IS NULL
          AND NOT EXISTS (SELECT 1 FROM pass_ranges WHERE pass = id AND complete = 0)`,
    );
    this.#noteTtl = database.prepare(
      'UPDATE passes SET ttl_changed = ttl_changed OR coalesce(ttl <> @ttl, 0), ttl = @ttl WHERE id = @pass',
    );
    this.#retried = database.prepare(
      `SELECT total(rows) AS rows, total(items) AS items, total(expired_rows) AS expired_rows,
              total(gone_rows) AS gone_rows, total(newer_items) AS newer_items, total(units) AS units
         FROM retries WHERE pass = ?`,
    );
    this.#overtakenBy = database
      .prepare<[{ readonly table: string }], number>(`SELECT ${overtakenBy('@table')}`)
      .pluck();
    this.#summary = database.prepare(
      `SELECT passes.*, total(chunks) AS chunks, total(rows) AS rows, total(items) AS items, total(bad_rows) AS bad_rows,
              total(expired_rows) AS expired_rows, total(expired_items) AS expired_items,
              total(newer_items) AS newer_items, total(units) AS units,
              total(missing) AS missing, total(differing) AS differing, total(unresolved) AS unresolved, total(complete) AS complete,
              count(pass) AS ranges
         FROM passes LEFT JOIN pass_ranges ON pass = id
        WHERE id = (SELECT max(id) FROM passes WHERE kind = ? AND table_name = ? AND void = 0)
        GROUP BY id`,
    );
  }

  open(kind: PassKind, table: string): Pass {
    return this.database
      .transaction(() => {
        const now = this.clock();
        const unfinished = this.#unfinished.get({ kind, table, now });
        if (unfinished !== undefined) return toPass(unfinished);
        const row = this.#insert.get(kind, table, now);
        if (row === undefined) throw defect(`no pass over table ${table} was made`);
        this.#insertRanges.run(row.id, table);
        return toPass(row);
      })
      .immediate();
  }

  progress(pass: Pass): readonly RangeProgress[] {
    return this.#progress.all(pass.id).map((row) => ({
      range: toRange(row),
      watermark: row.watermark as Cursor | null,
      complete: row.complete === 1,
    }));
  }

  finish(pass: Pass): void {
    if (this.#finish.run(Date.now(), pass.id).changes === 0) {
      throw defect(`pass ${pass.id} over table ${pass.table} has an incomplete range, or is finished already`);
    }
  }

  noteTtl(pass: Pass, deletesBy: string | null): void {
    this.#noteTtl.run({ pass: pass.id, ttl: deletesBy ?? '' });
  }

  /** Of the newest pass of that kind, finished or not. */
  summary(kind: PassKind, table: string): PassSummary | null {
    const row = this.#summary.get(kind, table);
    if (row === undefined) return null;
    const retried = this.#retried.get(row.id);
    return toSummary(row, retried ?? NOTHING_RETRIED);
  }

  /** Verifications up to this pass have not seen what a retry moved since, or go by a mapping that is another by now; 0: none. */
  overtakenBy(table: string): number {
    return this.#overtakenBy.get({ table }) ?? 0;
  }
}

function toPass(row: PassRow): Pass {
  return {
    id: row.id,
    kind: row.kind,
    table: row.table_name,
    startedAt: row.started_at,
    finishedAt: row.finished_at,
  };
}

/** What retries add to a backfill: the chunks that counted those rows as bad stay as they are. */
function toSummary(row: SummaryRow, retried: RetriedRow): PassSummary {
  const doubtful = row.ttl_changed === 1 ? row.expired_items : 0;
  return {
    pass: toPass(row),
    counts: {
      rows: row.rows,
      items: row.items + retried.items,
      badRows: row.bad_rows - retried.rows - retried.expired_rows - retried.gone_rows,
      expiredRows: row.expired_rows + retried.expired_rows,
      expiredItems: row.expired_items - doubtful,
      newerItems: row.newer_items + retried.newer_items,
      chunks: row.chunks,
      units: row.units + retried.units,
    },
    missing: row.missing,
    differing: row.differing,
    unresolved: row.unresolved + doubtful,
    doubtful,
    rangesComplete: row.complete,
    ranges: row.ranges,
  };
}
