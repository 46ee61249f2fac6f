/**
 * What is refused was not touched: whoever puts it where it belongs, or goes on with it elsewhere, finds it as it was.
 */
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { describe, expect, test } from 'vitest';
import { adoptState } from '../../../src/state/home/adopt.js';
import { openKeyRegister } from '../../../src/state/shared/key-register.js';
import { openStateStore } from '../../../src/state/open.js';
import { archiveState } from '../../../src/state/restart.js';
import { KEY_REGISTER, STATE } from '../../../src/state/sqlite/schema.js';
import { leaveEarlierState } from '../../support/earlier-state.js';
import { temporaryFolder } from '../../support/temporary.js';
import { allLines, startScript } from './child-script.js';

const AT_HOME = STATE.migrations.length - 1;

/** A run of the shard was killed: its last commits are in the log. */
async function killed(folder: string, shard: string): Promise<void> {
  await using child = startScript('commit-chunks', [folder, shard, '3']);
  await allLines(child);
}

/** Every byte of the files, beside those that hold nothing: an empty log and its index. */
function bytesOf(folder: string): Record<string, string> {
  const names = readdirSync(folder).filter((name) => !/-shm$|\.lock(-journal)?$/.test(name));
  const files = names.map((name): [string, string] => [name, readFileSync(join(folder, name), 'base64')]);
  return Object.fromEntries(files.filter(([name, bytes]) => bytes !== '' || !name.endsWith('-wal')));
}

const refused = (code: string): unknown => expect.objectContaining({ name: 'FerryError', code }) as unknown;

/** @returns folders in a folder that is gone in the end */
async function place() {
  const temporary = await temporaryFolder();
  const folder = join(temporary.path, 'state');
  mkdirSync(folder, { mode: 0o700 });
  return {
    folder,
    copy: (): string => {
      cpSync(folder, `${folder}-2`, { recursive: true, preserveTimestamps: true });
      return `${folder}-2`;
    },
    [Symbol.asyncDispose]: () => temporary[Symbol.asyncDispose](),
  };
}

function refuses(folder: string, shard: string, code: string): void {
  const before = bytesOf(folder);
  expect(Object.keys(before)).toContain(`${shard}.db`);
  expect(() => openStateStore({ folder, shard, create: true })).toThrow(refused(code));
  expect(() => openStateStore({ folder, shard, create: true, moves: true })).toThrow(refused(code));
  expect(bytesOf(folder)).toEqual(before);
}

describe('a copy', () => {
  test.each([AT_HOME, STATE.migrations.length])(
    'a refused copy of a state file of version %i is left byte for byte as it was',
    async (version) => {
      await using one = await place();
      openStateStore({ folder: one.folder, shard: 's01', create: true }).close();
      if (version < STATE.migrations.length) leaveEarlierState(one.folder, 's01', version);
      const folder = one.copy();
      refuses(folder, 's01', 'E_STATE_COPIED');
      const before = bytesOf(folder);
      expect(() => archiveState({ folder, shard: 's01' })).toThrow(refused('E_STATE_COPIED'));
      expect(bytesOf(folder)).toEqual(before);
      expect(adoptState({ folder, shard: 's01' })).toMatchObject({ reason: 'copied' });
      expect(existsSync(join(folder, `s01.db.v${AT_HOME}`))).toBe(version === AT_HOME);
      openStateStore({ folder, shard: 's01', create: true }).close();
    },
  );

  test('a refused copy of a state file with the log of a killed run is left byte for byte as it was', async () => {
    await using one = await place();
    await killed(one.folder, 's01');
    const folder = one.copy();
    expect(Object.keys(bytesOf(folder))).toContain('s01.db-wal');
    refuses(folder, 's01', 'E_STATE_COPIED');
    const before = bytesOf(folder);
    expect(() => archiveState({ folder, shard: 's01' })).toThrow(refused('E_STATE_COPIED'));
    expect(bytesOf(folder)).toEqual(before);
  });

  test('a refused state file that is older than its witness is left byte for byte as it was', async () => {
    await using one = await place();
    openStateStore({ folder: one.folder, shard: 's01', create: true }).close();
    renameSync(join(one.folder, 's01.seen'), join(one.folder, 'kept'));
    leaveEarlierState(one.folder, 's01', 9);
    renameSync(join(one.folder, 'kept'), join(one.folder, 's01.seen'));
    refuses(one.folder, 's01', 'E_STATE_COPIED');
  });
});

test('a refused key register that is older than its witness is left byte for byte as it was', async () => {
  await using one = await place();
  const { folder } = one;
  openKeyRegister({ folder }).close();
  for (const side of ['', '-wal', '-shm']) rmSync(join(folder, `item-keys.db${side}`), { force: true });
  const database = new Database(join(folder, 'item-keys.db'));
  database.pragma('journal_mode = WAL');
  database.pragma(`application_id = ${KEY_REGISTER.applicationId}`);
  database.exec(KEY_REGISTER.migrations[0] ?? '');
  database.pragma('user_version = 1');
  database.close();
  const before = bytesOf(folder);
  expect(() => openKeyRegister({ folder })).toThrow(refused('E_STATE_COPIED'));
  expect(bytesOf(folder)).toEqual(before);
});

describe('a foreign file', () => {
  test('a refused state file of another shard is left byte for byte as it was, and so is its log', async () => {
    await using one = await place();
    await killed(one.folder, 's02');
    for (const side of ['', '-wal', '-shm'])
      renameSync(join(one.folder, `s02.db${side}`), join(one.folder, `s01.db${side}`));
    refuses(one.folder, 's01', 'E_STATE_FOREIGN');
  });

  test.each([
    ['of another program', 'application_id = 7'],
    ['of a newer dynaferry', `user_version = ${STATE.migrations.length + 1}`],
  ])('a refused state file %s is left byte for byte as it was, and so is its log', async (_whose, pragma) => {
    await using one = await place();
    await killed(one.folder, 's02');
    const database = new Database(join(one.folder, 's02.db'));
    database.pragma(pragma);
    // As it is after a kill: the log is not folded in.
    for (const side of ['', '-wal']) cpSync(join(one.folder, `s02.db${side}`), join(one.folder, `s01.db${side}`));
    database.close();
    refuses(one.folder, 's01', 'E_STATE_FOREIGN');
  });
});
