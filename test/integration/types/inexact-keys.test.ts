/**
 * A scan key that has no exact form in UTF-8 stops the scan: as a literal it would be another key, and rows would be
 * lost or repeated.
 */
import { describe, expect, it } from 'vitest';
import { createMigration, serverPairs } from '../../support/migration.js';

/** MySQL 8 stopped storing such text. */
const lenient = serverPairs.filter(({ mysql }) => !/^mysql-([89]|\d\d)\b/.test(mysql.name));

describe.each(lenient)('a key from $name', (servers) => {
  it.each([
    ['half a surrogate pair', 'utf8mb4', 'EDA080'],
    ['a byte beyond ASCII', 'ascii', '4180'],
  ])('a scan refuses a key that holds %s', async (_, charset, bytes) => {
    await using migration = await createMigration({
      servers,
      rows: () => [
        "SET SESSION sql_mode = ''",
        `CREATE TABLE t (id VARCHAR(20) CHARACTER SET ${charset} PRIMARY KEY)`,
        `INSERT INTO t VALUES ('a'), (_binary X'${bytes}')`,
      ],
      config: (config) => {
        config.source.table = { name: 't' };
        const keys = { partitionKey: { name: 'pk', template: '{id}' }, sortKey: { name: 'sk', template: 'row' } };
        config.mapping = { t: { items: [{ name: 't', ...keys }] } };
      },
    });
    const backfill = await migration.run(['backfill', '--max-bad-rows', '9']);
    expect(backfill.code).toBe(3);
    expect(backfill.stdout + backfill.stderr).toContain(
      'the id of a row has no exact form in UTF-8, so no scan can continue after it',
    );
    expect(await migration.items()).toEqual([]);
  });
});
