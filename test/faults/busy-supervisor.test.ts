/**
 * A supervisor that takes nothing for a while, as one does that is stopped, or that prints to a reader which stands
 * still: what a shard's process tells fills the pipe between them. The process has done its work by then, and its end
 * is heard all the same.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { readShardStatus, type TableStatus } from '../../src/state/status/read-status.js';
import { createMigration, onePair, type Migration } from '../support/migration.js';
import { lasting } from '../support/two-sources.js';

/** In chunks of five, each with some events: far more of those than a pipe takes. */
const ROWS = 2_500;
const CHUNK_ROWS = 5;

function backfillOf({ stateFolder }: Migration): TableStatus['backfill'] {
  return readShardStatus({ folder: stateFolder, shard: 's01' })?.tables[0]?.backfill ?? null;
}

describe.each(onePair)('a supervisor that was stopped, $name', { timeout: 120_000 }, (servers) => {
  test('a supervisor that was stopped while its shard ended hears of that end once it continues', async () => {
    await using migration = await createMigration({ servers, rows: ROWS });
    migration.configure(lasting(4, 2 * ROWS));
    migration.configure(({ source }) => void Object.assign(source.limits, { chunkRows: CHUNK_ROWS }));
    await using cli = await migration.spawn(['backfill', '--all-events']);
    await expect.poll(() => backfillOf(migration)?.counts.rows ?? 0, { timeout: 60_000 }).toBeGreaterThan(0);
    cli.kill('SIGSTOP');
    await expect.poll(() => backfillOf(migration)?.pass.finishedAt ?? null, { timeout: 60_000 }).not.toBeNull();
    // For a process that would not wait: long enough to be gone.
    await sleep(1_000);
    cli.kill('SIGCONT');
    const ended = await cli.result;
    expect(ended, ended.stdout).toMatchObject({ code: 0 });
    expect(ended.stdout).toMatch(/"status": "done"/);
    expect(await migration.items()).toHaveLength(2 * ROWS);
  });

  test('a supervisor that was stopped prints what its shard emitted meanwhile with the times of the shard and one run id', async () => {
    await using migration = await createMigration({ servers, rows: ROWS });
    migration.configure(lasting(8, 2 * ROWS));
    await using cli = await migration.spawn(['backfill', '--json']);
    await cli.waitFor(/"event":"shard.progress"/);
    const stoppedAt = Date.now();
    cli.kill('SIGSTOP');
    await sleep(3_000);
    const goesOnAt = Date.now();
    cli.kill('SIGCONT');
    expect(await cli.result).toMatchObject({ code: 0 });
    const events = cli.stderr
      .split('\n')
      .filter((line) => line.startsWith('{"time"'))
      .map((line) => JSON.parse(line) as { readonly time: string; readonly run: string; readonly event: string });
    const meanwhile = events.filter(({ time }) => {
      const at = Date.parse(time);
      return at > stoppedAt + 200 && at < goesOnAt - 200;
    });
    // It says once a second how far it is.
    expect(meanwhile.map(({ event }) => event)).toContain('shard.progress');
    expect(new Set(events.map(({ run }) => run)).size).toBe(1);
  });
});
