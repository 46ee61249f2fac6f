/**
 * A whole table is one that no scan can follow, so one SELECT reads all of it, and InnoDB answers from one snapshot. It
 * has one range and one chunk. If a run did not finish the chunk, the next run reads it from the start. Memory holds
 * the whole table, so its rows and bytes have limits, and dynaferry refuses a larger table. Only its content identifies
 * a row. Equal rows count as one. No report and no state has that content: a cursor is a hash of it. Reports name a row
 * by its number among the bad ones. Cursors of earlier versions also had the first columns, behind the hash.
 */
import { createHash } from 'node:crypto';
import { thisInstant } from '../../core/time/age.js';
import { FerryError } from '../../core/errors.js';
import type { Cursor, Range, Row, TableInfo } from '../../core/model.js';
import {
  type RowBlock,
  RowBlockBuilder,
  type RowChunk,
  RowMemoryPool,
  type Transport,
  transportOf,
} from '../../core/row-block.js';
import type { RowSource, WholeTableScan } from '../../core/ports/source-ports.js';
import { answerBytes, AnswerTooLarge } from '../connection/answer-limit.js';
import { aliased } from '../connection/cells.js';
import { selectedColumn } from '../keyset/key-form.js';
import { findByCondition } from './find-by-condition.js';
import { appendRow } from '../connection/row-packet.js';
import { contradiction } from '../connection/session-marker.js';
import type { Session } from '../connection/session.js';
import { quoteName, type Select } from '../connection/sql.js';
import { type ShardDeps, withSession } from '../with-session.js';
import { SchemaGuard } from './schema-guard.js';
import type { Identified, WitnessRows } from './table-identity.js';

/** The position behind all rows: the only one where a scan can stop. */
const END = '["end"]' as Cursor;

/** All that a report may say about a row without a key: its columns are row values, and none of them is a name. */
const NO_KEY = 'a row without a key';

export class WholeTable implements RowSource {
  readonly #table: TableInfo;
  readonly #select: Select;
  readonly #transports: readonly Transport[];
  readonly #guard: SchemaGuard;

  constructor(
    private readonly deps: ShardDeps,
    private readonly wanted: WholeTableScan,
  ) {
    const { table, columns, where } = wanted;
    this.#table = table;
    const chosen = columns.map((name) => {
      const column = table.columns.find((candidate) => candidate.name === name);
      if (column === undefined) throw new TypeError(`${name} is no column of ${table.name}`);
      return column;
    });
    this.#transports = chosen.map(transportOf);
    const list = chosen.map((column) => aliased(selectedColumn(table.name, column), transportOf(column)));
    this.#select = { list: list.join(', '), from: fromWhole(table, where), conditional: where !== null };
    this.#guard = new SchemaGuard(deps.shard, table, this.#witnesses());
  }

  /**
   * Identifies witnesses by their content, the only identity that these rows have. Looking for them reads the whole
   * table, so it happens only after the table was rebuilt.
   */
  #witnesses(): WitnessRows {
    const all = async (session: Session, signal: AbortSignal): Promise<readonly Cursor[]> =>
      Array.from((await this.#collect(session, signal)).rows, (row) => this.cursorOf(row));
    const named = (cursors: readonly Cursor[]): ReadonlyMap<Cursor, string> =>
      new Map(cursors.map((cursor) => [cursor, '']));
    return {
      choose: async (session, most, signal) => {
        const cursors = await all(session, signal);
        const step = Math.max(1, Math.ceil(cursors.length / most));
        return named(cursors.filter((_, i) => i % step === 0));
      },
      cheap: false,
      find: async (session, cursors, signal) => {
        const there = new Set((await all(session, signal)).map(hashIn));
        return named(cursors.filter((cursor) => there.has(hashIn(cursor))));
      },
    };
  }

  planRanges(): Promise<readonly Range[]> {
    return Promise.resolve([{ index: 0, after: null, upTo: null, estimatedRows: this.#table.estimatedRows }]);
  }

  async *scan(_range: Range, after: Cursor | null, signal: AbortSignal): AsyncGenerator<RowChunk, void, void> {
    // An earlier run finished the only chunk.
    if (after !== null) return;
    const { throttle } = this.deps;
    const leave = throttle.enter();
    try {
      await throttle.pass(signal);
      const readAt = thisInstant();
      const { rows, bytes } = await this.#read(signal);
      if (rows.length > 0) yield { rows, last: END, bytes, readAt, elapsedMs: performance.now() - readAt.monotonic };
    } finally {
      leave();
    }
  }

  async sample(count: number, signal: AbortSignal): Promise<readonly Row[]> {
    if (count < 1) return [];
    return await withSession(this.deps, `sampling ${this.#table.name}`, signal, (session) =>
      session.rows(this.#with(`LIMIT ${count}`), signal),
    );
  }

  find(): Promise<readonly Row[]> {
    return Promise.reject(this.#keyless());
  }

  findAny(): Promise<Row | null> {
    return Promise.reject(this.#keyless());
  }

  #keyless(): FerryError {
    return new FerryError(
      'E_USAGE',
      `dynaferry reads table ${this.#table.name} whole (\`wholeTable\`): it has no key to find rows by`,
      'use --sample, or name another table with --table',
    );
  }

  async at(cursors: readonly Cursor[], signal: AbortSignal): Promise<readonly (Row | null)[]> {
    const now = new Map((await this.#read(signal)).rows.map((row) => [hashIn(this.cursorOf(row)), row]));
    return cursors.map((cursor) => now.get(hashIn(cursor)) ?? null);
  }

  async identify(before: string | null, accept: boolean, signal: AbortSignal): Promise<Identified> {
    return await withSession(this.deps, `identifying ${this.#table.name}`, signal, (session) =>
      this.#guard.identify(session, before, accept, signal),
    );
  }

  /** Checks the table alone: its rows have no keys to look for, and come from one snapshot. */
  async confirm(_cuts: readonly Cursor[], signal: AbortSignal): Promise<string | null> {
    return await withSession(this.deps, `checking ${this.#table.name} again`, signal, async (session) => {
      await this.#guard.check(session, signal);
      return this.#guard.identity;
    });
  }

  async matching(condition: string, signal: AbortSignal): Promise<Row | null> {
    const and = this.wanted.where === null ? 'WHERE' : 'AND';
    const select = { ...this.#with(`${and} (\n${condition}\n) LIMIT 1`), conditional: true };
    return await findByCondition(this.deps, this.#table.name, select, signal);
  }

  cursorOf(row: Row): Cursor {
    const cells = row.slice(0, this.wanted.columns.length);
    const hash = createHash('sha256');
    for (const cell of cells) hash.update(cell === null ? '-' : `${typeof cell} ${cell.length}:`).update(cell ?? '');
    return JSON.stringify([hash.digest('hex').slice(0, 32)]) as Cursor;
  }

  describeKey(): string {
    return NO_KEY;
  }

  #with(clause: string): Select {
    return { ...this.#select, from: `${this.#select.from} ${clause}` };
  }

  async #read(signal: AbortSignal): Promise<{ readonly rows: RowBlock; readonly bytes: number }> {
    return await withSession(this.deps, `reading ${this.#table.name} whole`, signal, (session) =>
      this.#collect(session, signal),
    );
  }

  /** Reads all rows. @throws FerryError E_TABLE_TOO_LARGE as soon as they pass a limit; this drops the connection */
  async #collect(session: Session, signal: AbortSignal): Promise<{ rows: RowBlock; bytes: number }> {
    const { maxRows, maxBytes } = this.wanted;
    const block = new RowBlockBuilder(this.#transports, new RowMemoryPool());
    let bytes = 0;
    const tooMany = tooLarge(this.#table.name, `${maxBytes} bytes`, 'maxBytes');
    await session
      .stream(
        this.#with(`LIMIT ${maxRows + 1}`),
        (packet, from, to) => {
          bytes += appendRow(block, packet, from, to);
          if (block.rows > maxRows) session.destroy(tooLarge(this.#table.name, `${maxRows} rows`, 'maxRows'));
          else if (bytes > maxBytes) session.destroy(tooMany);
        },
        signal,
        answerBytes(maxBytes, maxRows + 1, this.#transports.length),
      )
      .catch((error: unknown) => {
        throw error instanceof AnswerTooLarge ? tooMany : error;
      });
    if (block.rows === 0 && (await session.any(this.#with('LIMIT 1'), signal))) throw contradiction(this.deps.shard);
    return { rows: block.finish(), bytes };
  }
}

/** Returns FROM and WHERE for all wanted rows. */
export function fromWhole(table: Pick<TableInfo, 'database' | 'name'>, where: string | null): string {
  // On separate lines: the condition may end in a comment.
  return `FROM ${quoteName(table.database)}.${quoteName(table.name)}${where === null ? '' : ` WHERE (\n${where}\n)`}`;
}

/**
 * Returns the E_TABLE_TOO_LARGE error. @param limit in words, with its unit @param field key of `wholeTable` in the
 * config
 */
export function tooLarge(table: string, limit: string, field: 'maxRows' | 'maxBytes'): FerryError {
  return new FerryError(
    'E_TABLE_TOO_LARGE',
    `table ${table} has more than ${limit}, the limit for a table that is read whole`,
    `add a primary key, or a unique key over NOT NULL columns, and remove \`wholeTable\`; or raise \`wholeTable.${field}\` if memory can hold the table`,
  );
}

function hashIn(cursor: Cursor): unknown {
  return (JSON.parse(cursor) as readonly unknown[])[0];
}
