import { describe, expect, test } from 'vitest';
import { machineFault } from '../../../../src/core/machine/machine-faults.js';

describe('machineFault', () => {
  test.each([
    [{ code: 'EMFILE' }, 'E_TOO_MANY_FILES', /ulimit -n/],
    [{ code: 'ENFILE' }, 'E_TOO_MANY_FILES', /ulimit -n/],
    [{ code: 'ENOSPC' }, 'E_DISK_FULL', /`df`/],
    [{ code: 'EDQUOT' }, 'E_DISK_FULL', /`df`/],
    [{ code: 'SQLITE_FULL' }, 'E_DISK_FULL', /`df`/],
    [{ code: 'EAGAIN', syscall: 'spawn /usr/bin/node' }, 'E_TOO_MANY_PROCESSES', /ulimit -u.*--jobs/],
    [{ code: 'ENOMEM' }, 'E_OUT_OF_MEMORY', /--jobs/],
    [{ code: 'ERR_MEMORY_ALLOCATION_FAILED' }, 'E_OUT_OF_MEMORY', /--jobs/],
  ])('machineFault gives %j the code %s', (thrown, code, next) => {
    const fault = machineFault('shard s01', Object.assign(new Error('secret'), thrown));
    expect(fault).toMatchObject({ code, exitCode: 6 });
    expect(fault?.message).toMatch(/^shard s01: /);
    expect(fault?.message).not.toContain('secret');
    expect(fault?.hint).toMatch(next);
  });

  test('machineFault reports memory that V8 refuses without a code', () => {
    expect(machineFault('shard s01', refusedBuffer())).toMatchObject({ code: 'E_OUT_OF_MEMORY' });
  });

  test.each([[{ code: 'EAGAIN', syscall: 'read' }], [{ code: 'EACCES' }], [new TypeError('x')], [null], ['text']])(
    'machineFault does not blame the machine for %j',
    (thrown) => {
      expect(machineFault('shard s01', thrown)).toBeNull();
    },
  );
});

function refusedBuffer(): unknown {
  try {
    // More than any machine has, and less than V8 has numbers for.
    return new ArrayBuffer(2 ** 52);
  } catch (thrown) {
    return thrown;
  }
}
