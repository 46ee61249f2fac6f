import Database from 'better-sqlite3';
import { describe, expect, test } from 'vitest';
import { FerryError } from '../../../../src/core/errors.js';
import { guarded, translate } from '../../../../src/state/sqlite/errors.js';

const place = {
  subject: 'shard s01',
  file: '/var/lib/dynaferry/s01.db',
  putBack: 'put back a copy of it',
  remedy: 'begin this shard again',
};
const systemError = (code: string) => Object.assign(new Error(`${code}: secret row value`), { code });

describe('translate', () => {
  test.each([
    ['SQLITE_CORRUPT', 'E_STATE_CORRUPT'],
    ['SQLITE_CORRUPT_VTAB', 'E_STATE_CORRUPT'],
    ['SQLITE_NOTADB', 'E_STATE_CORRUPT'],
    ['SQLITE_FULL', 'E_DISK_FULL'],
    ['SQLITE_NOMEM', 'E_OUT_OF_MEMORY'],
    ['SQLITE_IOERR_WRITE', 'E_STATE_IO'],
    ['SQLITE_READONLY_DIRECTORY', 'E_STATE_IO'],
    ['SQLITE_CANTOPEN', 'E_STATE_IO'],
    ['SQLITE_PERM', 'E_STATE_IO'],
    ['SQLITE_PROTOCOL', 'E_STATE_IO'],
    ['SQLITE_BUSY_RECOVERY', 'E_STATE_LOCKED'],
    ['SQLITE_LOCKED', 'E_STATE_LOCKED'],
    ['SQLITE_CONSTRAINT_UNIQUE', 'E_INTERNAL'],
    ['SQLITE_ERROR', 'E_INTERNAL'],
    ['SQLITE_SOMETHING_NEW', 'E_INTERNAL'],
  ])('translate makes of %s the code %s', (sqlite, ours) => {
    const error = translate(new Database.SqliteError('secret row value', sqlite), place);
    expect(error).toMatchObject({ code: ours, exitCode: 6 });
    expect(error.message).toContain('shard s01');
    expect(error.hint).not.toBe('');
    expect(error.message + error.hint).not.toContain('secret');
  });

  test.each(['EACCES', 'EROFS', 'ENOTDIR', 'EIO'])('translate makes of %s the code E_STATE_IO', (code) => {
    const error = translate(systemError(code), place);
    expect(error.code).toBe('E_STATE_IO');
    expect(error.message).toContain(place.file);
    expect(error.message + error.hint).not.toContain('secret');
  });

  test('translate distinguishes a full disk from one that nobody may write to', () => {
    expect(translate(systemError('ENOSPC'), place).hint).toContain('free some space');
    expect(translate(systemError('EACCES'), place).hint).toContain('run as the user');
  });

  test('translate does not take a code of Node as one of the file system', () => {
    for (const code of ['ERR_INVALID_ARG_TYPE', 'MODULE_NOT_FOUND', 'eacces', 'E']) {
      expect(translate(systemError(code), place).code, code).toBe('E_INTERNAL');
    }
  });

  test('translate makes anything else a defect', () => {
    for (const thrown of [new TypeError('x'), 'text', null, undefined, Object.assign(new Error('x'), { code: 7 })]) {
      expect(translate(thrown, place).code).toBe('E_INTERNAL');
    }
  });
});

describe('guarded', () => {
  test('guarded hands on results, and FerryErrors as they are', () => {
    const ours = new FerryError('E_STATE_CHANGED', 'fact', 'next step');
    expect(guarded(place, () => 7)).toBe(7);
    expect(() =>
      guarded(place, () => {
        throw ours;
      }),
    ).toThrow(ours);
  });
});
