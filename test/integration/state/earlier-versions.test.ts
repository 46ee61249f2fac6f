/**
 * State files of every earlier version: brought up when they are opened to work on, nothing lost, and nothing taken for
 * more than it was.
 */
import Database from 'better-sqlite3';
import { copyFileSync, existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync } from 'node:fs';
import { uptime } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { BadRowCause } from '../../../src/core/model.js';
import type { StateStore } from '../../../src/core/ports/state-ports.js';
import { SYSTEM_CLOCKS } from '../../../src/state/home/clocks.js';
import { adoptState } from '../../../src/state/home/adopt.js';
import { openStateStore } from '../../../src/state/open.js';
import { lookAtBadRows, readBadColumns, readBadRow } from '../../../src/state/status/read-bad-rows.js';
import { readBinding } from '../../../src/state/status/read-binding.js';
import { readShardStatus } from '../../../src/state/status/read-status.js';
import { STATE } from '../../../src/state/sqlite/schema.js';
import { cursor, sampleChunk } from '../../contract/state-store-samples.js';
import { temporaryFolder } from '../../support/temporary.js';

const VERSIONS = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11];
const HOUR_MS = 3_600_000;
const TABLES = ['messages', 'calls', 'media'];
const FINGERPRINT = {
  target: { table: 'postflight', region: null },
  tables: { messages: { where: null, columns: { price: { columnType: 'decimal(10,5)' } } } },
};

/** A copy of the file of that version, in a state folder of its own. */
async function earlier(version: number) {
  const folder = await temporaryFolder();
  const file = join(folder.path, 's01.db');
  copyFileSync(new URL(`../../../fixtures/state/v${version}.db`, import.meta.url), file);
  return {
    at: { folder: folder.path, shard: 's01' },
    file,
    [Symbol.asyncDispose]: () => folder[Symbol.asyncDispose](),
  };
}

function edit(file: string, sql: string): void {
  const database = new Database(file);
  database.exec(sql);
  database.close();
}

/** As if this machine had written it since it was started last. */
function onThisBoot(file: string): void {
  const boot = process.platform === 'linux' ? readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim() : null;
  const database = new Database(file);
  if (database.prepare("SELECT 1 FROM pragma_table_info('meta') WHERE name = 'clock_at'").get() === undefined) {
    database.prepare('UPDATE meta SET boot = ?, booted_at = ?').run(boot, Date.now() - Math.round(uptime() * 1_000));
  } else {
    const clocks = SYSTEM_CLOCKS;
    database
      .prepare(
        'UPDATE meta SET boot = ?, clock_at = ?, clock_uptime = ?, clock_monotonic = ?, clock_wall = ?, clock_seen = NULL',
      )
      .run(
        clocks.run,
        ...[clocks.wall(), clocks.uptime(), clocks.monotonic(), clocks.wall()].map((now) => now - HOUR_MS),
      );
  }
  database.close();
}

/** As if all had happened later: its last commit then. */
function shiftTo(file: string, now: number): void {
  const database = new Database(file);
  const last = database.prepare('SELECT max(done_at) FROM chunks').pluck().get() as number;
  const by = now - last;
  database.exec(`
    UPDATE passes SET started_at = started_at + ${by}, finished_at = finished_at + ${by};
    UPDATE chunks SET done_at = done_at + ${by};
  `);
  const version = Number(database.pragma('user_version', { simple: true }));
  for (const name of version < 8 ? [] : ['oldest_at', 'oldest_steady', 'newest_at', 'newest_steady'])
    database.exec(`UPDATE pass_ranges SET ${name} = ${name} + ${by}`);
  database.close();
}

const opened = (at: { readonly folder: string; readonly shard: string }): StateStore =>
  openStateStore({ ...at, create: false });

/** All that a file holds, by table. */
function tablesOf(database: Database.Database): Readonly<Record<string, readonly unknown[]>> {
  const names = database
    .prepare<[], string>("SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name")
    .pluck();
  return Object.fromEntries(names.all().map((name) => [name, database.prepare(`SELECT * FROM "${name}"`).all()]));
}

test('fixtures/state has a state file of every earlier version', () => {
  expect(VERSIONS.length).toBe(STATE.migrations.length - 1);
});

// The first version recorded none of what a retry accepted.
test.each(VERSIONS.slice(1))('readBadColumns() reads columns with bad rows of state version %i', async (version) => {
  await using state = await earlier(version);
  const database = new Database(state.file);
  const had = database.prepare('SELECT DISTINCT table_name AS "table", column_name AS "column" FROM bad_rows').all();
  database.close();
  expect(had.length).toBeGreaterThan(0);
  expect(readBadColumns(state.at)).toEqual(expect.arrayContaining(had));
});

describe.each(VERSIONS)('a state file of version %i', (version) => {
  test('readShardStatus() names a state file of an earlier version, and does not upgrade it', async () => {
    await using state = await earlier(version);
    const database = new Database(state.file, { readonly: true });
    expect(database.pragma('user_version', { simple: true })).toBe(version);
    database.close();
    const status = readShardStatus(state.at, TABLES);
    expect(status?.fault).toMatchObject({ code: 'E_STATE_FOREIGN' });
    expect(status?.fault?.message).toContain(`state version ${version}`);
    expect(status?.fault?.hint).toContain('brings the file up to date');
    // That a row is not there is another answer.
    expect(() => readBadRow(state.at, 'messages', 1)).toThrow(
      expect.objectContaining({ code: 'E_STATE_FOREIGN' }) as Error,
    );
    // What it was begun with holds other shards to it all the same.
    expect(readBinding(state.at)).toEqual(FINGERPRINT);
  });

  test('a state file of an earlier version keeps all of its records when it is opened', async () => {
    await using state = await earlier(version);
    const store = opened(state.at);
    store.binding.bind(FINGERPRINT);
    const plans = TABLES.map((table) => store.plans.get(table));
    expect(plans.map((plan) => plan?.scanKey)).toEqual(['PRIMARY', 'by_sid', 'PRIMARY']);
    expect(plans.map((plan) => plan?.position)).toEqual([
      { file: 'binlog.000007', offset: 4_294_967_296, gtid: '3E11FA47-71CA-11E1-9E33-C80AA9429562:1-5' },
      null,
      { file: 'binlog.000007', offset: 4_294_967_396, gtid: null },
    ]);
    // Of a table that was read whole, the key's name was empty before version 12.
    if (version >= 11) expect(store.plans.get('settings')).toMatchObject({ scanKey: null, ranges: [{ index: 0 }] });
    expect(plans[1]?.ranges).toEqual([
      { index: 0, after: null, upTo: '["AC5","SM0"]', estimatedRows: 100 },
      { index: 1, after: '["AC5","SM0"]', upTo: '["AC9","SM9"]', estimatedRows: 250 },
    ]);
    const backfill = store.passes.summary('backfill', 'messages');
    const retried = version >= 2;
    const newer = (chunks: number): number => (version >= 5 ? chunks : 0);
    expect(backfill).toMatchObject({
      counts: {
        rows: 20,
        items: retried ? 42 : 40,
        badRows: retried ? 1 : 2,
        expiredRows: 4,
        newerItems: newer(retried ? 3 : 2),
        chunks: 2,
        units: retried ? 43.5 : 41,
      },
      rangesComplete: 2,
      ranges: 2,
      oldest: null,
      newest: null,
    });
    expect(backfill?.pass.finishedAt).toBeGreaterThan(0);
    const verify = store.passes.summary('verify', 'messages');
    expect(verify).toMatchObject({ counts: { chunks: 1, newerItems: newer(1) }, differing: 1, missing: 0 });
    if (verify === null) throw new Error('the verification is gone');
    expect(store.checkpoints.differences(verify.pass, 10)).toEqual([
      {
        class: 'differing',
        keyText: '{"pk":{"S":"AC1"},"sk":{"S":"1"}}',
        attributes: ['body', 'price'],
        cursor: '["AC1","SM5"]',
      },
    ]);
    // Version 1 knew of no retry, nor more of a bad row than this; what it did not record has a default that says so.
    const recorded = {
      column: 'price',
      reason: 'more than 38 significant digits',
      remedy: 'give the column the type S',
    };
    expect(store.badRows.list('messages')).toMatchObject(
      retried
        ? [{ ...recorded, kind: 'decimal(65,5)', key: 'account=AC1, sid=SM2', chunkRef: { segment: 0, chunk: 0 } }]
        : ['["AC1","SM1"]', '["AC1","SM2"]'].map((key) => ({
            ...recorded,
            kind: 'a value',
            key,
            chunk: null,
            chunkRef: null,
          })),
    );
    expect(store.ambiguousWrites.all().map(({ itemKey }) => itemKey)).toEqual(['{"pk":{"S":"AC2"},"sk":{"S":"7"}}']);
    expect(store.incidents.all()).toEqual(
      version >= 3 ? [{ kind: 'throttled', count: 3, firstAt: 1_763_847_000_000, lastAt: 1_763_847_000_123 }] : [],
    );
    // The process that had it last was killed in the midst of its writes; earlier versions do not say.
    expect(store.lateWrites.crashedAt() !== null).toBe(version >= 4);
    expect(store.binding.server()).toBe(version >= 6 ? 'mysql 3E11FA47-71CA-11E1-9E33-C80AA9429562' : null);
    expect(store.binding.acceptedChanges()).toEqual([]);
    store.close();

    expect(readBinding(state.at)).toEqual(FINGERPRINT);
    const look = lookAtBadRows(state.at, TABLES);
    const rows = version >= 2 ? 1 : 2;
    expect(look?.known).toMatchObject({ groups: [{ rows }], unfinished: [], fault: null });
    expect([...(look?.parts(10) ?? [])].flat()).toHaveLength(rows);
    look?.close();
  });

  test('an upgrade keeps the whole state file of the earlier version as a copy that only its owner may read', async () => {
    await using state = await earlier(version);
    edit(state.file, 'PRAGMA journal_mode = WAL');
    // What is in the -wal file alone belongs to it too.
    const writer = new Database(state.file);
    writer.pragma('wal_autocheckpoint = 0');
    writer.exec("UPDATE meta SET shard = 's01'; INSERT INTO suspects (key_text, since) VALUES ('newest', 1)");
    const before = tablesOf(writer);
    opened(state.at).close();
    writer.close();
    const copy = `${state.file}.v${version}`;
    expect(statSync(copy).mode & 0o777).toBe(0o600);
    const kept = new Database(copy, { readonly: true });
    expect(kept.pragma('user_version', { simple: true })).toBe(version);
    expect(kept.pragma('application_id', { simple: true })).toBe(STATE.applicationId);
    expect(tablesOf(kept)).toEqual(before);
    kept.close();
    expect(readdirSync(state.at.folder).filter((name) => name.includes('.new'))).toEqual([]);
    // Once it is up to date, it is opened without another copy.
    rmSync(copy);
    opened(state.at).close();
    expect(existsSync(copy)).toBe(false);
  });

  test('a state file of an earlier version that belongs to another shard is left as it is', async () => {
    await using state = await earlier(version);
    renameSync(state.file, join(state.at.folder, 's02.db'));
    const before = readFileSync(join(state.at.folder, 's02.db'));
    expect(() => opened({ ...state.at, shard: 's02' })).toThrow(
      expect.objectContaining({ code: 'E_STATE_FOREIGN' }) as Error,
    );
    expect(readFileSync(join(state.at.folder, 's02.db')).equals(before)).toBe(true);
    expect(readdirSync(state.at.folder).sort()).toEqual(['s02.db', 's02.lock']);
  });

  test('a state file of an earlier version is left as it is where its copy cannot be written', async () => {
    await using state = await earlier(version);
    mkdirSync(join(`${state.file}.v${version}`, 'in the way'), { recursive: true });
    expect(() => opened(state.at)).toThrow(expect.objectContaining({ code: 'E_STATE_IO' }) as Error);
    const database = new Database(state.file, { readonly: true });
    expect(database.pragma('user_version', { simple: true })).toBe(version);
    database.close();
  });

  test('an upgraded state file accepts any kind of pass, and keeps its foreign keys', async () => {
    await using state = await earlier(version);
    opened(state.at).close();
    const database = new Database(state.file);
    const insert = database.prepare(
      "INSERT INTO passes (kind, table_name, follows_plan, started_at) VALUES ('scan of the target', 'no plan', 0, 1)",
    );
    expect(insert.run().changes).toBe(1);
    const segment = database.prepare('INSERT INTO pass_segments (pass_id, segment_index) VALUES (?, 0)');
    expect(() => segment.run(99)).toThrow(/FOREIGN KEY/);
    expect(() =>
      database.exec("INSERT INTO ranges (table_name, range_index, estimated_rows) VALUES ('no plan', 0, 1)"),
    ).toThrow(/FOREIGN KEY/);
    expect(() => database.exec('DELETE FROM passes')).toThrow(/FOREIGN KEY/);
    database.close();
  });

  test('an upgraded state file counts a verification for the backfill that ended before it, and for no other', async () => {
    await using state = await earlier(version);
    const store = opened(state.at);
    // A retry came before the verification of messages, so it has seen that.
    expect(TABLES.map((table) => store.passes.standing(table))).toEqual(['stands', 'stands', 'before-backfill']);
    store.close();
    const status = readShardStatus(state.at, TABLES);
    expect(status).toMatchObject({ fault: null, running: false, suspects: 1, heartbeat: { pid: 4711 } });
    expect(status?.phase).toBe('verifying');
  });

  test('an upgraded state file takes comparisons for as old as their verification, and compares them again', async () => {
    await using state = await earlier(version);
    const store = opened(state.at);
    for (const table of TABLES) {
      const verify = store.passes.summary('verify', table);
      expect(verify?.oldest?.at).toBe(verify?.pass.startedAt);
      // The last commit by the wall clock; by the other one, nothing is younger than the begin.
      expect(verify?.newest?.at).toBeGreaterThan((verify?.pass.startedAt ?? Infinity) - 100);
      expect(verify?.newest?.steady === null || verify?.newest?.steady === verify?.pass.startedAt).toBe(true);
    }
    const interrupted = store.passes.summary('verify', 'calls');
    expect(store.passes.abandoned('calls', HOUR_MS)).toMatchObject({ reason: 'aged', rows: 10 });
    const again = store.passes.open('verify', 'calls', { maxAgeMs: HOUR_MS });
    expect(again.id).toBeGreaterThan(interrupted?.pass.id ?? Infinity);
    expect(store.passes.progress(again).map(({ watermark }) => watermark)).toEqual([null, null]);
    store.close();
  });

  test('an upgraded state file resumes a recent verification, and a backfill of any age', async () => {
    await using state = await earlier(version);
    shiftTo(state.file, Date.now());
    if (version >= 7) onThisBoot(state.file);
    edit(state.file, "UPDATE passes SET finished_at = NULL WHERE kind = 'backfill' AND table_name = 'media'");
    edit(
      state.file,
      `UPDATE pass_ranges SET complete = 0 WHERE range_index = 1
                        AND pass = (SELECT id FROM passes WHERE kind = 'backfill' AND table_name = 'media')`,
    );
    const store = opened(state.at);
    const verify = store.passes.open('verify', 'calls', { maxAgeMs: HOUR_MS });
    expect(store.passes.progress(verify).map(({ watermark }) => watermark)).toEqual(['["AC1","SM9"]', null]);
    for (const range of [0, 1]) {
      const comparedAt = { at: Date.now(), steady: store.clock.now() };
      store.checkpoints.commit(verify, [sampleChunk({ segment: range, last: cursor('["AC9"]'), comparedAt })], []);
      store.checkpoints.completeSegment(verify, range);
    }
    store.passes.finish(verify);
    expect(store.passes.summary('verify', 'calls')).toMatchObject({
      counts: { chunks: 3 },
      oldest: { at: verify.startedAt },
    });

    const backfill = store.passes.open('backfill', 'media');
    expect(store.passes.progress(backfill).map(({ watermark, complete }) => ({ watermark, complete }))).toEqual([
      { watermark: '["AC1","SM9"]', complete: true },
      { watermark: '["AC8","SM0"]', complete: false },
    ]);
    store.checkpoints.completeSegment(backfill, 1);
    store.passes.finish(backfill);
    store.close();
  });
});

test('the copy that an upgrade made can be restored as README.md says, and is refused until it is adopted', async () => {
  await using state = await earlier(10);
  opened(state.at).close();
  renameSync(`${state.file}.v10`, state.file);
  rmSync(`${state.file}-wal`, { force: true });
  expect(() => opened(state.at)).toThrow(expect.objectContaining({ code: 'E_STATE_COPIED' }) as Error);
  expect(adoptState(state.at).reason).not.toBeNull();
  const store = opened(state.at);
  expect(store.passes.summary('backfill', 'messages')?.counts.chunks).toBe(2);
  store.close();
});

test('an upgrade derives the cause of a bad row of version 10, and its itemsTaken, from its words', async () => {
  await using state = await earlier(10);
  const SHARED = 'take a unique key of the table into the key templates';
  const OVERLAP =
    'find out which shard the value belongs to, and leave the rows of the other out (`where`) or remove them';
  const REFUSED = 'DynamoDB refused its item (ValidationException): an index key is empty';
  const rows: readonly (readonly [reason: string, remedy: string, cause: BadRowCause, itemsTaken: number])[] = [
    ["its item key is another row's too", SHARED, 'shared-key', 0],
    ['shard s02 has rows with this value too', OVERLAP, 'shard-overlap', 0],
    [REFUSED, 'correct the row', 'refused', 0],
    [`${REFUSED}; 1 other item of the row is in the target`, 'correct the row', 'refused', 1],
    [`${REFUSED}; 1,2; 120 other items of the row are in the target`, 'correct the row', 'refused', 120],
    ['no number; 7 other items of the row are in the target', 'give the column the type S', 'value', 0],
  ];
  const database = new Database(state.file);
  database.exec('DELETE FROM bad_rows');
  for (const [index, [reason, remedy]] of rows.entries()) {
    database
      .prepare('INSERT INTO bad_rows (table_name, cursor, reason, remedy, recorded_at) VALUES (?, ?, ?, ?, 1)')
      .run('messages', String(index), reason, remedy);
  }
  database.close();
  const store = opened(state.at);
  const recorded = store.badRows.list('messages');
  expect(recorded.map(({ reason, remedy, cause, itemsTaken }) => [reason, remedy, cause, itemsTaken])).toEqual(rows);
  store.close();
});
