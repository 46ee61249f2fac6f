/**
 * A run goes by the config as it was when it began: what is saved meanwhile, half done perhaps, reaches no shard that
 * still waits.
 */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { createMigration, onePair } from '../../support/migration.js';

const ROWS = 200;

describe.each(onePair)('a config that is edited during a run, $name', { timeout: 60_000 }, (servers) => {
  test('an edit of the config during a run does not reach the shards that still wait', async () => {
    await using migration = await createMigration({ servers, shards: 2, rows: ROWS });
    // Slow enough that the second shard still waits.
    migration.configure(({ target }) => Object.assign(target, { writeCapacity: 150, maxInFlightRequests: 2 }));
    await using cli = await migration.spawn(['backfill', '--all', '--jobs', '1']);
    await cli.waitFor(/s01 backfilling/);
    expect(cli.stderr).not.toMatch(/s02 starts/);
    writeFileSync(join(migration.folder, 'dynaferry.yaml'), 'source: { shards: [');
    const ended = await cli.result;
    expect(ended, ended.stderr).toMatchObject({ code: 0 });
    expect(ended.stdout).toMatch(/^s02 {2}done: 200 rows/m);
    expect(await migration.items()).toHaveLength(4 * ROWS);
  });
});
