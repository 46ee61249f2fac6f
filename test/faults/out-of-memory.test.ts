/**
 * A container that has no more memory: the kernel ends the process of a shard without a word to it, and the run says
 * why it is gone.
 */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { describe, expect, test } from 'vitest';
import { readShardStatus } from '../../src/state/status/read-status.js';
import { LAUNCHER } from '../support/cli.js';
import { endFirst, makeMemoryGroup } from '../support/memory-group.js';
import { createMigration, onePair } from '../support/migration.js';
import { lasting, quickly } from '../support/two-sources.js';

const ROWS = 300;
/** More than what both processes take. */
const BYTES = 400 * 2 ** 20;

describe.each(onePair)('a container under a backfill, $name', { timeout: 120_000 }, (servers) => {
  test('a shard whose process the kernel ends for memory reports that, and a resume completes it', async (context) => {
    const group = makeMemoryGroup(BYTES);
    if (group === null) return context.skip('no control group can be made here');
    await using _ = group;
    await using migration = await createMigration({ servers, rows: ROWS });
    migration.configure(lasting(30, 2 * ROWS));
    await using cli = await migration.spawn(['backfill'], {
      program: [...group.program, process.execPath, LAUNCHER],
    });
    const worker = (): number => readShardStatus({ folder: migration.stateFolder, shard: 's01' })?.heartbeat?.pid ?? 0;
    await expect.poll(worker, { timeout: 60_000 }).toBeGreaterThan(0);
    endFirst(worker());
    const [program = '', ...args] = group.fill;
    await promisify(execFile)(program, args);
    const ended = await cli.result;
    expect(ended, ended.stderr).toMatchObject({ code: 6, signal: null });
    expect(ended.stderr).toMatch(
      /^error s01 E_OUT_OF_MEMORY: the process of shard s01 ended by SIGKILL, while the kernel counted another process killed for lack of memory/m,
    );
    expect(ended.stderr).toMatch(/next: run fewer shards at once \(`--jobs`\)/);
    migration.configure(quickly);
    expect(await migration.run(['backfill'])).toMatchObject({ code: 0 });
    expect(await migration.items()).toHaveLength(2 * ROWS);
  });
});
