import { spawn } from 'node:child_process';
import { totalmem } from 'node:os';
import { describe, expect, test } from 'vitest';
import { largestRow, memoryLimit } from '../../../../src/mysql/connection/answer-limit.js';
import { memoryKills, openFilesLimit, processesLeft, processors } from '../../../../src/wiring/look/machine.js';

describe('limits of the machine', () => {
  test('the limits of the machine are plausible numbers', () => {
    expect(memoryLimit()).toBeGreaterThan(64 * 2 ** 20);
    expect(memoryLimit()).toBeLessThanOrEqual(totalmem());
    for (const count of [openFilesLimit(), processesLeft(), memoryKills()])
      expect(count ?? 1).toBeGreaterThanOrEqual(0);
  });

  test('largestRow is an eighth of the memory, and no text longer than V8 takes', () => {
    expect(largestRow(2 ** 30)).toBe(2 ** 27);
    expect(largestRow(2 ** 40)).toBeLessThan(2 ** 29);
  });

  test.runIf(process.platform === 'linux')('openFilesLimit is the limit of this process', async () => {
    const script = "import('./src/wiring/look/machine.ts').then(({ openFilesLimit }) => console.log(openFilesLimit()))";
    const child = spawn('bash', ['-c', `ulimit -n 300; exec node --import tsx -e "${script}"`]);
    let said = '';
    for await (const part of child.stdout) said += String(part);
    expect(said.trim()).toBe('300');
  });
});

describe('limits of control groups', () => {
  const MEBIBYTE = 2 ** 20;
  const files =
    (content: Readonly<Record<string, string>>) =>
    (file: string): string =>
      content[file.replace('/sys/fs/cgroup/', '')] ?? '';

  test('the limits of the machine follow outer control groups in version 2, whose groups have all controllers', () => {
    const read = files({
      '/proc/self/cgroup': '0::/shop/night/run\n',
      ...{ 'shop/pids.max': '40\n', 'shop/pids.current': '33\n', 'shop/night/pids.max': 'max\n' },
      ...{ 'shop/night/run/pids.max': '30\n', 'shop/night/run/pids.current': '20\n' },
      ...{ 'shop/memory.max': `${48 * MEBIBYTE}\n`, 'shop/night/run/memory.max': 'max\n' },
      ...{ 'shop/cpu.max': '250000 100000\n', 'shop/night/run/cpu.max': 'max 100000\n' },
    });
    expect([processesLeft(read), memoryLimit(read), processors(64, read)]).toEqual([7, 48 * MEBIBYTE, 3]);
  });

  test('the limits of the machine follow outer control groups in version 1, with a tree for each', () => {
    const read = files({
      '/proc/self/cgroup': '8:pids:/a/b\n4:memory:/c/d\n2:cpu,cpuacct:/e/f\n0::/\n',
      ...{ 'pids/a/pids.max': '9\n', 'pids/a/pids.current': '2\n', 'pids/a/b/pids.max': 'max\n' },
      ...{ 'memory/c/memory.limit_in_bytes': `${32 * MEBIBYTE}\n`, 'memory/c/d/memory.limit_in_bytes': `${2 ** 60}\n` },
      ...{ 'cpu/e/cpu.cfs_quota_us': '50000\n', 'cpu/e/cpu.cfs_period_us': '100000\n' },
      ...{ 'cpu/e/f/cpu.cfs_quota_us': '-1\n', 'cpu/e/f/cpu.cfs_period_us': '100000\n' },
    });
    expect([processesLeft(read), memoryLimit(read), processors(64, read)]).toEqual([7, 32 * MEBIBYTE, 1]);
  });

  test('the limits of the machine follow a control group that a container sees as the root', () => {
    const read = files({
      '/proc/self/cgroup': '0::/../../elsewhere\n',
      ...{ 'pids.max': '9\n', 'pids.current': '4\n', 'memory.max': `${16 * MEBIBYTE}\n`, 'cpu.max': '100000 100000\n' },
    });
    expect([processesLeft(read), memoryLimit(read), processors(64, read)]).toEqual([5, 16 * MEBIBYTE, 1]);
  });

  test('the limits of the machine apply where there is no control group', () => {
    expect(memoryLimit(files({}))).toBeGreaterThanOrEqual(memoryLimit());
    expect(processors(64, files({}))).toBe(64);
  });
});
