/** Item keys at the bytes where DynamoDB draws the line (2,048 and 1,024, UTF-8): both sides of it, end to end. */
import { describe, expect, it } from 'vitest';
import { createMigration, serverPairs } from '../../support/migration.js';

/** By name: the partition key's and the sort key's text, of which `é` takes two bytes and the emoji four. */
const ROWS: Readonly<Record<string, readonly [partition: string, sort: string]>> = {
  longest: ['p'.repeat(2_048), 's'.repeat(1_024)],
  wide: ['é'.repeat(1_024), '😀'.repeat(256)],
  partition: ['p'.repeat(2_049), 's'],
  'wide partition': [`${'é'.repeat(1_024)}p`, 's'],
  sort: ['p', 's'.repeat(1_025)],
  'wide sort': ['p', `${'😀'.repeat(256)}s`],
};
const FITTING = ['longest', 'wide'];

describe.each(serverPairs)('key lengths: $name', { timeout: 120_000 }, (servers) => {
  it('a backfill moves item keys of the greatest length, and reports a key of one byte more as a bad row', async () => {
    await using migration = await createMigration({
      servers,
      rows: () => [
        'CREATE TABLE notes (id VARCHAR(20) PRIMARY KEY, p TEXT NOT NULL, s TEXT NOT NULL) CHARACTER SET utf8mb4',
        `INSERT INTO notes VALUES ${Object.entries(ROWS)
          .map(([id, texts]) => `('${id}', ${texts.map((text) => `'${text}'`).join()})`)
          .join()}`,
      ],
      config: (config) => {
        config.source.table = { name: 'notes', wholeTable: { maxRows: 10 } };
        const keys = { partitionKey: { name: 'pk', template: '{p}' }, sortKey: { name: 'sk', template: '{s}' } };
        config.mapping = { notes: { items: [{ ...keys, attributes: { columns: ['id'] } }] } };
      },
    });
    const backfill = await migration.run(['backfill', '--max-bad-rows', '4', '--json']);
    expect(backfill.code).toBe(1);
    const [{ findings } = { findings: { badRows: [] } }] = (
      JSON.parse(backfill.stdout) as { shards: { findings: { badRows: { row: string; reason: string }[] } }[] }
    ).shards;
    // Rows of a table that is read whole have a number, and no key: they are read in the order of their ids.
    expect(findings.badRows.map(({ row, reason }) => [row, reason])).toEqual([
      ['#1', 'a partition key of more than the 2048 bytes of DynamoDB'],
      ['#2', 'a sort key of more than the 1024 bytes of DynamoDB'],
      ['#3', 'a partition key of more than the 2048 bytes of DynamoDB'],
      ['#4', 'a sort key of more than the 1024 bytes of DynamoDB'],
    ]);
    const items = await migration.items();
    expect(items.map((item) => [item['id']?.S, item['pk']?.S, item['sk']?.S]).sort()).toEqual(
      FITTING.map((id) => [id, ...(ROWS[id] ?? [])]),
    );
    // All rows but the bad ones are equal.
    expect((await migration.run(['verify'])).stdout).toMatch(/NOT verified: 4 bad rows left behind/);
  });
});
