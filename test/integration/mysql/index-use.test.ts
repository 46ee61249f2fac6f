/** A chunk touches its own rows and hardly one more, whatever the key: else a scan of a large table would never end. */
import { describe, expect, test } from 'vitest';
import type { Cursor } from '../../../src/core/model.js';
import { describeSourceTable } from '../../../src/mysql/describe.js';
import type { Select } from '../../../src/mysql/connection/sql.js';
import { RowSelect } from '../../../src/mysql/keyset/row-select.js';
import { chooseScanKey } from '../../../src/mysql/keyset/scan-key.js';
import { createDatabase, mysqlServers } from '../../support/mysql.js';
import { openSession } from './source.js';
import { fillTable, KEYED_TABLES, SEED } from '../../contract/row-source-tables.js';

const signal = new AbortController().signal;
const CHUNK = 25;
/** Entering the index, once for each part of the predicate, and the entry that shows the end. */
const ENTRIES = 8;

/**
 * Over the index alone, MySQL goes through an ENUM or SET entry by entry: a key of it alone has as many as the type has
 * values.
 */
const WALKED: ReadonlySet<string> = new Set(['enum alone', 'set alone, empty too']);

describe.each(mysqlServers)('$name', (server) => {
  test.each(KEYED_TABLES.filter(({ only }) => only?.test(server.name) ?? true))(
    `a chunk touches hardly more than its own rows: $name (seed ${SEED})`,
    async (kind) => {
      await using database = await createDatabase(server);
      await fillTable(database, kind, 't', 1_000);
      await using session = await openSession(database.shard());
      const { table } = await describeSourceTable(session, 's01', database.name, 't', signal);
      const select = new RowSelect({ table, key: chooseScanKey(table, null), columns: ['n'], where: null });
      const rows = await session.rows(select.rows({ after: null, upTo: null }, null), signal);
      const cursor = (share: number): Cursor => select.cursorOf(rows[Math.floor(share * (rows.length - 1))] ?? []);

      const touched = async (sql: Select): Promise<number> => {
        await session.rows('FLUSH STATUS', signal);
        // By itself: that there are no rows would be confirmed by a second statement.
        await session.hints(sql, signal);
        const status = await session.rows("SHOW SESSION STATUS LIKE 'Handler_read%'", signal);
        return status.reduce((sum, [, value]) => sum + Number(value), 0);
      };
      const walked = server.name.startsWith('mysql') && WALKED.has(kind.name);
      for (const share of [0, 0.3, 0.6, 0.9]) {
        const after = cursor(share);
        for (const upTo of [null, cursor(1), cursor(share + 0.1)]) {
          const most = CHUNK + ENTRIES;
          expect(await touched(select.rows({ after, upTo }, CHUNK))).toBeLessThanOrEqual(most);
          // Keys alone: the index covers them, which gives an optimizer other ideas.
          expect(await touched(select.keyAt({ after, upTo }, CHUNK - 1))).toBeLessThanOrEqual(
            walked ? rows.length : most,
          );
        }
        expect(await touched(select.rowsAt([after]))).toBeLessThanOrEqual(2);
        const most = walked ? rows.length : ENTRIES;
        // Other keys are not read backwards there; see server-family.ts.
        if (select.keyset.plain || session.family.readsBackwards === 'any key')
          expect(await touched(select.edgeKey('last', [select.keyset.before(after)]))).toBeLessThanOrEqual(most);
        expect(await touched(select.edgeKey('first', [select.keyset.after(after)]))).toBeLessThanOrEqual(most);
      }
    },
  );

  /** As the look whether two shards share a value does: through an index that begins with the column, unique or not. */
  test('one statement looks up hundreds of values with one index entry each, however many rows have them', async () => {
    await using database = await createDatabase(server);
    await using session = await openSession(database.shard());
    const types = {
      text: 'VARCHAR(34)',
      latin: 'VARCHAR(34) CHARACTER SET latin1',
      whole: 'BIGINT',
      fixed: 'DECIMAL(20,2)',
      bytes: 'BINARY(8)',
    };
    const valueOf = (type: string, n: number): string => {
      const digits = String(n).padStart(16, '0');
      if (type === 'bytes') return digits;
      return type === 'whole' || type === 'fixed' ? String(n) : `AC${digits}`;
    };
    for (const [type, definition] of Object.entries(types)) {
      await database.query(
        `CREATE TABLE ${type} (n INT AUTO_INCREMENT PRIMARY KEY, k ${definition} NOT NULL, KEY k (k))`,
      );
      const literal = (n: number): string => (type === 'bytes' ? `X'${valueOf(type, n)}'` : `'${valueOf(type, n)}'`);
      // Four accounts of 1,000 rows each.
      for (const account of [0, 1_000, 2_000, 3_000]) {
        await database.query(
          `INSERT INTO ${type} (k) VALUES ${Array.from({ length: 1_000 }, () => `(${literal(account)})`).join()}`,
        );
      }
      await database.query(`ANALYZE TABLE ${type}`);
      const { table } = await describeSourceTable(session, 's01', database.name, type, signal);
      const key = { name: 'k', parts: [{ column: 'k', descending: false }], nullable: false, prefix: false };
      const select = new RowSelect({ table, key, columns: ['k'], where: null });
      const wanted = (from: number): string[][] =>
        Array.from({ length: 500 }, (_, i) => [valueOf(type, from + 6 * i + 1)]);
      // As it asks: first whether there is any.
      const touched = async (ask: () => Promise<unknown>): Promise<number> => {
        await session.rows('FLUSH STATUS', signal);
        await ask();
        const status = await session.rows("SHOW SESSION STATUS LIKE 'Handler_read%'", signal);
        return status.reduce((sum, [, value]) => sum + Number(value), 0);
      };
      for (const keys of [wanted(0), [...wanted(0), [valueOf(type, 2_000)]]]) {
        const one = select.oneRowOf(keys);
        expect(await touched(() => session.hints(one, signal)), type).toBeLessThanOrEqual(500 + ENTRIES);
        expect(await touched(() => session.any(one, signal)), type).toBeLessThanOrEqual(500 + 2 * ENTRIES);
      }
    }
  });
});
