import Database from 'better-sqlite3';
import { copyFileSync, existsSync, readFileSync, readdirSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { ErrorCode } from '../../../src/core/errors.js';
import { openKeyRegister } from '../../../src/state/shared/key-register.js';
import { openStateStore } from '../../../src/state/open.js';
import { readShardStatus } from '../../../src/state/status/read-status.js';
import { archiveState } from '../../../src/state/restart.js';
import { cursor, sampleChunk, samplePlan } from '../../contract/state-store-samples.js';
import { temporaryFolder } from '../../support/temporary.js';

/** A state file with some hundred chunks, so that it has pages to damage. */
function makeState(folder: string, shard: string): string {
  const store = openStateStore({ folder, shard, create: true });
  store.plans.save(samplePlan());
  const pass = store.passes.open('backfill', 'messages');
  const chunks = Array.from({ length: 500 }, (_, i) => sampleChunk({ last: cursor(`secret row value ${i}`) }));
  store.checkpoints.commit(pass, chunks, []);
  store.close();
  return join(folder, `${shard}.db`);
}

function edit(file: string, sql: string): void {
  const database = new Database(file);
  database.exec(sql);
  database.close();
}

function overwrite(file: string, offset: number, length: number): void {
  const bytes = readFileSync(file);
  bytes.fill(0xa5, offset, offset + length);
  writeFileSync(file, bytes);
}

interface Damage {
  readonly what: string;
  readonly code: ErrorCode;
  readonly says: RegExp;
  readonly apply: (file: string) => void;
  /** Damage in the middle shows only to the full check that opening makes; `status` reads no chunks. */
  readonly hiddenFromStatus?: true;
}

const damages: readonly Damage[] = [
  { what: 'cut to nothing', code: 'E_STATE_CORRUPT', says: /is empty/, apply: (file) => truncateSync(file, 0) },
  { what: 'cut within the header', code: 'E_STATE_CORRUPT', says: /./, apply: (file) => truncateSync(file, 60) },
  { what: 'cut at a page', code: 'E_STATE_CORRUPT', says: /damaged/, apply: (file) => truncateSync(file, 8 * 4096) },
  {
    what: 'cut by one page',
    code: 'E_STATE_CORRUPT',
    says: /damaged/,
    apply: (file) => truncateSync(file, statSync(file).size - 4096),
  },
  {
    what: 'text instead of SQLite',
    code: 'E_STATE_CORRUPT',
    says: /not a SQLite file/,
    apply: (file) => writeFileSync(file, 'secret row value\n'.repeat(1000)),
  },
  { what: 'a broken header', code: 'E_STATE_CORRUPT', says: /not a SQLite/, apply: (file) => overwrite(file, 0, 16) },
  {
    what: 'a broken page of chunks',
    code: 'E_STATE_CORRUPT',
    says: /damaged/,
    apply: (file) => overwrite(file, statSync(file).size - 2 * 4096, 4096),
    hiddenFromStatus: true,
  },
  {
    what: 'a table dropped',
    code: 'E_STATE_CORRUPT',
    says: /lacks a table/,
    apply: (file) => edit(file, 'DROP TABLE ambiguous_writes'),
  },
  {
    what: 'another shard inside',
    code: 'E_STATE_FOREIGN',
    says: /is the state of shard s02/,
    apply: (file) => edit(file, "UPDATE meta SET shard = 's02'"),
  },
  {
    what: 'no shard inside',
    code: 'E_STATE_FOREIGN',
    says: /no shard/,
    apply: (file) => edit(file, 'DELETE FROM meta'),
  },
  {
    what: 'the database of another program',
    code: 'E_STATE_FOREIGN',
    says: /another program/,
    apply: (file) => edit(file, 'PRAGMA application_id = 252006674'),
  },
  {
    what: 'the database of a program that names itself nowhere',
    code: 'E_STATE_FOREIGN',
    says: /another program/,
    apply: (file) => edit(file, 'PRAGMA application_id = 0'),
  },
  {
    what: 'a newer version',
    code: 'E_STATE_FOREIGN',
    says: /written by a newer dynaferry \(state version 99/,
    apply: (file) => edit(file, 'PRAGMA user_version = 99'),
  },
  {
    what: 'no version',
    code: 'E_STATE_CORRUPT',
    says: /no version/,
    apply: (file) => edit(file, 'PRAGMA user_version = 0'),
  },
];

describe.each(damages)('a state file with: $what', ({ code, says, apply, hiddenFromStatus }) => {
  test(`a damaged state file is ${code}, spares other shards, frees its lock, and can be restarted`, async () => {
    await using folder = await temporaryFolder();
    const at = { folder: folder.path, shard: 's01' };
    const file = makeState(at.folder, at.shard);
    makeState(at.folder, 's02');
    apply(file);
    const found = readFileSync(file);

    for (const create of [true, false]) {
      expect(() => openStateStore({ ...at, create })).toThrow(
        expect.objectContaining({
          code,
          exitCode: 6,
          message: expect.stringMatching(says) as unknown,
          hint: expect.not.stringContaining('secret') as unknown,
        }),
      );
    }
    const status = readShardStatus(at);
    if (hiddenFromStatus === true) expect(status?.fault).toBeNull();
    else expect(status).toMatchObject({ shard: 's01', running: false, fault: { code } });
    expect(JSON.stringify(status)).not.toContain('secret');
    expect(readShardStatus({ ...at, shard: 's02' })).toMatchObject({ phase: 'backfilling', fault: null });

    const archive = archiveState(at) ?? '';
    expect(readFileSync(archive).equals(found)).toBe(true);
    const store = openStateStore({ ...at, create: true });
    expect(store.plans.get('messages')).toBeNull();
    store.close();
  });
});

test('the error of a damaged state file names the file and the next step', async () => {
  await using folder = await temporaryFolder();
  const file = makeState(folder.path, 's01');
  truncateSync(file, 8 * 4096);
  expect(() => openStateStore({ folder: folder.path, shard: 's01', create: true })).toThrow(
    expect.objectContaining({
      message: expect.stringContaining(file) as unknown,
      hint: expect.stringMatching(/put back a copy.*`dynaferry backfill --restart --shard s01`.*idempotent/) as unknown,
    }),
  );
});

test('a copy that SQLite made (VACUUM INTO) can replace a state file', async () => {
  await using folder = await temporaryFolder();
  const at = { folder: folder.path, shard: 's01' };
  const file = makeState(at.folder, at.shard);
  edit(file, `VACUUM INTO '${file}.copy'`);
  copyFileSync(`${file}.copy`, file);
  const store = openStateStore({ ...at, create: false });
  expect(store.passes.summary('backfill', 'messages')?.counts.chunks).toBe(500);
  expect(new Database(file, { readonly: true }).pragma('journal_mode', { simple: true })).toBe('wal');
  store.close();
});

test('a new state file does not replay the log of a deleted one', async () => {
  await using folder = await temporaryFolder();
  const at = { folder: folder.path, shard: 's01' };
  const first = openStateStore({ ...at, create: true });
  first.plans.save(samplePlan());
  const log = readFileSync(join(at.folder, 's01.db-wal'));
  expect(log.length).toBeGreaterThan(0);
  first.close();
  archiveState(at);
  writeFileSync(join(at.folder, 's01.db-wal'), log);
  const second = openStateStore({ ...at, create: true });
  expect(second.plans.get('messages')).toBeNull();
  second.close();
});

test('a state file whose creation was killed halfway is created again', async () => {
  await using folder = await temporaryFolder();
  writeFileSync(join(folder.path, 's01.db.new'), 'half a file');
  openStateStore({ folder: folder.path, shard: 's01', create: true }).close();
  expect(readdirSync(folder.path).sort()).toEqual(['s01.db', 's01.lock', 's01.seen']);
});

test('a lock file with content in it is refused by name', async () => {
  await using folder = await temporaryFolder();
  const lock = join(folder.path, 's01.lock');
  writeFileSync(lock, 'pid 1\n'.repeat(1000));
  expect(() => openStateStore({ folder: folder.path, shard: 's01', create: true })).toThrow(
    expect.objectContaining({
      code: 'E_STATE_CORRUPT',
      message: expect.stringContaining(`written into the lock file ${lock}`) as unknown,
      // No copy to put back, and nothing to begin again.
      hint: expect.stringMatching(/^make sure that no dynaferry works on this shard, delete that file/) as unknown,
    }),
  );
});

test('a damaged key register is refused, and left in place', async () => {
  await using folder = await temporaryFolder();
  openKeyRegister({ folder: folder.path }).close();
  const file = join(folder.path, 'item-keys.db');
  writeFileSync(file, 'x'.repeat(10_000));
  expect(() => openKeyRegister({ folder: folder.path })).toThrow(expect.objectContaining({ code: 'E_STATE_CORRUPT' }));
  expect(existsSync(file)).toBe(true);
});

test('a state file in place of the key register is refused with E_STATE_FOREIGN', async () => {
  await using folder = await temporaryFolder();
  copyFileSync(makeState(folder.path, 's01'), join(folder.path, 'item-keys.db'));
  expect(() => openKeyRegister({ folder: folder.path })).toThrow(expect.objectContaining({ code: 'E_STATE_FOREIGN' }));
});
