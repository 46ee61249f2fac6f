/**
 * A file of ours is for its owner alone, appears whole or not at all, and is opened only where it is what it should be.
 */
import Database from 'better-sqlite3';
import { chmodSync, copyFileSync, existsSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { FerryError } from '../../../../src/core/errors.js';
import { createDatabase, openDatabase, openReadOnly } from '../../../../src/state/sqlite/database.js';
import type { StatePaths } from '../../../../src/state/sqlite/files.js';
import { KEY_REGISTER, STATE } from '../../../../src/state/sqlite/schema.js';
import { temporaryFolder } from '../../../support/temporary.js';

async function newPlace() {
  const folder = await temporaryFolder();
  const place: StatePaths = { subject: 'it', file: join(folder.path, 'a.db'), putBack: null, remedy: 'mend it' };
  return { place, folder: folder.path, [Symbol.asyncDispose]: () => folder[Symbol.asyncDispose]() };
}

const modeOf = (file: string): number => statSync(file).mode & 0o777;
const refused = (code: string): unknown => expect.objectContaining({ code });

test('openDatabase keeps its files for the owner alone, also where a copy was put back with another mode', async () => {
  await using one = await newPlace();
  const { file } = one.place;
  createDatabase(one.place, STATE);
  expect(modeOf(file)).toBe(0o600);
  chmodSync(file, 0o644);
  const database = openDatabase(one.place, STATE, 0);
  try {
    database.exec('UPDATE meta SET held_since = 1');
    expect(readdirSync(one.folder).sort()).toEqual(['a.db', 'a.db-shm', 'a.db-wal']);
    for (const name of readdirSync(one.folder)) expect([name, modeOf(join(one.folder, name))]).toEqual([name, 0o600]);
  } finally {
    database.close();
  }
});

test('openDatabase migrates a file of an earlier version to the present one, and keeps a copy', async () => {
  await using one = await newPlace();
  const { file } = one.place;
  copyFileSync(new URL('../../../../fixtures/state/v11.db', import.meta.url), file);
  const database = openDatabase(one.place, STATE, 0);
  try {
    expect(database.pragma('user_version', { simple: true })).toBe(STATE.migrations.length);
    expect(database.prepare('SELECT count(*) FROM pass_segments').pluck().get()).toBeGreaterThan(0);
    expect(existsSync(`${file}.v11`)).toBe(true);
  } finally {
    database.close();
  }
});

test('createDatabase takes nothing over from an unfinished file, or from one that is gone', async () => {
  await using one = await newPlace();
  const { file } = one.place;
  for (const left of [`${file}.new`, `${file}.new-wal`, `${file}-wal`, `${file}-journal`]) writeFileSync(left, 'left');
  expect(() =>
    createDatabase(one.place, STATE, () => {
      throw new FerryError('E_DISK_FULL', 'no room', 'make room');
    }),
  ).toThrow('no room');
  expect(existsSync(file)).toBe(false);
  createDatabase(one.place, STATE, (database) => database.exec('CREATE TABLE extra (n)'));
  expect(readdirSync(one.folder)).toEqual(['a.db']);
  const database = openDatabase(one.place, STATE, 0);
  expect(database.prepare('SELECT count(*) FROM extra').pluck().get()).toBe(0);
  database.close();
});

test('openDatabase commits to disk before it returns, and enforces foreign keys', async () => {
  await using one = await newPlace();
  createDatabase(one.place, STATE);
  const database = openDatabase(one.place, STATE, 0);
  const set = (name: string): unknown => database.pragma(name, { simple: true });
  // FULL is 2 (SQLite, "PRAGMA synchronous").
  expect(['journal_mode', 'synchronous', 'foreign_keys', 'user_version'].map(set)).toEqual([
    'wal',
    2,
    1,
    STATE.migrations.length,
  ]);
  expect(['fullfsync', 'checkpoint_fullfsync'].map(set)).toEqual([1, 1]);
  database.close();
});

describe('refused files', () => {
  test.each<[string, string, (database: Database.Database) => void]>([
    ['another program’s file', 'E_STATE_FOREIGN', (database) => database.pragma('application_id = 1')],
    ['a newer one', 'E_STATE_FOREIGN', (database) => database.pragma(`user_version = ${STATE.migrations.length + 1}`)],
    ['one without a version', 'E_STATE_CORRUPT', (database) => database.pragma('user_version = 0')],
  ])('openDatabase refuses a file, and leaves it as it is: %s', async (_what, code, change) => {
    await using one = await newPlace();
    createDatabase(one.place, STATE);
    const database = new Database(one.place.file);
    change(database);
    database.close();
    expect(() => openDatabase(one.place, STATE, 0)).toThrow(refused(code));
    expect(() => openReadOnly(one.place, STATE, 0)).toThrow(refused(code));
  });

  test('openDatabase refuses an empty file, one of another kind, and one that its caller does not accept', async () => {
    await using one = await newPlace();
    writeFileSync(one.place.file, '');
    expect(() => openDatabase(one.place, STATE, 0)).toThrow(refused('E_STATE_CORRUPT'));
    createDatabase(one.place, KEY_REGISTER);
    expect(() => openDatabase(one.place, STATE, 0)).toThrow(refused('E_STATE_FOREIGN'));
    const not = (): never => {
      throw new FerryError('E_STATE_FOREIGN', 'not this one', 'take another');
    };
    expect(() => openDatabase(one.place, KEY_REGISTER, 0, not)).toThrow('not this one');
    openDatabase(one.place, KEY_REGISTER, 0).close();
  });
});
