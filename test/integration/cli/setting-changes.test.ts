/**
 * Each setting of the config, changed in mid-migration: between an interrupted and a resumed backfill it does what the
 * list of `src/config/binding/setting-changes.ts` says; and shards that would overwrite each other for it are refused.
 */
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { PutItemCommand } from '@aws-sdk/client-dynamodb';
import Database from 'better-sqlite3';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { stringify } from 'yaml';
import { loadConfig } from '../../../src/config/load.js';
import { SETTING_CHANGES, type SettingPath } from '../../../src/config/binding/setting-changes.js';
import type { Finding } from '../../../src/core/errors.js';
import { EventBus } from '../../../src/core/event-bus.js';
import { askRestart } from '../../../src/state/restart-note.js';
import { preflight } from '../../../src/wiring/preflight/preflight.js';
import { openBudget, runShard } from '../../../src/wiring/run/run-shard.js';
import type { ShardOutcome } from '../../../src/wiring/run/shard-task.js';
import { taskOf } from '../../support/shard-task.js';
import { copyState } from '../../support/copied-state.js';
import { createTable, TEST_AWS_ENVIRONMENT } from '../../support/dynamodb.js';
import { leaveEarlierState } from '../../support/earlier-state.js';
import { createMigration, onePair, type ConfigDocument } from '../../support/migration.js';
import { alterations, BEFORE, noteConfig, noteTables, NOT_RUN } from '../../support/setting-alterations.js';
import { expectRefusal } from './refusal.js';

const ROWS = 60;
const SHARDS = ['s01', 's02'];
type Alter = (config: object) => void;

afterEach(() => void vi.unstubAllEnvs());

/** Committed ones, of all passes. */
function chunksIn(stateFolder: string): number {
  const database = new Database(join(stateFolder, 's01.db'), { readonly: true });
  try {
    return database.prepare<[], number>('SELECT count(*) FROM chunks').pluck().get() ?? 0;
  } finally {
    database.close();
  }
}

describe.each(onePair)('a setting that is changed before a backfill is resumed, $name', (servers) => {
  it('a setting changed before a resume does what the list of settings says', { timeout: 300_000 }, async () => {
    for (const [name, value] of Object.entries(TEST_AWS_ENVIRONMENT)) vi.stubEnv(name, value);
    vi.stubEnv('AWS_ENDPOINT_URL_DYNAMODB', servers.dynamodb.endpoint);
    await using migration = await createMigration({
      ...{ servers, shards: 2, rows: (shard: number) => noteTables(shard, ROWS), config: noteConfig },
    });
    const env = { ...process.env, MYSQL_PASSWORD: servers.mysql.password };
    const base = ((): ConfigDocument => {
      let document: ConfigDocument | undefined;
      migration.configure((config) => {
        document = structuredClone(config);
      });
      if (document === undefined) throw new Error('configure hands the config over');
      return document;
    })();
    const altered = (...steps: readonly (Alter | undefined)[]): ReturnType<typeof loadConfig> => {
      const document = structuredClone(base);
      for (const step of steps) step?.(document);
      const file = join(migration.folder, 'altered.yaml');
      writeFileSync(file, stringify(document));
      return loadConfig(file, env);
    };

    /** @param until stops after so many commits */
    const run = async (
      config: ReturnType<typeof loadConfig>,
      { restart = false, shard = 's01', until = Infinity } = {},
    ): Promise<ShardOutcome> => {
      const bus = new EventBus();
      const stop = new AbortController();
      let commits = 0;
      bus.on('watermark.advanced', () => {
        if (++commits >= until) stop.abort();
      });
      const task = taskOf('backfill', config.toSend(), { shard, restart });
      return await runShard(task, config, bus, openBudget(task.units), stop.signal);
    };

    /** What `check` says of the shard's own state. */
    const foretell = async (config: ReturnType<typeof loadConfig>, shard: string): Promise<readonly Finding[]> => {
      const looks = { createTable: false, target: true, restarting: [], firstWrite: null, bindings: true, jobs: 1 };
      const { findings } = await preflight(config, [shard], looks, AbortSignal.timeout(60_000));
      return findings.filter(
        ({ code, message }) => code === 'E_STATE_CHANGED' && message.startsWith(`shard ${shard} `),
      );
    };

    /** The state of an interrupted backfill with that config. */
    const interrupted = async (before: Alter | undefined, kept: string): Promise<void> => {
      const outcome = await run(altered(before), { until: 2 });
      expect(outcome, outcome.fault?.message).toMatchObject({ status: 'interrupted' });
      copyState(base.state, kept, SHARDS);
    };
    const plain = join(migration.folder, 'interrupted');
    await interrupted(undefined, plain);

    const ALTERATIONS = alterations(migration.databases[1]?.name ?? '');
    for (const path of Object.keys(SETTING_CHANGES) as SettingPath[]) {
      if (NOT_RUN.has(path)) continue;
      const setting = SETTING_CHANGES[path];
      const before = BEFORE[path];
      // The whole table is one chunk, so there is nothing to interrupt: its limits are seen by the fingerprint's test.
      if (path.startsWith('source.tables[].wholeTable.')) continue;
      rmSync(base.state, { recursive: true, force: true });
      if (before === undefined) copyState(plain, base.state, SHARDS);
      else await interrupted(before, join(migration.folder, `interrupted by ${path}`));
      const chunks = chunksIn(base.state);
      const config = altered(before, ALTERATIONS[path]);
      const shard = config.source.shards[0]?.id ?? '';
      const foretold = await foretell(config, shard);
      const outcome = await run(config, { shard });
      const what = `${path}: ${outcome.fault?.message ?? outcome.status}`;

      if (setting.change === 'free' || (setting.change === 'flag' && setting.entry === null)) {
        expect(outcome, what).toMatchObject({ status: 'done', counts: { rows: ROWS } });
        expect(foretold, what).toEqual([]);
        continue;
      }
      if (setting.change === 'elsewhere') {
        // A new shard meets the values of the one that it was; another folder knows nothing of them.
        if (path === 'state') expect(outcome, what).toMatchObject({ status: 'done', counts: { rows: ROWS } });
        else expect(outcome, what).toMatchObject({ fault: { code: 'E_SHARD_OVERLAP' }, counts: { rows: 0 } });
        continue;
      }
      if (path === 'target.endpoint' || path === 'target.table') {
        // There is nothing, or nobody.
        expect(outcome, what).toMatchObject({ status: 'failed' });
        continue;
      }
      expect(outcome, what).toMatchObject({ status: 'failed', fault: { code: 'E_STATE_CHANGED' } });
      expect(foretold, what).toEqual([{ ...outcome.fault, level: 'error', shards: [shard] }]);
      expect(outcome.fault?.hint, what).toContain('dynaferry backfill --restart --shard s01');
      expect(chunksIn(base.state), what).toBe(chunks);

      const keys = config.mapping[config.source.tables[0]?.name ?? '']?.items[0];
      await using fresh = await createTable(servers.dynamodb, {
        partitionKey: { name: keys?.partitionKey.name ?? 'pk', type: keys?.partitionKey.type ?? 'S' },
        sortKey: { name: keys?.sortKey?.name ?? 'sk', type: keys?.sortKey?.type ?? 'S' },
      });
      const { target } = config;
      askRestart(config.state, [shard]);
      // The emulator is of one region.
      const again = await run({ ...config, target: { ...target, table: fresh.name, region: null } }, { restart: true });
      expect(again, `${path}: ${again.fault?.message ?? ''}`).toMatchObject({
        status: 'done',
        counts: { rows: ROWS },
      });
    }

    rmSync(base.state, { recursive: true, force: true });
    copyState(plain, base.state, SHARDS);
    const longer = altered((config) =>
      Object.assign((config as ConfigDocument).target['version'] as object, { tombstoneRetention: '8d' }),
    );
    expect(await run(longer, { until: 1 })).toMatchObject({ status: 'interrupted' });
    // It was taken up: what was right before is shorter now.
    expect(await run(altered())).toMatchObject({ fault: { code: 'E_STATE_CHANGED' } });
    expect(await run(longer)).toMatchObject({ status: 'done' });
  });
});

/** By account and organisation: rows of both shards have the account 7. */
const rows = (shard: number): readonly string[] => [
  'CREATE TABLE events (acct INT NOT NULL, org INT NOT NULL, id INT NOT NULL, PRIMARY KEY (acct, id))',
  `INSERT INTO events VALUES ${Array.from({ length: 20 }, (_, id) => `(${id === 7 ? 7 : 100 * (shard + 1) + id}, ${shard}, ${id})`).join()}`,
];

const events =
  (shardedBy: string): Alter =>
  (config) => {
    const { source } = config as ConfigDocument;
    source.table = { name: 'events', shardedBy, globallyUnique: ['acct'] };
    const keys = {
      partitionKey: { name: 'pk', template: '{acct:pad(10)}' },
      sortKey: { name: 'sk', template: '{id:pad(10)}' },
    };
    Object.assign(config, { mapping: { events: { items: [keys] } } });
  };

describe.each(onePair)('two shards, $name', { timeout: 120_000 }, (servers) => {
  it('a shard that would be sharded by another column than the first is refused, and overwrites nothing', async () => {
    await using migration = await createMigration({ servers, shards: 2, rows, config: events('acct') });
    // The sampling of `check` may find the account on both; that is another guard.
    await migration.databases[1]?.query('UPDATE events SET acct = 207 WHERE id = 7');
    expect(await migration.run(['backfill', '--shard', 's01'])).toMatchObject({ code: 0 });
    await migration.databases[1]?.query('UPDATE events SET acct = 7 WHERE id = 7');
    migration.configure(events('org'));
    const before = await migration.items();
    const refusal = {
      code: 'E_STATE_CHANGED',
      exit: 6,
      fact: /shard s01 was started with other settings than the config now has for shard s02(.|\n)*declared\.events\.shardedBy: acct → org/,
      next: /put the former settings back, or start these shards again in one run: dynaferry backfill --restart --shard s01 s02$/,
    } as const;
    const refused = await migration.run(['backfill', '--shard', 's02']);
    expect(`${refused.stdout}${refused.stderr}`).toMatch(refusal.fact);
    expect(`${refused.stdout}${refused.stderr}`).toMatch(
      /start these shards again in one run: dynaferry backfill --restart --shard s01 s02$/m,
    );
    expect(refused.code).not.toBe(0);
    expect(await migration.items()).toEqual(before);
    // A shard that left the config is of the migration as long as its state is there.
    migration.configure(({ source }) => source.shards.shift());
    const alone = await migration.run(['backfill', '--shard', 's02']);
    expectRefusal(alone, { ...refusal, next: /add shard s01 to the config/ });
    expect(await migration.items()).toEqual(before);
    // So is one whose state file nobody has brought up yet.
    leaveEarlierState(migration.stateFolder, 's01');
    expectRefusal(await migration.run(['backfill', '--shard', 's02']), { ...refusal, next: /add shard s01/ });
    expect(await migration.items()).toEqual(before);
  });

  it('a shard without a live writer is refused where the first shard was moved beside one, and overwrites nothing', async () => {
    const counted = (shard: number): readonly string[] => noteTables(shard, ROWS);
    await using migration = await createMigration({ servers, shards: 2, rows: counted, config: noteConfig });
    expect(await migration.run(['backfill', '--shard', 's01'])).toMatchObject({ code: 0 });
    const [first] = await migration.items();
    const newer = { ...first, ver: { N: '9' } };
    await migration.table.client.send(new PutItemCommand({ TableName: migration.table.name, Item: newer }));
    migration.configure(alterations('')['target.liveWriter']);
    for (const command of ['check', 'backfill', 'verify'])
      expectRefusal(await migration.run([command, '--shard', 's01']), {
        code: 'E_STATE_CHANGED',
        exit: 6,
        fact: /writer\.liveWriter: concurrent → none/,
        next: /--restart --shard s01`$/,
      });
    expectRefusal(await migration.run(['backfill', '--shard', 's02']), {
      code: 'E_STATE_CHANGED',
      exit: 6,
      fact: /shard s01 was started(.|\n)*writer\.liveWriter: concurrent → none/,
      next: /--restart --shard s01 s02$/,
    });
    expect((await migration.items())[0]).toEqual(newer);
  });

  it('a shard whose state is of a version that bound less is accepted, and bound from then on', async () => {
    const counted = (shard: number): readonly string[] => noteTables(shard, ROWS);
    await using migration = await createMigration({ servers, shards: 2, rows: counted, config: noteConfig });
    expect(await migration.run(['backfill', '--shard', 's01'])).toMatchObject({ code: 0 });
    const database = new Database(join(migration.stateFolder, 's01.db'));
    const stored = JSON.parse(
      database.prepare<[], string>('SELECT fingerprint FROM meta').pluck().get() ?? '',
    ) as Record<string, unknown>;
    const { declared, writer, ...less } = stored;
    expect([declared, writer]).toEqual([
      { notes: { shardedBy: 'account', globallyUnique: ['id'] } },
      { liveWriter: 'concurrent', versionAttribute: 'ver', tombstoneRetentionSeconds: 7 * 86_400 },
    ]);
    database.prepare('UPDATE meta SET fingerprint = ?').run(JSON.stringify(less));
    database.close();
    expect(await migration.run(['backfill', '--shard', 's02'])).toMatchObject({ code: 0 });
    expect(await migration.run(['verify', '--shard', 's01'])).toMatchObject({ code: 0 });
    migration.configure(({ source }) => Object.assign(source.table ?? {}, { globallyUnique: ['uid', 'id'] }));
    expectRefusal(await migration.run(['verify', '--shard', 's01']), {
      code: 'E_STATE_CHANGED',
      exit: 6,
      fact: /declared\.notes\.globallyUnique/,
      next: /start these shards again in one run: `dynaferry backfill --restart --shard s01 s02`$/,
    });
  });
});
