/**
 * Nothing stands still for ever: where nothing moves, whatever the reason, the shard says so and ends with E_STALLED,
 * its checkpoint saved; the others go on, and a resume goes on.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import type { Fault } from '../../src/core/errors.js';
import { readShardStatus } from '../../src/state/status/read-status.js';
import { createMigration, onePair, type Migration } from '../support/migration.js';
import { startMysqlProxy } from '../support/mysql-proxy.js';
import { lasting, notesConfig, quickly } from '../support/two-sources.js';

/** Minutes in which nothing moves are over in seconds. */
const HURRIED = { NODE_OPTIONS: `--import=${new URL('scripts/hurried-worker.js', import.meta.url).href}` };

const committed = ({ stateFolder }: Migration): number =>
  readShardStatus({ folder: stateFolder, shard: 's01' })?.tables[0]?.backfill?.counts.rows ?? 0;

async function until(condition: () => boolean, what: string, ms = 60_000): Promise<void> {
  const end = Date.now() + ms;
  while (!condition()) {
    await sleep(50);
    if (Date.now() > end) throw new Error(`it did not come to that within ${ms} ms: ${what}`);
  }
}

const notes = (shard: number, rows: number, bytes: number): readonly string[] => [
  'CREATE TABLE notes (account VARCHAR(8) NOT NULL, id INT NOT NULL, body TEXT, PRIMARY KEY (account, id))',
  ...Array.from({ length: Math.ceil(rows / 1_000) }, (_, part) => {
    const ids = Array.from({ length: Math.min(1_000, rows - part * 1_000) }, (_, i) => part * 1_000 + i);
    return `INSERT INTO notes VALUES ${ids.map((id) => `('a${shard}', ${id}, REPEAT('x', ${bytes}))`).join()}`;
  }),
];

describe.each(onePair)('a shard that stands still, $name', { timeout: 300_000 }, (servers) => {
  test('a shard that stands still reports that and ends with its checkpoint saved; the other is done, and a resume completes it', async () => {
    const ROWS = 3_000;
    await using proxy = await startMysqlProxy(servers.mysql);
    await using migration = await createMigration({
      servers,
      shards: 2,
      rows: (shard) => notes(shard, ROWS, 100),
      config: notesConfig,
    });
    migration.configure(({ source }) => {
      Object.assign(source.shards[0] ?? {}, { port: proxy.port });
      // Two seconds, in a hurry.
      Object.assign(source.limits, { statementIdleTimeoutSeconds: 60, retryTimeoutSeconds: 1 });
    });
    migration.configure(lasting(10, 2 * ROWS));
    migration.configure(({ target }) => void Object.assign(target, { retryTimeoutSeconds: 5 }));
    await using cli = await migration.spawn(['backfill', '--all', '--jobs', '2', '--json'], { env: HURRIED });
    await until(() => committed(migration) > 100, 'rows are committed');
    // A byte now and then: never silent, and never a row. No limit of a statement or of a connection sees anything in
    // it.
    proxy.dribble(700);
    await cli.waitFor(/"event":"shard\.stalled","shard":"s01","last":"[^"]+","seconds":60/, 60_000);
    const ended = await cli.result;
    expect(ended).toMatchObject({ code: 6 });
    expect(ended.stderr + ended.stdout).toMatch(
      /E_STALLED.*shard s01: no progress for 226 s; the last progress was .*run the same command again to resume/,
    );
    expect(ended.stdout).toMatch(/"shard": "s02",\s+"status": "done"|"status": "done"[^{}]*"shard": "s02"/);
    const before = committed(migration);
    expect(before).toBeGreaterThan(100);
    expect(before).toBeLessThan(ROWS);

    proxy.dribble(null);
    migration.configure(quickly);
    expect(await migration.run(['backfill', '--all'])).toMatchObject({ code: 0 });
    expect(await migration.items()).toHaveLength(2 * ROWS);
  });

  test('a shard without budget, as a stopped run holds it, reports that and ends; a resume completes it', async () => {
    const ROWS = 600;
    await using migration = await createMigration({
      servers,
      shards: 2,
      rows: (shard) => notes(shard, ROWS, 100),
      config: notesConfig,
    });
    migration.configure(
      ({ source }) => void Object.assign(source.limits, { statementIdleTimeoutSeconds: 60, retryTimeoutSeconds: 1 }),
    );
    migration.configure(({ target }) => void Object.assign(target, { retryTimeoutSeconds: 5 }));
    migration.configure(lasting(8, ROWS));
    await using first = await migration.spawn(['backfill', '--shard', 's01', '--json']);
    await until(() => committed(migration) > 10, 'rows are committed');
    first.killGroup('SIGSTOP');
    try {
      await using second = await migration.spawn(['backfill', '--shard', 's02', '--json'], { env: HURRIED });
      const ended = await second.result;
      expect(ended, ended.stderr).toMatchObject({ code: 6 });
      const waits = `waits for a part of the write budget of table [^ ]+, which the run of process ${first.pid} has`;
      expect(ended.stderr).toMatch(new RegExp(`"event":"shard.stalled","shard":"s02",.*"waitsFor":"${waits}"`));
      const { shards } = JSON.parse(ended.stdout) as { shards: readonly { readonly fault: Fault }[] };
      expect(shards[0]?.fault.code).toBe('E_STALLED');
      expect(shards[0]?.fault.message).toMatch(new RegExp(`^shard s02: no progress for \\d+ s; .*; it ${waits}$`));
      expect(shards[0]?.fault.hint).toMatch(/was stopped .*run the same command again to resume$/);
      expect(shards[0]?.fault.hint).not.toMatch(/MySQL|DynamoDB|network/);
    } finally {
      first.killGroup('SIGCONT');
    }
    expect(await first.result).toMatchObject({ code: 0 });
    migration.configure(quickly);
    expect(await migration.run(['backfill', '--all'])).toMatchObject({ code: 0 });
    expect(await migration.items()).toHaveLength(2 * ROWS);
  });
});
