/**
 * The checkpoint of a pass. One transaction writes done chunks, the watermarks that they move, the totals that they add
 * to and the differences that they found. After a kill, either all of it is there or nothing. The caller passes only
 * acknowledged chunks, in key order without gaps, so the last chunk of a range is its watermark. A complete range takes
 * no more chunks.
 */
import type { Database, Statement } from 'better-sqlite3';
import type { ComparisonTime } from '../../core/evidence.js';
import type { CheckpointStore } from '../../core/ports/state-ports.js';
import type { ChunkRecord, DifferenceRecord, Pass } from '../../core/ports/state-records.js';
import { defect } from '../../core/defect.js';
import { toDifference, type DifferenceRow } from './differences.js';

interface ComparedValues {
  readonly comparedAt: number | null;
  readonly comparedSteady: number | null;
}
type AdvanceValues = Omit<ChunkRecord, 'sourceDigest' | 'targetDigest' | 'comparedAt'> &
  ComparedValues & { readonly pass: number };
type InsertValues = Omit<ChunkRecord, 'comparedAt'> &
  ComparedValues & {
    readonly pass: number;
    readonly sequence: number;
    readonly doneAt: number;
  };

// A pass reads the chunks of a range one after the other. So by either clock, the first committed chunk was compared
// first, and the last one last.
const FIRST_COMPARED = `oldest_at = coalesce(oldest_at, @comparedAt),
                oldest_steady = CASE WHEN oldest_at IS NULL THEN @comparedSteady ELSE oldest_steady END`;
const COMPARED = `${FIRST_COMPARED},
                newest_at = coalesce(@comparedAt, newest_at),
                newest_steady = CASE WHEN @comparedAt IS NULL THEN newest_steady ELSE @comparedSteady END`;
/** The end of a range is a comparison only where the range has no rows. */
const EMPTY_COMPARED = `${FIRST_COMPARED},
                newest_at = coalesce(newest_at, @comparedAt),
                newest_steady = CASE WHEN newest_at IS NULL THEN @comparedSteady ELSE newest_steady END`;

/*
 * Every difference has a record, since an operator needs the key of each (`dynaferry differences`). A table that was
 * partly moved has one for each remaining row. The state may then become as large as the keys of the table. A new
 * verification of a table takes the place of the former one's differences (`passes.ts`).
 *
 * Other records of this kind ("a record for each row") are bad rows. A retry reads them by it, and `--max-bad-rows`
 * limits them in a backfill. There are only as many suspects as requests without an answer, and one incident a kind.
 * For a register of item keys, dynaferry reports the space that it will take before it creates it.
 */
export class Checkpoints implements CheckpointStore {
  readonly #unfinished: Statement<[number]>;
  readonly #advance: Statement<[AdvanceValues], number>;
  readonly #insertChunk: Statement<[InsertValues]>;
  readonly #placeBadRows: Statement<[number, number, string, string]>;
  readonly #complete: Statement<[ComparedValues & { readonly pass: number; readonly segment: number }]>;
  readonly #insertDifference: Statement<[number, string, string, string, string]>;
  readonly #differences: Statement<[number, number], Omit<DifferenceRow, 'id'>>;

  constructor(database: Database) {
    this.#unfinished = database.prepare('SELECT 1 FROM passes WHERE id = ? AND finished_at IS NULL');
    this.#advance = database
      .prepare<[AdvanceValues], number>(
        `UPDATE pass_segments
            SET watermark = @last, chunks = chunks + 1, rows = rows + @rows, items = items + @items,
                bad_rows = bad_rows + @badRows, expired_rows = expired_rows + @expiredRows, units = units + @units, newer_items = newer_items + @newerItems,
                expired_items = expired_items + @expiredItems,
                missing = missing + @missing, differing = differing + @differing, unresolved = unresolved + @unresolved,
                ${COMPARED}
          WHERE pass_id = @pass AND segment_index = @segment AND complete = 0
         RETURNING chunks - 1`,
      )
      .pluck();
    this.#insertChunk = database.prepare(
      `INSERT INTO chunks (pass_id, segment_index, sequence, last_cursor, rows, items, bad_rows, expired_rows, units, source_digest, target_digest,
                           missing, differing, unresolved, done_at, newer_items, expired_items, compared_at, compared_steady)
       VALUES (@pass, @segment, @sequence, @last, @rows, @items, @badRows, @expiredRows, @units, @sourceDigest, @targetDigest,
               @missing, @differing, @unresolved, @doneAt, @newerItems, @expiredItems, @comparedAt, @comparedSteady)`,
    );
    this.#placeBadRows = database.prepare(
      'UPDATE bad_rows SET segment_index = ?, chunk_sequence = ? WHERE table_name = ? AND chunk_last_cursor = ?',
    );
    this.#complete = database.prepare(
      `UPDATE pass_segments SET complete = 1, ${EMPTY_COMPARED}
        WHERE pass_id = @pass AND segment_index = @segment AND complete = 0`,
    );
    this.#insertDifference = database.prepare(
      'INSERT INTO differences (pass_id, class, item_key, attributes, cursor) VALUES (?, ?, ?, ?, ?)',
    );
    this.#differences = database.prepare(
      'SELECT class, item_key, attributes, cursor FROM differences WHERE pass_id = ? ORDER BY id LIMIT ?',
    );
  }

  commit(pass: Pass, chunks: readonly ChunkRecord[], differences: readonly DifferenceRecord[]): void {
    if (chunks.length === 0 && differences.length === 0) return;
    if (this.#unfinished.get(pass.id) === undefined) {
      throw defect(`a chunk of table ${pass.table} came for pass ${pass.id}, which is finished or not known`);
    }
    const doneAt = Date.now();
    for (const chunk of chunks) this.#commitOne(pass, chunk, doneAt);
    for (const { class: kind, keyText, attributes, cursor } of differences) {
      this.#insertDifference.run(pass.id, kind, keyText, JSON.stringify(attributes), cursor);
    }
  }

  completeSegment(pass: Pass, segment: number, since?: ComparisonTime): void {
    if (this.#complete.run({ pass: pass.id, segment, ...compared(since ?? null) }).changes === 0) {
      throw defect(`segment ${segment} of table ${pass.table} was completed, but it is complete already or not known`);
    }
  }

  /** Returns the first differences, in the order in which they were found. */
  differences(pass: Pass, limit: number): readonly DifferenceRecord[] {
    return this.#differences.all(pass.id, limit).map(toDifference);
  }

  #commitOne(pass: Pass, chunk: ChunkRecord, doneAt: number): void {
    const { comparedAt, ...counts } = chunk;
    const values = { ...counts, ...compared(comparedAt), pass: pass.id };
    const sequence = this.#advance.get(values);
    if (sequence === undefined) {
      throw defect(`a chunk came for segment ${chunk.segment} of table ${pass.table}, which is complete or not known`);
    }
    this.#insertChunk.run({ ...values, sequence, doneAt });
    if (pass.kind === 'backfill' && chunk.badRows > 0)
      this.#placeBadRows.run(chunk.segment, sequence, pass.table, chunk.last);
  }
}

function compared(time: ComparisonTime | null): ComparedValues {
  return { comparedAt: time?.at ?? null, comparedSteady: time?.steady ?? null };
}
