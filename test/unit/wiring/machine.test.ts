import { spawn } from 'node:child_process';
import { totalmem } from 'node:os';
import { describe, expect, test } from 'vitest';
import { largestRow, memoryLimit } from '../../../src/mysql/answer-size.js';
import { memoryKills, openFilesLimit, processesLeft } from '../../../src/wiring/machine.js';

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
    const script = "import('./src/wiring/machine.ts').then(({ openFilesLimit }) => console.log(openFilesLimit()))";
    const child = spawn('bash', ['-c', `ulimit -n 300; exec node --import tsx -e "${script}"`]);
    let said = '';
    for await (const part of child.stdout) said += String(part);
    expect(said.trim()).toBe('300');
  });
});
