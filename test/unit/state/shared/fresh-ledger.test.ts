/**
 * Which file of the ledger is made new, and which is put aside: one that SQLite cannot look into just now is left as it
 * is.
 */
import Database from 'better-sqlite3';
import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, expect, test, vi } from 'vitest';
import type { StatePaths } from '../../../../src/state/sqlite/files.js';
import { freshLedger } from '../../../../src/state/shared/fresh-ledger.js';
import { temporaryFolder } from '../../../support/temporary.js';

async function newPlace() {
  const folder = await temporaryFolder();
  const file = join(folder.path, 'budget.ledger');
  const place: StatePaths = { subject: 'the ledger', file, putBack: null, remedy: 'delete it' };
  const opened = (live: readonly string[] = []): string | null => {
    const { database, putAside } = freshLedger(place, 0, () => live);
    database.close();
    return putAside;
  };
  /** Parts that are at rest, of a ledger that is there. */
  const resting = (): unknown => {
    const database = new Database(file, { readonly: true });
    try {
      return database.prepare('SELECT count(*) FROM resting').pluck().get();
    } finally {
      database.close();
    }
  };
  const change = (sql: string): void => {
    const database = new Database(file);
    database.exec(sql);
    database.close();
  };
  return {
    folder: folder.path,
    file,
    opened,
    resting,
    change,
    [Symbol.asyncDispose]: () => folder[Symbol.asyncDispose](),
  };
}

afterEach(() => void vi.useRealTimers());

const REST = "INSERT INTO resting VALUES ('write t', 0.5, 1)";

test('freshLedger keeps a usable ledger, and replaces one from before the machine was started', async () => {
  await using one = await newPlace();
  expect(one.opened()).toBeNull();
  one.change(REST);
  expect(one.opened()).toBeNull();
  expect(one.resting()).toBe(1);
  one.change("UPDATE ledger SET boot = 'another boot'");
  expect(one.opened()).toBeNull();
  expect(one.resting()).toBe(0);
});

test.each<[string, (one: Awaited<ReturnType<typeof newPlace>>) => void]>([
  ['no file of SQLite', ({ file }) => writeFileSync(file, 'no such file of SQLite, by its first line')],
  ['one of another program', ({ change }) => change('DROP TABLE runs')],
  ['one that lacks a column', ({ change }) => change('ALTER TABLE resting DROP COLUMN until')],
])('freshLedger puts a damaged ledger aside as it is, and makes a new one: %s', async (_what, damage) => {
  await using one = await newPlace();
  one.opened();
  damage(one);
  const damaged = readFileSync(one.file);
  // Not under a run that is there, whose part it may tell.
  expect(() => one.opened(['its lock'])).toThrow(expect.objectContaining({ code: 'E_STATE_CORRUPT' }));
  expect(readFileSync(one.file)).toEqual(damaged);
  const aside = one.opened() ?? '';
  expect(readFileSync(aside)).toEqual(damaged);
  expect(one.resting()).toBe(0);
});

test('freshLedger names a ledger that it puts aside by the time, and never overwrites an earlier one', async () => {
  await using one = await newPlace();
  vi.useFakeTimers({ toFake: ['Date'], now: Date.UTC(2026, 0, 2, 3, 4, 5, 678) });
  const names = ['first', 'second', 'third'].map((text) => {
    one.opened();
    writeFileSync(one.file, `${text}, which is no file of SQLite`);
    return one.opened() ?? '';
  });
  const stem = `${one.file}.damaged-20260102T030405Z`;
  expect(names).toEqual([stem, `${stem}-2`, `${stem}-3`]);
  expect(names.map((name) => readFileSync(name, 'utf8').split(',')[0])).toEqual(['first', 'second', 'third']);
});

test('freshLedger does not take a ledger that another process keeps locked as damaged, and throws SQLITE_BUSY', async () => {
  await using one = await newPlace();
  one.opened();
  one.change(REST);
  const holder = new Database(one.file);
  holder.pragma('locking_mode = EXCLUSIVE');
  holder.exec('BEGIN EXCLUSIVE; DELETE FROM runs; COMMIT');
  expect(() => one.opened()).toThrow(expect.objectContaining({ code: 'SQLITE_BUSY' }));
  holder.close();
  expect(readdirSync(one.folder).filter((name) => name.includes('damaged'))).toEqual([]);
  expect([one.opened(), existsSync(one.file), one.resting()]).toEqual([null, true, 1]);
});

test('freshLedger does not let the log of a ledger that is gone get into the new one', async () => {
  await using one = await newPlace();
  one.opened();
  const writer = new Database(one.file);
  writer.exec(REST);
  const log = readFileSync(`${one.file}-wal`);
  writer.close();
  rmSync(one.file);
  writeFileSync(`${one.file}-wal`, log);
  expect(one.opened()).toBeNull();
  expect(one.resting()).toBe(0);
  expect(existsSync(`${one.file}-wal`) && readFileSync(`${one.file}-wal`).equals(log)).toBe(false);
});
