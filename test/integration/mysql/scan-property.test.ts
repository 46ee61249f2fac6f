/**
 * Whatever the key is made of, and however it was defined: a scan gives every row once, in the server's order, whatever
 * the chunks, the ranges and the condition; and every row is found again by its cursor and by its key as an operator
 * writes it. Compared with a plain SELECT *.
 *
 * `DYNAFERRY_TEST_SCANS=2000` draws so many tables on each server in place of a few; a failure names its seed, and
 * `DYNAFERRY_TEST_SEED=<seed> DYNAFERRY_TEST_SCANS=1` draws that table alone.
 */
import { describe, expect, test } from 'vitest';
import type { Cursor, Range, Row, UniqueKey } from '../../../src/core/model.js';
import type { RowSource } from '../../../src/core/ports/source-ports.js';
import { chooseScanKey } from '../../../src/mysql/keyset/scan-key.js';
import { collect, rowsOf } from '../../contract/row-source-contract.js';
import { SEED, seeded } from '../../contract/row-source-tables.js';
import { createDatabase, mysqlServers, type TestDatabase } from '../../support/mysql.js';
import { dialectOf } from './drawn-columns.js';
import { drawTable, type DrawnTable } from './drawn-tables.js';
import { openSource, type TestSource } from './source.js';

const TABLES = Number(process.env['DYNAFERRY_TEST_SCANS'] ?? 25);
/** For one table: under load a server takes its time. */
const MS_EACH = 5_000;

const MOST_FAILURES = 5;
/** Rows of a chunk at most; the last: all. */
const CHUNKS: readonly number[] = [1, 2, 3, 7, 20, 1_000];
/** Scans of one table, each in a manner of its own. */
const ROUNDS = 3;

const signal = new AbortController().signal;

type Random = () => number;
interface Truth {
  /** `n` and `body` of every row, as a plain SELECT * has them, in key order. */
  readonly rows: readonly (readonly [string, string])[];
}

describe.each(mysqlServers)('$name', (server) => {
  const options = { timeout: 30_000 + TABLES * MS_EACH };
  test(`a scan reads every row of any table once (seed ${SEED}, ${TABLES} tables)`, options, async () => {
    await using database = await createDatabase(server);
    const dialect = await dialectOf(database, server.name);
    await using sources = openSources(database);
    const failures: string[] = [];
    let scanned = 0;
    for (let seed = SEED; seed < SEED + TABLES && failures.length < MOST_FAILURES; seed++) {
      const table = await drawTable(database, dialect, seed);
      try {
        if (await checkTable(database, sources.of, table, seeded(seed))) scanned++;
      } catch (error) {
        const fact = error instanceof Error ? `${error.message}\n${error.stack ?? ''}` : String(error);
        failures.push(`seed ${seed}, sql_mode '${table.sqlMode}': ${table.create}: ${fact}`);
      }
      await database.query('DROP TABLE t');
    }
    expect(failures.join('\n\n')).toBe('');
    // It would prove nothing if hardly a table could be scanned.
    if (TABLES >= 20) expect(scanned).toBeGreaterThan(TABLES * 0.8);
  });
});

/** One for each size of chunks. */
function openSources(database: TestDatabase): AsyncDisposable & { readonly of: (chunkRows: number) => TestSource } {
  const bySize = new Map<number, TestSource>();
  return {
    of: (chunkRows) => {
      const source = bySize.get(chunkRows) ?? openSource(database.shard(), { chunkRows });
      bySize.set(chunkRows, source);
      return source;
    },
    async [Symbol.asyncDispose]() {
      await Promise.all([...bySize.values()].map((source) => source.close()));
    },
  };
}

/** @returns false for a key that is refused, as it must be */
async function checkTable(
  database: TestDatabase,
  sources: (chunkRows: number) => TestSource,
  drawn: DrawnTable,
  random: Random,
): Promise<boolean> {
  const table = await sources(1_000).describe('t', signal);
  const refused = drawn.parts.find((part) => part.refused !== null)?.refused ?? null;
  if (refused !== null) {
    expect(() => chooseScanKey(table, null)).toThrow(
      expect.objectContaining({ code: 'E_TABLE_NO_KEY', message: expect.stringContaining(refused) as string }),
    );
    return false;
  }
  const key = chooseScanKey(table, null);
  const truth = await truthOf(database, key);
  // Said to be large, so that it is cut into as many ranges as are asked for.
  const large = { ...table, estimatedRows: 1_000_000 };
  const columns = ['n', 'body', ...key.parts.map(({ column }) => column)];
  for (let round = 0; round < ROUNDS; round++) {
    const chunkRows = CHUNKS[Math.floor(random() * CHUNKS.length)] ?? 1;
    const where = random() < 0.5 ? null : `n % ${2 + Math.floor(random() * 12)} = 1`;
    const rows = sources(chunkRows).open({ table: large, key, columns, where });
    await checkScan(database, rows, truth, { chunkRows, where, ranges: 1 + Math.floor(random() * 6) }, random);
  }
  await checkLookUps(sources(1_000).open({ table, key, columns, where: null }), drawn, truth, random);
  return true;
}

async function truthOf(database: TestDatabase, key: UniqueKey): Promise<Truth> {
  const order = key.parts.map(({ column, descending }) => `${column}${descending ? ' DESC' : ''}`).join(', ');
  const ordered = await database.query(`SELECT n, body FROM t ORDER BY ${order}`);
  const plain = await database.query('SELECT * FROM t');
  const rows = ordered.map((row) => [String(row['n']), String(row['body'])] as const);
  const sorted = (list: readonly (readonly [string, string])[]): readonly string[] => list.map(String).sort();
  expect(sorted(rows)).toEqual(sorted(plain.map((row) => [String(row['n']), String(row['body'])])));
  return { rows };
}

interface Manner {
  readonly chunkRows: number;
  readonly where: string | null;
  readonly ranges: number;
}

async function checkScan(
  database: TestDatabase,
  source: RowSource,
  truth: Truth,
  { chunkRows, where, ranges }: Manner,
  random: Random,
): Promise<void> {
  const met = where === null ? null : await database.query(`SELECT n FROM t WHERE ${where}`);
  const numbers = met === null ? null : new Set(met.map((row) => String(row['n'])));
  const expected = numbers === null ? truth.rows : truth.rows.filter(([n]) => numbers.has(n));
  const planned = random() < 0.5 ? await source.planRanges(ranges, signal) : await cutAnywhere(source, ranges, random);
  expect(planned.length).toBeLessThanOrEqual(ranges);
  expect(planned[0]?.after).toBeNull();
  expect(planned.slice(1).map(({ after }) => after)).toEqual(planned.slice(0, -1).map(({ upTo }) => upTo));
  const found: Row[] = [];
  for (const range of planned) {
    const chunks = await collect(source.scan(range, null, signal));
    for (const { rows } of chunks) expect(rows.length).toBeLessThanOrEqual(chunkRows);
    found.push(...rowsOf(chunks));
  }
  expect(difference(found, expected), `${planned.length} ranges, chunks of ${chunkRows}, ${where ?? 'all'}`).toBeNull();
}

/** What a scan did wrong, in a line; null: nothing. */
function difference(found: readonly Row[], expected: Truth['rows']): string | null {
  const [is, should] = [found.map(([n, body]) => `${String(n)} ${String(body)}`), expected.map((row) => row.join(' '))];
  const lacking = should.filter((row) => !is.includes(row));
  const further = is.filter((row, i) => !should.includes(row) || is.indexOf(row) !== i);
  if (lacking.length > 0 || further.length > 0) {
    return `of ${should.length} rows, ${lacking.length} lacking (${lacking.join('; ')}), ${further.length} too many (${further.join('; ')})`;
  }
  return is.join() === should.join() ? null : 'in another order';
}

/** Ranges between real rows, wherever: with a row in each, or none. */
async function cutAnywhere(source: RowSource, count: number, random: Random): Promise<readonly Range[]> {
  const all = rowsOf(await collect(source.scan({ index: 0, after: null, upTo: null, estimatedRows: 0 }, null, signal)));
  const places = Array.from({ length: count - 1 }, () => Math.floor(random() * all.length)).sort((a, b) => a - b);
  const cuts: readonly (Cursor | null)[] = places.flatMap((place) => {
    const row = all[place];
    return row === undefined ? [] : [source.cursorOf(row)];
  });
  return [...cuts, null].map((upTo, index) => ({ index, after: cuts[index - 1] ?? null, upTo, estimatedRows: 0 }));
}

async function checkLookUps(source: RowSource, drawn: DrawnTable, truth: Truth, random: Random): Promise<void> {
  const rows = rowsOf(
    await collect(source.scan({ index: 0, after: null, upTo: null, estimatedRows: 0 }, null, signal)),
  );
  const shuffled = rows.map((row) => ({ row, at: random() })).sort((a, b) => a.at - b.at);
  const wanted = shuffled.map(({ row }) => row);
  const cursors = wanted.map((row) => source.cursorOf(row));
  expect(new Set(cursors).size).toBe(truth.rows.length);
  expect(await source.at(cursors, signal)).toEqual(wanted);
  const five = wanted.slice(0, 5);
  expect(
    await source.at(
      five.map((row) => source.cursorOf(row)),
      signal,
    ),
  ).toEqual(five);
  for (const [i, cursor] of cursors.slice(0, 5).entries()) {
    expect(await source.at([cursor], signal)).toEqual([wanted[i]]);
    // Two cuts that are one row: it must be found.
    await source.confirm([cursor, cursor], signal);
  }
  const sample = await source.sample(10, signal);
  expect(sample.length).toBe(Math.min(10, rows.length));
  for (const row of sample) expect(rows).toContainEqual(row);
  for (const row of wanted.slice(0, 8)) {
    const key = drawn.parts.map(({ written }, i) => written(row[2 + i] ?? null));
    if (!key.every((value) => value !== null)) continue;
    expect(await source.find([key], signal)).toContainEqual(row);
  }
}
