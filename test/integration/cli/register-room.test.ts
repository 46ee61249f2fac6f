/** A record of item keys that no disk could hold refuses a backfill that begins, and no verification. */
import { describe, expect, it } from 'vitest';
import { createMigration, onePair } from '../../support/migration.js';
import { expectRefusal } from './refusal.js';

describe.each(onePair)('room for item keys: $name', { timeout: 120_000 }, (servers) => {
  it('dynaferry asks for disk space for item keys only where it will record them', async () => {
    await using migration = await createMigration({
      servers,
      rows: () => [
        'CREATE TABLE notes (a VARCHAR(9), b VARCHAR(9), PRIMARY KEY (a, b)) STATS_PERSISTENT=1, STATS_AUTO_RECALC=0',
        "INSERT INTO notes VALUES ('x', 'y'), ('y', 'x')",
      ],
      config: (config) => {
        config.source.table = { name: 'notes' };
        const keys = { partitionKey: { name: 'pk', template: '{a}{b}' }, sortKey: { name: 'sk', template: 'N' } };
        config.mapping = { notes: { items: [keys] } };
      },
    });
    expect(await migration.run(['backfill'])).toMatchObject({ code: 0 });
    await migration.databases[0]?.query('ANALYZE TABLE notes');
    await migration.databases[0]?.query(
      "UPDATE mysql.innodb_table_stats SET n_rows = 1e13 WHERE database_name = DATABASE() AND table_name = 'notes'",
    );
    // Only then does the server read its statistics again.
    await migration.databases[0]?.query('RENAME TABLE notes TO moved');
    await migration.databases[0]?.query('RENAME TABLE moved TO notes');
    expectRefusal(await migration.run(['backfill', '--dry-run']), {
      code: 'E_STATE_SPACE',
      exit: 3,
      fact: /the record of every item key would take about \d+ MiB$/,
      next: /larger disk/,
    });
    expect(await migration.run(['verify'])).toMatchObject({ code: 0 });
  });
});
