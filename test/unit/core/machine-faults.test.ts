import { describe, expect, test } from 'vitest';
import { machineFault } from '../../../src/core/machine-faults.js';

describe('what the machine refuses has a code each', () => {
  test.each([
    [{ code: 'EMFILE' }, 'E_TOO_MANY_FILES', /ulimit -n/],
    [{ code: 'ENFILE' }, 'E_TOO_MANY_FILES', /ulimit -n/],
    [{ code: 'ENOSPC' }, 'E_DISK_FULL', /`df`/],
    [{ code: 'EDQUOT' }, 'E_DISK_FULL', /`df`/],
    [{ code: 'SQLITE_FULL' }, 'E_DISK_FULL', /`df`/],
    [{ code: 'EAGAIN', syscall: 'spawn /usr/bin/node' }, 'E_TOO_MANY_PROCESSES', /ulimit -u.*--jobs/],
    [{ code: 'ENOMEM' }, 'E_OUT_OF_MEMORY', /--jobs/],
  ])('%j', (thrown, code, next) => {
    const fault = machineFault('shard s01', Object.assign(new Error('secret'), thrown));
    expect(fault).toMatchObject({ code, exitCode: 6 });
    expect(fault?.message).toMatch(/^shard s01: /);
    expect(fault?.message).not.toContain('secret');
    expect(fault?.hint).toMatch(next);
  });

  test.each([[{ code: 'EAGAIN', syscall: 'read' }], [{ code: 'EACCES' }], [new TypeError('x')], [null], ['text']])(
    'is not to blame for %j',
    (thrown) => {
      expect(machineFault('shard s01', thrown)).toBeNull();
    },
  );
});
