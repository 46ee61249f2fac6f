/**
 * One shard that cannot be used when a run begins: it is left out and named, the others run as if they had been named
 * alone, and a run refuses where that would not be safe.
 */
import { once } from 'node:events';
import { copyFileSync, existsSync, renameSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { createMigration, onePair, type ConfigDocument, type Migration } from '../../support/migration.js';
import { expectRefusal } from './refusal.js';

const ROWS = 60;

/** A port that nothing listens on. */
async function unusedPort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  await once(server.close(), 'close');
  return port;
}

/** Makes the server of s01 unreachable. @returns brings it back */
async function kill(migration: Migration): Promise<() => void> {
  const dead = await unusedPort();
  let alive: unknown;
  migration.configure(({ source }) => {
    alive = source.shards[0]?.['port'];
    Object.assign(source.shards[0] ?? {}, { port: dead });
  });
  return () => migration.configure(({ source }) => void Object.assign(source.shards[0] ?? {}, { port: alive }));
}

interface Document {
  readonly shards: readonly {
    readonly shard: string;
    readonly status: string;
    readonly toldBy: string;
    readonly exitCode: number;
    readonly counts: { readonly rows: number };
    readonly fault: { readonly code: string; readonly message: string } | null;
  }[];
  readonly restartsLeft: readonly string[];
}

async function json(
  migration: Migration,
  args: readonly string[],
): Promise<Document & { readonly code: number | null }> {
  const { stdout, code } = await migration.run([...args, '--json']);
  return { ...(JSON.parse(stdout) as Document), code };
}

const DEAD = {
  ...{ shard: 's01', status: 'failed', toldBy: 'nobody', exitCode: 4 },
  fault: { code: 'E_SOURCE_CONNECT', message: expect.stringMatching(/^shard s01: .*ECONNREFUSED/) as string },
};

describe.each(onePair)('two shards of which one is dead at the start, $name', { timeout: 180_000 }, (servers) => {
  it('the other shard is moved, verified, planned and diffed; the report and the exit code tell of the dead one', async () => {
    await using migration = await createMigration({ servers, shards: 2, rows: ROWS });
    const revive = await kill(migration);
    const moved = await migration.run(['backfill', '--all']);
    expect(moved).toMatchObject({ code: 4 });
    expect(moved.stdout).toMatch(/^s01 {2}not started$/m);
    expect(moved.stdout).toMatch(/^s02 {2}done: 60 rows/m);
    expect(moved.stderr).toMatch(/^error s01 E_SOURCE_CONNECT: shard s01: .*\n {2}next: /m);
    expect(await migration.items()).toHaveLength(2 * ROWS);
    expect(existsSync(join(migration.stateFolder, 's01.db'))).toBe(false);

    expect(await json(migration, ['verify', '--all'])).toMatchObject({
      code: 4,
      shards: [DEAD, { shard: 's02', status: 'done', counts: { rows: ROWS }, fault: null }],
    });
    for (const command of ['plan', 'diff']) {
      const looked = await migration.run([command, '--all']);
      expect(looked, looked.stderr).toMatchObject({ code: 4 });
      expect(looked.stdout).toMatch(/^s02 {1,2}messages/m);
      expect(looked.stderr).toMatch(/^error s01 E_SOURCE_CONNECT: /m);
    }
    const dry = await json(migration, ['backfill', '--all', '--dry-run']);
    expect(dry).toMatchObject({ code: 4, shards: [DEAD, { shard: 's02', status: 'done', counts: { rows: ROWS } }] });

    revive();
    const resumed = await json(migration, ['backfill', '--all']);
    expect(resumed).toMatchObject({
      code: 0,
      shards: [{ status: 'done', counts: { rows: ROWS } }, { status: 'done' }],
    });
    expect(await migration.items()).toHaveLength(4 * ROWS);
    expect(await migration.run(['verify', '--all'])).toMatchObject({ code: 0 });
  });

  it('a run refuses as before where each chosen shard is at fault', async () => {
    await using migration = await createMigration({ servers, shards: 2, rows: ROWS });
    await kill(migration);
    const refusal = { code: 'E_SOURCE_CONNECT', exit: 4, fact: /^shard s01: /, next: /host and port/ } as const;
    const alone = await migration.run(['backfill', '--shard', 's01']);
    expectRefusal(alone, refusal);
    expect(alone.stderr).toMatch(/^error E_SOURCE_CONNECT: /m);
    await migration.databases[1]?.query('DROP TABLE messages');
    const both = await migration.run(['backfill', '--all']);
    expect(both.stderr).toMatch(/^error E_PREFLIGHT: the preflight refuses the run: 2 faults$/m);
    expect(both).toMatchObject({ code: 3, stdout: '' });
    expect(await migration.items()).toEqual([]);
  });

  it('a shard with several faults, or with a copied state, is left out with all of them', async () => {
    await using migration = await createMigration({ servers, shards: 3, rows: ROWS });
    expect(await migration.run(['backfill', '--shard', 's01'])).toMatchObject({ code: 0 });
    const file = join(migration.stateFolder, 's01.db');
    copyFileSync(file, `${file}.copy`);
    renameSync(`${file}.copy`, file);
    await migration.databases[1]?.query('ALTER TABLE messages DROP PRIMARY KEY, DROP KEY messages_sid');
    const ran = await json(migration, ['backfill', '--all']);
    expect(ran.shards.map(({ shard, status, fault }) => [shard, status, fault?.code])).toEqual([
      ['s01', 'failed', 'E_STATE_COPIED'],
      ['s02', 'failed', 'E_PREFLIGHT'],
      ['s03', 'done', undefined],
    ]);
    expect(ran.shards[1]?.fault?.message).toMatch(/E_TABLE_NO_KEY: (.|\n)*E_ITEM_KEY_NOT_UNIQUE: /);
    expect(ran.code).toBe(6);
  });

  it('a restart of all shards starts the dead one again once it is back', async () => {
    await using migration = await createMigration({ servers, shards: 2, rows: ROWS });
    expect(await migration.run(['backfill', '--all'])).toMatchObject({ code: 0 });
    const revive = await kill(migration);
    const restarted = await json(migration, ['backfill', '--all', '--restart']);
    expect(restarted).toMatchObject({
      code: 4,
      restartsLeft: ['s01'],
      shards: [{ ...DEAD, counts: { rows: 0 } }, { status: 'done' }],
    });
    revive();
    const resumed = await migration.run(['backfill', '--all']);
    expect(resumed).toMatchObject({ code: 0 });
    expect(resumed.stdout).toMatch(/^s01 {2}done: 60 rows/m);
    expect(resumed.stdout).toMatch(/^s02 {2}was done already/m);
  });

  it('a restart under other settings is refused while a shard that must start again with the others is dead', async () => {
    await using migration = await createMigration({ servers, shards: 2, rows: ROWS });
    expect(await migration.run(['backfill', '--all'])).toMatchObject({ code: 0 });
    const items = await migration.items();
    migration.configure(({ source }) => void Object.assign(source.table ?? {}, { globallyUnique: [] }));
    const revive = await kill(migration);
    const refused = await migration.run(['backfill', '--all', '--restart']);
    expectRefusal(
      { ...refused, code: 6 },
      {
        code: 'E_STATE_CHANGED',
        exit: 6,
        fact: /shard s01 was started with other settings than the config now has for shard s02/,
        next: /^this run cannot start shard s01 again, as listed: correct that first/,
      },
    );
    expect(refused.stderr).toMatch(/E_SOURCE_CONNECT: shard s01: /);
    expect(refused.code).toBe(3);
    expect(await migration.items()).toEqual(items);
    revive();
    expect(await migration.run(['backfill', '--all', '--restart'])).toMatchObject({ code: 0 });
  });

  it('a row is explained from the shard that has it, though the one before it is dead', async () => {
    await using migration = await createMigration({ servers, shards: 2, rows: ROWS });
    await kill(migration);
    const explained = await migration.run(['diff', '--all', '--explain']);
    expect(explained).toMatchObject({ code: 0 });
    expect(explained.stdout).toMatch(/^s02 messages/m);
    expect(explained.stderr).toMatch(/^error s01 E_SOURCE_CONNECT: /m);
  });
});

describe.each(onePair)('what check looked at, $name', { timeout: 120_000 }, (servers) => {
  it('check says of what it did not reach that it was not looked at, and why', async () => {
    await using migration = await createMigration({ servers, shards: 2, rows: ROWS });
    expect(await migration.run(['backfill', '--all'])).toMatchObject({ code: 0 });
    await kill(migration);
    const nowhere = await unusedPort();
    migration.configure((config: ConfigDocument) => {
      config.target['endpoint'] = `http://127.0.0.1:${nowhere}`;
      config.target['retryTimeoutSeconds'] = 1;
    });
    const { stdout, code } = await migration.run(['check'], { env: { AWS_MAX_ATTEMPTS: '1' } });
    expect(code).not.toBe(0);
    const ok = stdout.split('\n').filter((line) => line.startsWith('ok '));
    expect(ok.filter((line) => !/^ok {4}(s02|state): /.test(line))).toEqual([]);
    for (const line of [
      's01: its server: not looked at: E_SOURCE_CONNECT',
      's01: the mapping of table messages: not looked at: E_SOURCE_CONNECT',
      'messages.account_sid: declared to be of one shard only; not looked at: shard s01 has other faults',
      's01: the settings that it started with: not looked at: E_SOURCE_CONNECT',
      's02: the settings that it started with: not looked at: the target was not looked at',
      'the settings of the shards beside each other: not looked at: the target was not looked at',
    ])
      expect(stdout).toContain(`\n-     ${line}\n`);
    expect(stdout).toMatch(/^- {5}target: table \S+: not looked at: E_TARGET_CONNECT$/m);
  });
});
