/**
 * A pass that is interrupted is not finished, also where its table is a single range, of which no cut is left to be
 * looked at.
 */
import { join } from 'node:path';
import { afterEach, expect, it, vi } from 'vitest';
import { loadConfig } from '../../../src/config/load.js';
import { EventBus } from '../../../src/core/event-bus.js';
import { openBudget, runShard } from '../../../src/wiring/run/run-shard.js';
import type { ShardOutcome, ShardTask } from '../../../src/wiring/run/shard-task.js';
import type { VerbName } from '../../../src/engine/verbs.js';
import { taskOf } from '../../support/shard-task.js';
import { TEST_AWS_ENVIRONMENT } from '../../support/dynamodb.js';
import { createMigration, onePair } from '../../support/migration.js';

const ROWS = 60;

afterEach(() => void vi.unstubAllEnvs());

it.each(onePair)('a backfill and a verification of one range resume where they stopped: $name', async (servers) => {
  for (const [name, value] of Object.entries(TEST_AWS_ENVIRONMENT)) vi.stubEnv(name, value);
  vi.stubEnv('AWS_ENDPOINT_URL_DYNAMODB', servers.dynamodb.endpoint);
  await using migration = await createMigration({
    servers,
    rows: () => [
      'CREATE TABLE notes (id INT PRIMARY KEY)',
      `INSERT INTO notes VALUES ${Array.from({ length: ROWS }, (_, id) => `(${id})`).join()}`,
    ],
    config: (config) => {
      const { source } = config;
      source.table = { name: 'notes' };
      source.limits = { chunkRows: 10, rangesPerTable: 1, scansPerServer: 1 };
      const keys = {
        partitionKey: { name: 'pk', template: 'N' },
        sortKey: { name: 'sk', template: '{id:pad(10)}' },
      };
      Object.assign(config, { mapping: { notes: { items: [keys] } } });
    },
  });
  const config = loadConfig(join(migration.folder, 'dynaferry.yaml'), {
    ...process.env,
    MYSQL_PASSWORD: servers.mysql.password,
  });

  /** @param until stops after so many commits */
  const run = async (verb: VerbName, until = Infinity): Promise<ShardOutcome> => {
    const bus = new EventBus();
    const stop = new AbortController();
    let commits = 0;
    bus.on('watermark.advanced', () => {
      if (++commits >= until) stop.abort();
    });
    const task = taskOf(verb, config.toSend()) as ShardTask;
    return await runShard(task, config, bus, openBudget(task.units), stop.signal);
  };

  for (const kind of ['backfill', 'verify'] as const) {
    const stopped = await run(kind, 2);
    expect(stopped, stopped.fault?.message).toMatchObject({ status: 'interrupted' });
    const done = await run(kind);
    expect(done, done.fault?.message).toMatchObject({ status: 'done', counts: { rows: ROWS } });
  }
  expect((await migration.items()).length).toBe(ROWS);
});
