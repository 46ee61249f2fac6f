/**
 * An account that fills more ranges of a shard than scans run at once, with one partition key that takes far less than
 * the budget: it is slow alone. The other accounts, which come behind it in the scan's order, are not held up until it
 * is through.
 */
import { describe, expect, it } from 'vitest';
import { CapacityModel } from '../support/capacity/capacity-model.js';
import { seededRandom, startFaultProxy } from '../support/fault-proxy.js';
import { throttledBy } from '../support/fault-proxy/throttling.js';
import { createMigration, onePair, type ConfigDocument } from '../support/migration.js';

const HOT_ROWS = 9_000;
const COLD_ACCOUNTS = 150;
const COLD_ROWS = 20 * COLD_ACCOUNTS;
/** Units a second that one partition takes: two ranges of the hot account take more than a minute. */
const PARTITION_UNITS = 50;
const SCANS = 2;
/** Rows of ranges that have none of the hot account; those behind it in its last range do wait. */
const BEHIND = COLD_ROWS / 2;

const values = [
  ...Array.from({ length: HOT_ROWS }, (_, id) => `(0, ${id})`),
  ...Array.from({ length: COLD_ROWS }, (_, id) => `(${1 + (id % COLD_ACCOUNTS)}, ${id})`),
];
const rows = (): readonly string[] => [
  'CREATE TABLE events (account INT NOT NULL, id INT NOT NULL, PRIMARY KEY (account, id))',
  `INSERT INTO events VALUES ${values.join()}`,
  'ANALYZE TABLE events',
];

const config = (document: ConfigDocument): void => {
  document.source.table = { name: 'events', shardedBy: 'account' };
  Object.assign(document.source.limits, { scansPerServer: SCANS, rangesPerTable: 6 });
  document.target['writeCapacity'] = 1_000;
  document.mapping = {
    events: {
      items: [
        {
          name: 'event',
          partitionKey: { name: 'pk', template: '{account:pad(10)}' },
          sortKey: { name: 'sk', template: '{id:pad(10)}' },
        },
      ],
    },
  };
};

describe.each(onePair)('a hot account over several ranges: $name', { timeout: 120_000 }, (servers) => {
  it('a hot account that fills several ranges does not delay the other accounts of its shard', async () => {
    await using migration = await createMigration({ servers, rows, config });
    const written = { hot: 0, cold: 0 };
    const model = new CapacityModel({
      partitionKey: 'pk',
      sortKey: 'sk',
      billing: { kind: 'provisioned', writeUnits: 100_000 },
      savedSeconds: 1,
      partitions: 400,
      partitionUnits: PARTITION_UNITS,
    });
    const plan = throttledBy(model, seededRandom(1), ({ items, refused }) => {
      for (const [index, item] of items.entries()) {
        if (!refused.has(index)) written[item['pk']?.['S'] === '0000000000' ? 'hot' : 'cold'] += 1;
      }
    });
    await using proxy = await startFaultProxy(servers.dynamodb.endpoint, plan);
    await using cli = await migration.spawn(['backfill', '--all'], {
      env: { AWS_ENDPOINT_URL_DYNAMODB: proxy.endpoint },
    });
    const patience = Date.now() + 60_000;
    while (written.cold < BEHIND && Date.now() < patience) await new Promise((resolve) => setTimeout(resolve, 20));
    // Half of what a single range of it has.
    expect(written.cold).toBeGreaterThanOrEqual(BEHIND);
    expect(written.hot).toBeLessThan(1_000);
    cli.kill('SIGTERM');
    expect(await cli.result).toMatchObject({ code: 130 });
  });
});
