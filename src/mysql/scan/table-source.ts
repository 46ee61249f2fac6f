/**
 * Serves one table of one shard as a RowSource. It plans, scans, samples and looks up, and retries while the source
 * fails.
 */
import { FerryError } from '../../core/errors.js';
import type { Cursor, Range, Row } from '../../core/model.js';
import { type RowChunk, RowMemoryPool } from '../../core/row-block.js';
import type { RowSource, TableScan } from '../../core/ports/source-ports.js';
import { AnswerTooLarge, mostOfOneRow } from '../connection/answer-limit.js';
import { scanChunks } from './chunk-scan.js';
import { MOST_CHUNKS } from './chunk-size.js';
import { findByCondition } from './find-by-condition.js';
import { planRanges, sampleCursors } from './ranges.js';
import { Retry, sourceRetry } from '../source-retry.js';
import { type KeyInterval, RowSelect } from '../keyset/row-select.js';
import type { Session } from '../connection/session.js';
import { type ShardDeps, withSession } from '../with-session.js';
import { SchemaGuard } from './schema-guard.js';
import { keyedWitnesses, type Identified } from './table-identity.js';

/** Keys that one SELECT of `at` names. */
const READ_AT_ONCE = 100;

/**
 * Bytes of all rows of one `at`, and of a sample: if rows are large, dynaferry asks for them one by one, and samples
 * fewer.
 */
const GATHERED_BYTES = 64 * 1_024 * 1_024;

/**
 * Keys that one SELECT of `findAny` names. MariaDB turns 1,000 values or more into a join
 * (`in_predicate_conversion_threshold`). The range optimizer of MySQL 5.7 gives up beyond
 * `range_optimizer_max_mem_size`: 1.5 MB in its first versions, at some 230 bytes a value.
 */
const LOOKED_UP_AT_ONCE = 500;

/**
 * Characters of the keys in one such SELECT: every server takes a statement of 1 MiB, and a literal is written in
 * hexadecimal.
 */
const LOOKED_UP_CHARACTERS = 128 * 1_024;

/** Most positions in the key space that a sample reads from: each costs a few queries. */
const SAMPLED_PLACES = 64;

export class TableSource implements RowSource {
  readonly #select: RowSelect;
  readonly #table: string;
  readonly #memory = new RowMemoryPool();
  readonly #guard: SchemaGuard;
  readonly #estimatedRows: number;

  constructor(
    private readonly deps: ShardDeps,
    scan: TableScan,
  ) {
    this.#select = new RowSelect(scan);
    this.#table = scan.table.name;
    this.#guard = new SchemaGuard(deps.shard, scan.table, keyedWitnesses(scan));
    this.#estimatedRows = scan.table.estimatedRows;
  }

  async planRanges(count: number, signal: AbortSignal): Promise<readonly Range[]> {
    return await withSession(this.deps, `planning ranges of ${this.#table}`, signal, (session) =>
      planRanges(session, this.#select, count, this.#estimatedRows, signal),
    );
  }

  scan(range: Range, after: Cursor | null, signal: AbortSignal): AsyncIterable<RowChunk> {
    const { shard, emitter, limits } = this.deps;
    const retry = new Retry(shard, `reading ${this.#table}`, emitter, sourceRetry(limits));
    const own = { select: this.#select, guard: this.#guard, memory: this.#memory, retry };
    return scanChunks({ ...this.deps, ...own }, range, after, signal);
  }

  async sample(count: number, signal: AbortSignal): Promise<readonly Row[]> {
    if (count < 1) return [];
    let one = false;
    const read = async (session: Session, interval: KeyInterval, wanted: number): Promise<readonly Row[]> =>
      await session.rows(this.#select.rows(interval, one ? 1 : wanted), signal, null, one ? undefined : GATHERED_BYTES);
    return await this.#orFewer(
      () => (one = true),
      () =>
        withSession(this.deps, `sampling ${this.#table}`, signal, async (session) => {
          const places = await sampleCursors(session, this.#select, Math.min(count, SAMPLED_PLACES), signal);
          const rows: Row[] = [];
          let bytes = 0;
          for (const [i, after] of places.entries()) {
            const upTo = places[i + 1] ?? null;
            const wanted = Math.ceil((count - rows.length) / (places.length - i));
            // The first position is the table's first row, which lies before its own cursor.
            const found = await read(session, { after: i === 0 ? null : after, upTo }, wanted);
            rows.push(...found);
            bytes += found.reduce((sum, row) => sum + bytesOf(row), 0);
            if (bytes > GATHERED_BYTES) break;
          }
          return rows;
        }),
    );
  }

  /**
   * Runs it, and once more where an answer exceeds the limit for several rows together.
   * @param fewer called before the second run, which must ask for one row at a time
   */
  async #orFewer<T>(fewer: () => void, run: () => Promise<T>): Promise<T> {
    try {
      return await run();
    } catch (error) {
      if (!(error instanceof AnswerTooLarge)) throw error;
      fewer();
      return await run();
    }
  }

  async find(keys: readonly (readonly string[])[], signal: AbortSignal): Promise<readonly Row[]> {
    const statements = keys.map((key) => this.#select.row(key));
    return await withSession(this.deps, `looking up keys in ${this.#table}`, signal, async (session) => {
      const rows: Row[] = [];
      for (const sql of statements) rows.push(...(await session.rows(sql, signal)));
      return rows;
    });
  }

  async findAny(keys: readonly (readonly string[])[], signal: AbortSignal): Promise<Row | null> {
    const statements = batches(keys).map((batch) => this.#select.oneRowOf(batch));
    return await withSession(this.deps, `looking up keys in ${this.#table}`, signal, async (session) => {
      for (const select of statements) {
        // Usually no row is there, which a count proves by itself.
        if (!(await session.any(select, signal))) continue;
        const [row] = await session.rows(select, signal);
        if (row !== undefined) return row;
      }
      return null;
    });
  }

  async at(cursors: readonly Cursor[], signal: AbortSignal): Promise<readonly (Row | null)[]> {
    const most = cursors.length === 1 ? Infinity : Math.max(GATHERED_BYTES, MOST_CHUNKS * this.deps.limits.chunkBytes);
    return await withSession(this.deps, `reading rows of ${this.#table} again`, signal, async (session) => {
      let bytes = 0;
      const read = async (wanted: readonly Cursor[]): Promise<readonly Row[]> => {
        const left = Math.min(most - bytes, mostOfOneRow());
        const rows = await session.rows(this.#select.rowsAt(wanted), signal, null, left).catch((error: unknown) => {
          throw error instanceof AnswerTooLarge && most !== Infinity ? this.#tooMany(most) : error;
        });
        for (const row of rows) bytes += bytesOf(row);
        return rows;
      };
      const found = new Map<Cursor, Row>();
      for (let i = 0; i < cursors.length; i += READ_AT_ONCE) {
        for (const row of await read(cursors.slice(i, i + READ_AT_ONCE))) found.set(this.cursorOf(row), row);
      }
      const again: (Row | null)[] = [];
      // A key may have come to print differently and still be the same to MySQL (`abc`, `ABC`). Then this asks for it
      // alone.
      for (const cursor of cursors) again.push(found.get(cursor) ?? (await read([cursor]))[0] ?? null);
      return again;
    });
  }

  #tooMany(bytes: number): FerryError {
    return new FerryError(
      'E_ROW_TOO_LARGE',
      `shard ${this.deps.shard}: the rows of ${this.#table} to read again are larger than ${Math.floor(bytes / 2 ** 20)} MiB together`,
      'lower `source.limits.chunkRows`, so that dynaferry compares fewer rows at once',
    );
  }

  async identify(before: string | null, accept: boolean, signal: AbortSignal): Promise<Identified> {
    return await withSession(this.deps, `identifying ${this.#table}`, signal, (session) =>
      this.#guard.identify(session, before, accept, signal),
    );
  }

  async confirm(cuts: readonly Cursor[], signal: AbortSignal): Promise<string | null> {
    return await withSession(this.deps, `checking ${this.#table} again`, signal, async (session) => {
      await this.#guard.check(session, signal);
      await this.#guard.checkRows(session, this.#select, cuts, signal);
      return this.#guard.identity;
    });
  }

  async matching(condition: string, signal: AbortSignal): Promise<Row | null> {
    return await findByCondition(this.deps, this.#table, this.#select.rowMatching(condition), signal);
  }

  cursorOf(row: Row): Cursor {
    return this.#select.cursorOf(row);
  }

  describeKey(cursor: Cursor): string {
    return this.#select.keyset.describe(cursor);
  }
}

/** Returns the keys in order, in batches of at most `LOOKED_UP_AT_ONCE` keys and about `LOOKED_UP_CHARACTERS`. */
function batches(keys: readonly (readonly string[])[]): readonly (readonly (readonly string[])[])[] {
  const made: (readonly string[])[][] = [];
  let room = 0;
  for (const key of keys) {
    const characters = key.reduce((sum, part) => sum + part.length, 0);
    const open = made.at(-1);
    if (open === undefined || open.length === LOOKED_UP_AT_ONCE || characters > room) {
      made.push([key]);
      room = LOOKED_UP_CHARACTERS - characters;
    } else {
      open.push(key);
      room -= characters;
    }
  }
  return made;
}

function bytesOf(row: Row): number {
  return row.reduce((sum, cell) => sum + (cell?.length ?? 0), 0);
}
