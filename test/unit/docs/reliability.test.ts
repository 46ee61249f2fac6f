/** README's table of faults names tests that exist, and no line of it is without one. */
import { existsSync, readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';

const readme = readFileSync('README.md', 'utf8');
const section = /\n## Reliability\n(.*?)\n## /s.exec(readme)?.[1] ?? '';
const rows = section
  .split('\n')
  .filter((line) => line.startsWith('| '))
  .slice(1)
  .map((line) => line.split(/(?<!\\)[|]/).map((cell) => cell.trim()));

describe('README.md: Reliability', () => {
  test('the Reliability table of README.md has rows', () => {
    expect(rows.length).toBeGreaterThan(0);
  });

  test.each(rows)('README.md names existing tests for the fault:%s %s', (_, fault, does, tests = '') => {
    expect([fault, does]).not.toContain('');
    const files = [...tests.matchAll(/`([^`]+)`/g)].map(([, file]) => file ?? '');
    expect(files.length).toBeGreaterThan(0);
    expect(files.filter((file) => !existsSync(file))).toEqual([]);
  });
});
