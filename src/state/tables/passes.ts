/**
 * The passes of a shard. A pass has one row for each segment, with its watermark and its totals; `checkpoints.ts` moves
 * them.
 *
 *   none -> open -> unfinished (each further open resumes it) -> all segments complete -> finish -> finished
 *
 * A backfill is always resumed. A verification is a claim about the state of the data at its comparisons. `abandoned`
 * says when that claim no longer holds, and a new verification starts from the beginning. These end the claim:
 *
 * - Time: a comparison is too old or of unknown age, or late writes may have landed after it.
 * - The backfill continued, or ended, after the verification had started.
 * - A retry of bad rows, an accepted change of the mapping, or another MySQL server (`binding.ts`).
 *
 * These do not: the plan, since a state's ranges are cut once; another process, since the shard's lock excludes a
 * backfill during a verification.
 */
import type { Database, Statement } from 'better-sqlite3';
import { LATE_WRITE_WINDOW_MS } from '../../core/time/late-writes.js';
import type { Cursor } from '../../core/model.js';
import type { Abandoned, ComparisonTime, Standing } from '../../core/evidence.js';
import type { OpenPass, PassStore } from '../../core/ports/state-ports.js';
import type { Pass, PassSummary, SegmentProgress } from '../../core/ports/state-records.js';
import { NOTHING_RETRIED, type PassRow, type RetriedRow, type SummaryRow, toPass, toSummary } from './pass-rows.js';
import { standingOf } from './phase.js';
import { toRange } from './plans.js';
import { defect } from '../../core/defect.js';
import type { BootClock } from '../home/boot-clock.js';

interface ProgressRow {
  readonly segment_index: number;
  /** null: the segment is not a range of a plan, and its bounds are null too. */
  readonly range_index: number | null;
  readonly after: string | null;
  readonly up_to: string | null;
  readonly estimated_rows: number;
  readonly watermark: string | null;
  readonly complete: number;
}

interface ComparedRow {
  readonly oldest_at: number;
  readonly oldest_steady: number | null;
  readonly newest_at: number;
  readonly newest_steady: number | null;
}

/**
 * Returns SQL for the pass that was the newest when the last retry, or the last change of the mapping for a retry,
 * came.
 * @param table SQL for the table's name
 */
function overtakenBy(table: string): string {
  return `max(coalesce((SELECT max(newest_pass_id) FROM bad_row_retries WHERE table_name = ${table}), 0),
              coalesce((SELECT max(newest_pass_id) FROM accepted_changes), 0))`;
}

export class Passes implements PassStore {
  readonly #newest: Statement<[string, string], PassRow>;
  readonly #tables: Statement<[], string>;
  readonly #lateWritesUntil: Statement<[], number | null>;
  readonly #insert: Statement<[string, string, number, number, number | null, number | null], PassRow>;
  readonly #insertRanges: Statement<[number, string]>;
  readonly #insertSegment: Statement<[number, number]>;
  readonly #progress: Statement<[number], ProgressRow>;
  readonly #finish: Statement<[number, number]>;
  readonly #noteTtl: Statement<[{ readonly pass: number; readonly ttl: string }]>;
  readonly #summary: Statement<[string, string], SummaryRow>;
  readonly #compared: Statement<[number], ComparedRow>;
  readonly #retried: Statement<[number], RetriedRow>;
  readonly #overtakenBy: Statement<[{ readonly table: string }], number>;
  readonly #forgetDifferences: Statement<[string, number]>;

  /** @param clock gives the start of a pass, which is compared with the time of writes that may still land */
  constructor(
    database: Database,
    private readonly clock: BootClock,
  ) {
    this.#newest = database.prepare(
      'SELECT * FROM passes WHERE kind = ? AND table_name = ? AND void = 0 ORDER BY id DESC LIMIT 1',
    );
    this.#tables = database
      .prepare<[], string>('SELECT table_name FROM passes GROUP BY table_name ORDER BY min(id)')
      .pluck();
    this.#lateWritesUntil = database
      .prepare<[], number | null>(`SELECT crashed_at + ${LATE_WRITE_WINDOW_MS} FROM meta`)
      .pluck();
    this.#insert = database.prepare(
      `INSERT INTO passes (kind, table_name, follows_plan, started_at, saw_backfill, saw_chunks)
       VALUES (?, ?, ?, ?, ?, ?) RETURNING *`,
    );
    this.#compared = database.prepare(
      `SELECT oldest_at, oldest_steady, newest_at, newest_steady
         FROM pass_segments WHERE pass_id = ? AND oldest_at IS NOT NULL`,
    );
    this.#insertRanges = database.prepare(
      'INSERT INTO pass_segments (pass_id, segment_index) SELECT ?, range_index FROM ranges WHERE table_name = ?',
    );
    this.#insertSegment = database.prepare('INSERT INTO pass_segments (pass_id, segment_index) VALUES (?, ?)');
    this.#progress = database.prepare(
      `SELECT segment_index, range_index, after, up_to, coalesce(estimated_rows, 0) AS estimated_rows, watermark, complete
         FROM passes JOIN pass_segments ON pass_id = id
         LEFT JOIN ranges ON follows_plan = 1 AND ranges.table_name = passes.table_name AND range_index = segment_index
        WHERE id = ? ORDER BY segment_index`,
    );
    this.#finish = database.prepare(
      `UPDATE passes SET finished_at = ?
        WHERE id = ? AND finished_at IS NULL
          AND NOT EXISTS (SELECT 1 FROM pass_segments WHERE pass_id = id AND complete = 0)`,
    );
    this.#noteTtl = database.prepare(
      'UPDATE passes SET ttl_changed = ttl_changed OR coalesce(ttl <> @ttl, 0), ttl = @ttl WHERE id = @pass',
    );
    this.#retried = database.prepare(
      `SELECT total(rows) AS rows, total(items) AS items, total(expired_rows) AS expired_rows,
              total(gone_rows) AS gone_rows, total(newer_items) AS newer_items, total(units) AS units
         FROM bad_row_retries WHERE pass_id = ?`,
    );
    this.#overtakenBy = database
      .prepare<[{ readonly table: string }], number>(`SELECT ${overtakenBy('@table')}`)
      .pluck();
    this.#forgetDifferences = database.prepare(
      'DELETE FROM differences WHERE pass_id IN (SELECT id FROM passes WHERE table_name = ? AND id < ?)',
    );
    this.#summary = database.prepare(
      `SELECT passes.*, total(chunks) AS chunks, total(rows) AS rows, total(items) AS items, total(bad_rows) AS bad_rows,
              total(expired_rows) AS expired_rows, total(expired_items) AS expired_items,
              total(newer_items) AS newer_items, total(units) AS units,
              total(missing) AS missing, total(differing) AS differing, total(unresolved) AS unresolved, total(complete) AS complete,
              count(pass_id) AS ranges
         FROM passes LEFT JOIN pass_segments ON pass_id = id
        WHERE id = (SELECT max(id) FROM passes WHERE kind = ? AND table_name = ? AND void = 0)
        GROUP BY id`,
    );
  }

  /** Returns the tables that have passes, also those without a plan, in the order of their first passes. */
  tables(): readonly string[] {
    return this.#tables.all();
  }

  open(kind: string, table: string, { maxAgeMs = Infinity, segments }: OpenPass = {}): Pass {
    // Looks only at the newest: an abandoned verification stays unfinished for good.
    const newest = this.#newest.get(kind, table);
    const resumes = newest?.finished_at === null && (kind !== 'verify' || this.abandoned(table, maxAgeMs) === null);
    if (resumes) return toPass(newest);
    const seen = kind === 'verify' ? this.summary('backfill', table) : null;
    const finished = seen?.pass.finishedAt == null ? null : seen.pass.id;
    const followsPlan = segments === undefined ? 1 : 0;
    const sawChunks = kind === 'verify' ? (seen?.counts.chunks ?? 0) : null;
    const row = this.#insert.get(kind, table, followsPlan, this.clock.now(), finished, sawChunks);
    if (row === undefined) throw defect(`no pass over table ${table} was made`);
    if (this.#insertSegments(row, segments) === 0) throw defect(`a pass over table ${table} has no segments`);
    // Nothing names the differences of an earlier verification from now on.
    if (kind === 'verify') this.#forgetDifferences.run(table, row.id);
    return toPass(row);
  }

  abandoned(table: string, maxAgeMs: number): Abandoned | null {
    const verify = this.summary('verify', table);
    if (verify === null || verify.pass.finishedAt !== null) return null;
    const lastActive = verify.newest === null ? null : this.clock.age(verify.newest);
    const because = (reason: Abandoned['reason']): Abandoned => ({ reason, rows: verify.counts.rows, lastActive });
    const standing = this.standing(table);
    if (standing === 'before-retry' || standing === 'before-backfill') return because(standing);
    const until = this.#lateWritesUntil.get() ?? null;
    if (until !== null && verify.pass.startedAt < until && until <= this.clock.now()) return because('late-writes');
    if (verify.doubtful > 0) return because('ttl-changed');
    // A heartbeat would prove that a process lived, not that it compared anything.
    return lastActive !== null && (lastActive.ms ?? Infinity) >= maxAgeMs ? because('aged') : null;
  }

  standing(table: string): Standing {
    return standingOf({
      backfill: this.summary('backfill', table),
      verify: this.summary('verify', table),
      overtakenBy: this.overtakenBy(table),
    });
  }

  progress(pass: Pass): readonly SegmentProgress[] {
    return this.#progress.all(pass.id).map((row) => ({
      index: row.segment_index,
      range: row.range_index === null ? null : toRange({ ...row, range_index: row.range_index }),
      watermark: row.watermark as Cursor | null,
      complete: row.complete === 1,
    }));
  }

  /** Inserts the segments of a pass. @param segments undefined: one for each range of the plan @returns their number */
  #insertSegments(pass: PassRow, segments: number | undefined): number {
    if (segments === undefined) return this.#insertRanges.run(pass.id, pass.table_name).changes;
    if (!Number.isInteger(segments) || segments < 1) return 0;
    for (let index = 0; index < segments; index += 1) this.#insertSegment.run(pass.id, index);
    return segments;
  }

  finish(pass: Pass): void {
    if (this.#finish.run(Date.now(), pass.id).changes === 0) {
      throw defect(`pass ${pass.id} over table ${pass.table} has an incomplete range, or is finished already`);
    }
  }

  noteTtl(pass: Pass, deletesBy: string | null): void {
    this.#noteTtl.run({ pass: pass.id, ttl: deletesBy ?? '' });
  }

  /** Returns the totals of the newest pass of that kind, finished or not. */
  summary(kind: string, table: string): PassSummary | null {
    const row = this.#summary.get(kind, table);
    if (row === undefined) return null;
    const retried = this.#retried.get(row.id);
    const compared = this.#compared.all(row.id);
    return {
      ...toSummary(row, retried ?? NOTHING_RETRIED),
      oldest: this.#longestAgo(
        compared.map(({ oldest_at: at, oldest_steady: steady }) => ({ at, steady })),
        1,
      ),
      newest: this.#longestAgo(
        compared.map(({ newest_at: at, newest_steady: steady }) => ({ at, steady })),
        -1,
      ),
    };
  }

  /** Returns the oldest time; one of unknown age is older than all others. @param sign -1: the most recent time */
  #longestAgo(times: readonly ComparisonTime[], sign: 1 | -1): ComparisonTime | null {
    const age = (time: ComparisonTime): number => sign * (this.clock.age(time).ms ?? Infinity);
    return times.reduce<ComparisonTime | null>(
      (found, time) => (found === null || age(time) > age(found) ? time : found),
      null,
    );
  }

  /**
   * Returns the id of a pass: verifications up to it have not seen what a retry moved, or followed another mapping. 0:
   * no retry or change came.
   */
  overtakenBy(table: string): number {
    return this.#overtakenBy.get({ table }) ?? 0;
  }
}
