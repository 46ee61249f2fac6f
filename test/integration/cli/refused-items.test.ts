/**
 * Items that the target refuses though they could be mapped: rows of them are bad rows, named with what DynamoDB found,
 * and everything else is moved. An index refuses a number where its key is a text, which nothing but the table knows.
 */
import { describe, expect, test } from 'vitest';
import { startFaultProxy } from '../../support/fault-proxy.js';
import { createMigration, KEYS, onePair } from '../../support/migration.js';
import { outcomesOf } from './bad-row-tables.js';

const ROWS = 60;
const REFUSED = [7, 40];
const SECRET = 'secret';

const people = [
  'CREATE TABLE people (id INT PRIMARY KEY, city VARCHAR(20) NOT NULL, code VARCHAR(20) NOT NULL)',
  `INSERT INTO people VALUES ${Array.from({ length: ROWS }, (_, index) => {
    const id = index + 1;
    return `(${id}, '${REFUSED.includes(id) ? '7' : '"Trondheim"'}', '${SECRET}-${id}')`;
  }).join(', ')}`,
];
const byCity = {
  ...KEYS,
  indexes: [{ name: 'by_city', partitionKey: { name: 'city', type: 'S' }, sortKey: null, projection: 'keys-only' }],
} as const;

describe.each(onePair)('items that the target refuses: $name', { timeout: 240_000 }, (servers) => {
  test('items that the target refuses are named and counted as bad rows, and a retry moves them once corrected', async () => {
    await using migration = await createMigration({
      servers,
      rows: () => people,
      table: byCity,
      config: (config) => {
        config.source.table = { name: 'people' };
        const keys = { partitionKey: { name: 'pk', template: 'P' }, sortKey: { name: 'sk', template: '{id:pad(10)}' } };
        // What a JSON text holds has the type that it has there.
        const attributes = { rules: { city: { type: 'JSON' } } };
        const lookup = { ...keys, partitionKey: { name: 'pk', template: 'L' }, attributes: { columns: ['id'] } };
        config.mapping = { people: { items: [{ ...keys, attributes }, lookup] } };
      },
    });
    const stopped = await migration.run(['backfill']);
    expect(stopped.code, stopped.stderr).toBe(1);
    expect(stopped.stderr).toMatch(/E_BAD_ROWS/);
    expect(stopped.stdout + stopped.stderr).not.toContain(SECRET);

    await using proxy = await startFaultProxy(servers.dynamodb.endpoint, () => ({ kind: 'pass' }));
    const through = { env: { AWS_ENDPOINT_URL_DYNAMODB: proxy.endpoint } };
    const allowed = await migration.run(['backfill', '--max-bad-rows', '2', '--json'], through);
    // What stands in no request with a refused item was taken, and nothing is paid for twice.
    const taken = proxy.requests.filter(({ entries }) => !entries.some((entry) => entry.includes('"city":{"N":')));
    const items = taken.flatMap(({ entries }) => entries);
    expect([items.length, new Set(items).size]).toEqual([2 * ROWS - 2, 2 * ROWS - 2]);
    expect(allowed.code, allowed.stderr).toBe(1);
    expect(outcomesOf(allowed)).toMatchObject([
      { status: 'differences', badRows: 2, counts: { rows: ROWS, items: 2 * (ROWS - 2), badRows: 2 } },
    ]);
    // Of the refused rows, the other item of each.
    expect(await migration.items()).toHaveLength(2 * ROWS - 2);
    const { stdout: list } = await migration.run(['bad-rows', '--shard', 's01']);
    const text = list.replace(/\s+/g, ' ');
    expect(text).toContain(
      'DynamoDB refused its item (ValidationException): an attribute is the key of an index, but has another type',
    );
    expect(text).toContain('1 other item of the row is in the target');

    const verified = await migration.run(['verify', '--json']);
    expect(outcomesOf(verified)).toMatchObject([{ status: 'differences', missing: 2, differing: 0 }]);

    const still = await migration.run(['backfill', '--retry-bad', '--json', '--max-bad-rows', '2']);
    expect(outcomesOf(still)).toMatchObject([{ retried: { rows: 2, moved: 0, gone: 0, stillBad: 2 } }]);
    await using throttling = await startFaultProxy(servers.dynamodb.endpoint, () => ({ kind: 'throttle' }));
    const waiting = await migration.spawn(['backfill', '--retry-bad'], {
      env: { AWS_ENDPOINT_URL_DYNAMODB: throttling.endpoint },
    });
    await expect.poll(() => throttling.requests.length).toBeGreaterThan(2);
    const begun = performance.now();
    waiting.killGroup('SIGINT');
    expect(await waiting.result).toMatchObject({ code: 130, signal: null });
    expect(performance.now() - begun).toBeLessThan(5_000);

    await migration.databases[0]?.query(`UPDATE people SET city = '"Bergen"' WHERE id = 7`);
    await migration.databases[0]?.query('DELETE FROM people WHERE id = 40');
    const retried = await migration.run(['backfill', '--retry-bad', '--json']);
    expect(outcomesOf(retried)).toMatchObject([{ badRows: 0, retried: { rows: 2, moved: 1, gone: 1, stillBad: 0 } }]);
    expect(retried.stderr).toContain(
      'gone from MySQL or have another key now; 1 of these items are still in the target',
    );
    expect(await migration.run(['verify'])).toMatchObject({ code: 0 });
  });
});
