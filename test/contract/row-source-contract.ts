/**
 * Contract that every RowSource keeps. It reads each row of a range exactly once, in the order of the server. Chunks,
 * ranges and the cursor at which a scan resumes do not matter.
 */
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import type { SourceLimits } from '../../src/config/model.js';
import type { Range, Row, TableInfo, UniqueKey } from '../../src/core/model.js';
import type { RowChunk } from '../../src/core/row-block.js';
import type { RowSource, ShardSource } from '../../src/core/ports/source-ports.js';
import { fillTable, KEYED_TABLES, numbersInOrder, SEED } from './row-source-tables.js';

export interface ShardContext extends AsyncDisposable {
  /** Of the server: `mariadb-10.11`. */
  readonly name: string;
  query(sql: string): Promise<readonly Record<string, unknown>[]>;
  /** A source of the context's database; the caller closes it. */
  open(limits: Partial<SourceLimits>): ShardSource;
  primaryKey(table: TableInfo): UniqueKey;
}

const ROWS = 120;
/** Enough for three ranges. */
const MANY_ROWS = 6_600;

const signal = new AbortController().signal;

export function rowSourceContract(name: string, create: () => Promise<ShardContext>): void {
  describe(`RowSource of ${name} (seed ${SEED})`, () => {
    let shard: ShardContext;
    beforeAll(async () => {
      shard = await create();
    });
    afterAll(async () => {
      await shard[Symbol.asyncDispose]();
    });

    describe.each(KEYED_TABLES.filter(({ only }) => only?.test(name) ?? true))('$name', (table) => {
      let expected: readonly string[];
      beforeAll(async () => {
        await fillTable(shard, table, 't', ROWS);
        expected = await numbersInOrder(shard, table, 't');
      });
      afterAll(async () => {
        await shard.query('DROP TABLE IF EXISTS t, many');
      });

      test.each([1, 2, 7, 1000])(
        'the row source scans rows once, in order, in chunks of up to %i',
        async (chunkRows) => {
          const source = await openTable(shard, 't', { chunkRows });
          const chunks = await collect(source.scan(await whole(source), null, signal));
          expect(rowsOf(chunks).map(numberOf)).toEqual(expected);
          expect(Math.max(...chunks.map(({ rows }) => rows.length))).toBeLessThanOrEqual(chunkRows);
          for (const { rows, last } of chunks) expect(last).toBe(source.cursorOf(rows.at(-1) ?? []));
        },
      );

      test('the row source resumes a scan right after the row of any cursor', async () => {
        const source = await openTable(shard, 't', { chunkRows: 3 });
        const range = await whole(source);
        const rows = rowsOf(await collect(source.scan(range, null, signal)));
        for (const [i, row] of rows.entries()) {
          if (i % 9 !== 0 && i < rows.length - 2) continue;
          const next = await first(source.scan(range, source.cursorOf(row), signal));
          expect(next?.rows.map(numberOf) ?? []).toEqual(expected.slice(i + 1, i + 1 + (next?.rows.length ?? 0)));
          expect(next === null).toBe(i === rows.length - 1);
        }
      });

      test('the row source reads the same rows again by their cursors, and returns null for a deleted row', async () => {
        const source = await openTable(shard, 't', {});
        const rows = rowsOf(await collect(source.scan(await whole(source), null, signal)))
          .slice(0, 30)
          .reverse();
        const cursors = rows.map((row) => source.cursorOf(row));
        expect(await source.at(cursors, signal)).toEqual(rows);
        await shard.query(`DELETE FROM t WHERE n = ${numberOf(rows[3] ?? [])}`);
        const again = await source.at(cursors, signal);
        expect(again).toEqual(rows.map((row, i) => (i === 3 ? null : row)));
        await shard.query('DROP TABLE t');
        await fillTable(shard, table, 't', ROWS);
      });

      test('the row source plans ranges without gaps or overlaps, and scans them concurrently', async () => {
        await fillTable(shard, table, 'many', MANY_ROWS);
        const source = await openTable(shard, 'many', { chunkRows: 500 });
        const ranges = await source.planRanges(3, signal);
        expect(ranges.map(({ index }) => index)).toEqual(ranges.map((_, i) => i));
        expect(ranges[0]?.after).toBeNull();
        expect(ranges.slice(1).map(({ after }) => after)).toEqual(ranges.slice(0, -1).map(({ upTo }) => upTo));
        const parts = await Promise.all(ranges.map(async (range) => await collect(source.scan(range, null, signal))));
        const found = parts.flatMap((chunks) => rowsOf(chunks).map(numberOf));
        const all = await numbersInOrder(shard, table, 'many');
        expect(found).toEqual(all);
        const sizes = parts.map((chunks) => rowsOf(chunks).length);
        expect(Math.max(...sizes)).toBeLessThan((1.5 * all.length) / ranges.length);
        expect(ranges.length).toBe(all.length > 6_000 ? 3 : all.length > 4_000 ? 2 : 1);
      });
    });

    test('the row source plans one range without bounds for an empty table, and scans no rows', async () => {
      await shard.query('CREATE TABLE vacant (k INT PRIMARY KEY, n INT)');
      const source = await openTable(shard, 'vacant', {});
      expect(await source.planRanges(8, signal)).toEqual([{ index: 0, after: null, upTo: null, estimatedRows: 0 }]);
      expect(await collect(source.scan(await whole(source), null, signal))).toEqual([]);
      expect(await source.sample(5, signal)).toEqual([]);
    });

    test('an aborted signal rejects an awaited chunk of the row source at once, and ends the scan between chunks', async () => {
      await shard.query('CREATE TABLE stop (k INT PRIMARY KEY, n INT)');
      await shard.query('INSERT INTO stop VALUES (1, 1), (2, 2), (3, 3)');
      const source = await openTable(shard, 'stop', { chunkRows: 1 });
      const stop = new AbortController();
      const seen: RowChunk[] = [];
      const scan = async (): Promise<void> => {
        for await (const chunk of source.scan(await whole(source), null, stop.signal)) {
          seen.push(chunk);
          stop.abort();
        }
      };
      await expect(scan()).rejects.toMatchObject({ code: 'E_INTERRUPTED' });
      expect(seen).toHaveLength(1);
      await expect(collect(source.scan(await whole(source), null, stop.signal))).rejects.toMatchObject({
        code: 'E_INTERRUPTED',
      });
    });

    test('two scans of the row source that one consumer reads in turn do not wait for each other', async () => {
      await shard.query('CREATE TABLE turns (k INT PRIMARY KEY, n INT, body TEXT)');
      await shard.query(
        `INSERT INTO turns VALUES ${Array.from({ length: 40 }, (_, i) => `(${i}, ${i}, '${'x'.repeat(999)}')`).join()}`,
      );
      const source = await openTable(shard, 'turns', { scansPerServer: 1, chunkBytes: 2_000 }, null, ['n', 'body']);
      const range = await whole(source);
      const [a, b] = [source.scan(range, null, signal), source.scan(range, null, signal)].map((scan) =>
        scan[Symbol.asyncIterator](),
      );
      const seen = { a: 0, b: 0 };
      for (;;) {
        const [one, other] = [await a?.next(), await b?.next()];
        seen.a += one?.done === true ? 0 : (one?.value.rows.length ?? 0);
        seen.b += other?.done === true ? 0 : (other?.value.rows.length ?? 0);
        if (one?.done === true && other?.done === true) break;
      }
      expect(seen).toEqual({ a: 40, b: 40 });
    });

    test('the row source finds rows by the values of their keys, in the order asked', async () => {
      await shard.query(
        "CREATE TABLE found (e ENUM('in','out') NOT NULL, b BINARY(2) NOT NULL, n INT, PRIMARY KEY (e, b))",
      );
      await shard.query("INSERT INTO found VALUES ('in', X'0100', 1), ('out', X'0100', 2), ('out', X'0200', 3)");
      const source = await openTable(shard, 'found', {});
      const keys = [
        ['out', '0x0200'],
        ['in', '9999'],
        ['in', '0100'],
      ];
      expect((await source.find(keys, signal)).map(numberOf)).toEqual(['3', '1']);
      await expect(source.find([['in', 'no hex']], signal)).rejects.toMatchObject({ code: 'E_USAGE' });
      await expect(source.find([['in']], signal)).rejects.toMatchObject({ code: 'E_USAGE' });
      const [row = []] = await source.find([['out', '0100']], signal);
      expect(source.describeKey(source.cursorOf(row))).toBe('e=2, b=0x0100');
      const any = async (...wanted: readonly string[][]): Promise<string | null> => {
        const found = await source.findAny(wanted, signal);
        return found === null ? null : numberOf(found);
      };
      const absent = Array.from({ length: 1_200 }, (_, i) => ['in', (i + 0x8000).toString(16)]);
      expect(await any()).toBeNull();
      expect(await any(...absent)).toBeNull();
      expect(await any(...absent, ['out', '0200'])).toBe('3');
      expect(await any(['out', '0100'], ...absent)).toBe('2');
      expect(await any(['nowhere', '0100'])).toBeNull();
      await expect(any(['in', 'no hex'])).rejects.toMatchObject({ code: 'E_USAGE' });
      const some = await openTable(shard, 'found', {}, 'n > 2');
      expect(await some.findAny([['in', '0100']], signal)).toBeNull();
      expect(await some.findAny(keys, signal)).not.toBeNull();
    });

    test('the row source finds rows by ENUM and SET labels that MySQL takes to be equal, or prints alike', async () => {
      await shard.query("SET SESSION sql_mode = ''");
      await shard.query(
        "CREATE TABLE labelled (e ENUM('e','é','z','') COLLATE utf8mb4_general_ci NOT NULL, s SET('','b','B') COLLATE utf8mb4_general_ci NOT NULL, n INT, PRIMARY KEY (e, s))",
      );
      const all = Array.from({ length: 5 * 8 }, (_, n) => [Math.floor(n / 8), n % 8, n]);
      await shard.query(`INSERT INTO labelled VALUES ${all.map((row) => `(${row.join()})`).join()}`);
      const printed = await shard.query('SELECT e, s, n FROM labelled');
      const source = await openTable(shard, 'labelled', {});
      for (const { e, s } of printed) {
        const alike = printed.filter((row) => row['e'] === e && row['s'] === s).map((row) => String(row['n']));
        const found = (await source.find([[String(e), String(s)]], signal)).map(numberOf);
        expect([...found].sort()).toEqual(alike.sort());
      }
      // Equal to the label e, but none.
      expect(await source.find([['E', 'b']], signal)).toEqual([]);
      const rows = rowsOf(await collect(source.scan(await whole(source), null, signal)));
      expect(rows.map(numberOf)).toEqual(all.map(([, , n]) => String(n)));
      const cursors = rows.map((row) => source.cursorOf(row));
      expect((await source.at(cursors, signal)).map((row) => row && numberOf(row))).toEqual(rows.map(numberOf));
      for (const cursor of cursors) await source.confirm([cursor, cursor], signal);
      await shard.query('DELETE FROM labelled WHERE n = 9');
      const gone = cursors.slice(9, 10);
      expect(await source.at(gone, signal)).toEqual([null]);
      await expect(source.confirm([...gone, ...gone], signal)).rejects.toMatchObject({ code: 'E_SOURCE_CHANGED' });
    });

    test('the row source returns the rows at cursors in the order asked, and null for deleted rows', async () => {
      await shard.query('CREATE TABLE placed (k VARCHAR(9) PRIMARY KEY, n INT)');
      await shard.query(
        `INSERT INTO placed VALUES ${Array.from({ length: 250 }, (_, i) => `('k${i}', ${i})`).join()}, ('abc', 999)`,
      );
      const source = await openTable(shard, 'placed', {});
      const rows = await source.sample(251, signal);
      const cursors = [...rows].reverse().map((row) => source.cursorOf(row));
      await shard.query("DELETE FROM placed WHERE k IN ('k7', 'k249')");
      await shard.query("UPDATE placed SET k = 'ABC' WHERE k = 'abc'");
      const again = await source.at(cursors, signal);
      const expected = [...rows].reverse().map(numberOf);
      expect(again.map((row) => (row === null ? null : numberOf(row)))).toEqual(
        expected.map((n) => (n === '7' || n === '249' ? null : n)),
      );
      expect(await source.at([], signal)).toEqual([]);
    });

    test('the row source finds a row that meets both a given condition and the condition of the table', async () => {
      await shard.query('CREATE TABLE matched (k INT PRIMARY KEY, n INT)');
      await shard.query('INSERT INTO matched VALUES (1, 10), (2, 20), (3, 30)');
      const source = await openTable(shard, 'matched', {}, 'n > 10');
      expect((await source.matching('k = 3 OR k = 1 -- a comment', signal))?.[0]).toBe('30');
      expect(await source.matching('k = 1', signal)).toBeNull();
      await expect(source.matching('no_column = 1', signal)).rejects.toMatchObject({ code: 'E_SOURCE_QUERY' });
    });

    test('the row source samples rows from all over the table', async () => {
      await shard.query('CREATE TABLE spread (k INT PRIMARY KEY, n INT)');
      await shard.query(
        `INSERT INTO spread VALUES ${Array.from({ length: 5_000 }, (_, i) => `(${i * 7}, ${i})`).join()}`,
      );
      const source = await openTable(shard, 'spread', {});
      const numbers = (await source.sample(10, signal)).map((row) => Number(numberOf(row)));
      expect(new Set(numbers).size).toBe(10);
      expect(Math.min(...numbers)).toBe(0);
      expect(Math.max(...numbers)).toBeGreaterThan(3_500);
      expect(await source.sample(3, signal)).toHaveLength(3);
    });

    test('the row source applies its condition to scans, samples and look-ups', async () => {
      await shard.query('CREATE TABLE some (k INT PRIMARY KEY, n INT)');
      await shard.query(`INSERT INTO some VALUES ${Array.from({ length: 1_000 }, (_, i) => `(${i}, ${i})`).join()}`);
      const where = 'n % 100 = 7 OR n = 999 -- a comment';
      const wanted = ['7', '107', '207', '307', '407', '507', '607', '707', '807', '907', '999'];
      for (const chunkRows of [1, 10, 5_000]) {
        const source = await openTable(shard, 'some', { chunkRows }, where);
        const chunks = await collect(source.scan(await whole(source), null, signal));
        expect(rowsOf(chunks).map(numberOf)).toEqual(wanted);
        expect(chunks.every(({ rows }) => rows.length > 0)).toBe(true);
        expect((await source.find([['8'], ['107']], signal)).map(numberOf)).toEqual(['107']);
        expect((await source.sample(500, signal)).map(numberOf)).toEqual(wanted);
      }
    });

    test('the row source applies its condition to rows that it reads again, also where they met it before', async () => {
      await shard.query('CREATE TABLE again (k INT PRIMARY KEY, n INT, open BOOL)');
      await shard.query(`INSERT INTO again VALUES ${Array.from({ length: 200 }, (_, i) => `(${i}, ${i}, 1)`).join()}`);
      const source = await openTable(shard, 'again', {}, 'open -- a comment');
      const rows = rowsOf(await collect(source.scan(await whole(source), null, signal)));
      await shard.query('UPDATE again SET open = 0 WHERE k % 3 = 1');
      const expected = rows.map((row) => (Number(numberOf(row)) % 3 === 1 ? null : row));
      const cursors = rows.map((row) => source.cursorOf(row));
      expect(await source.at(cursors, signal)).toEqual(expected);
      // One alone is asked for in a way of its own.
      expect(await source.at(cursors.slice(1, 2), signal)).toEqual([null]);
      // The table was not replaced: its rows are there, though none of these still meets the condition.
      await source.confirm(
        cursors.filter((_, i) => expected[i] === null),
        signal,
      );
    });
  });
}

/** Opens a table for column `n` alone by default. The cells of the key must come all the same. */
async function openTable(
  shard: ShardContext,
  name: string,
  limits: Partial<SourceLimits>,
  where: string | null = null,
  columns: readonly string[] = ['n'],
): Promise<RowSource> {
  const source = shard.open(limits);
  onTestFinished(() => source.close());
  const table = await source.describe(name, signal);
  return source.open({ table, key: shard.primaryKey(table), columns, where });
}

async function whole(source: RowSource): Promise<Range> {
  const [range] = await source.planRanges(1, signal);
  if (range === undefined) throw new Error('no range');
  return range;
}

export async function collect(scan: AsyncIterable<RowChunk>): Promise<RowChunk[]> {
  const chunks: RowChunk[] = [];
  for await (const chunk of scan) chunks.push(chunk);
  return chunks;
}

async function first(scan: AsyncIterable<RowChunk>): Promise<RowChunk | null> {
  for await (const chunk of scan) return chunk;
  return null;
}

export function rowsOf(chunks: readonly RowChunk[]): readonly Row[] {
  return chunks.flatMap(({ rows }) => [...rows]);
}

export function numberOf(row: Row): string {
  return String(row[0]);
}
