import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { buildProgram } from '../../../src/cli/program.js';
import { EVENTS } from '../../../src/core/events.js';
import { withSections } from '../../support/docs/rendered-sections.js';

const README = readFileSync(new URL('../../../README.md', import.meta.url), 'utf8');

const IO = { stdout: process.stdout, stderr: process.stderr, env: {}, cwd: '.', onSignal: () => () => undefined };
const COMMANDS = buildProgram(IO, () => undefined).commands;

describe('README.md', () => {
  test('README.md has the config reference and the error codes as the code has them (npm run docs writes them)', () => {
    expect(README).toBe(withSections(README));
  });

  test('README.md names every command and every option', () => {
    expect(COMMANDS.length).toBeGreaterThan(5);
    for (const command of COMMANDS) {
      expect(README).toContain(`\`dynaferry ${command.name()}\``);
      for (const option of command.options) expect(README, `option of ${command.name()}`).toContain(option.long);
    }
  });

  test('README.md has every command among those that the tests run, and the steps for bad rows', () => {
    const run = [...README.matchAll(/^```sh\n([^]*?)^```$/gm)].map(([, block]) => block).join('');
    for (const command of COMMANDS) {
      expect(run).toMatch(new RegExp(`^dynaferry ${command.name()}\\b`, 'm'));
    }
    for (const line of ['diff .*--explain', 'bad-rows', 'backfill .*--retry-bad']) {
      expect(run).toMatch(new RegExp(`^dynaferry ${line}`, 'm'));
    }
  });

  test('README.md names every event that a program can read', () => {
    for (const event of Object.keys(EVENTS)) expect(README).toContain(`\`${event}\``);
  });
});
