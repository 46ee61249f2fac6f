import { spawn } from 'node:child_process';
import { totalmem } from 'node:os';
import { describe, expect, test } from 'vitest';
import { machineFault } from '../../../src/core/machine-faults.js';
import { largestRow, memoryKills, memoryLimit, openFilesLimit, processesLeft } from '../../../src/core/machine.js';

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

describe('what the machine allows', () => {
  test('is told in numbers that can be', () => {
    expect(memoryLimit()).toBeGreaterThan(64 * 2 ** 20);
    expect(memoryLimit()).toBeLessThanOrEqual(totalmem());
    for (const count of [openFilesLimit(), processesLeft(), memoryKills()])
      expect(count ?? 1).toBeGreaterThanOrEqual(0);
  });

  test('of a row: an eighth of the memory, and no text that V8 has none for', () => {
    expect(largestRow(2 ** 30)).toBe(2 ** 27);
    expect(largestRow(2 ** 40)).toBeLessThan(2 ** 29);
  });

  test.runIf(process.platform === 'linux')('of open files, as this process has them', async () => {
    const script = "import('./src/core/machine.ts').then(({ openFilesLimit }) => console.log(openFilesLimit()))";
    const child = spawn('bash', ['-c', `ulimit -n 300; exec node --import tsx -e "${script}"`]);
    let said = '';
    for await (const part of child.stdout) said += String(part);
    expect(said.trim()).toBe('300');
  });
});
