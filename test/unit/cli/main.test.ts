/** The command line before any server is asked: what it refuses, and in which format it says so. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Writable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { main } from '../../../src/cli/main.js';
import type { Io } from '../../../src/cli/io.js';
import { askRestart } from '../../../src/state/restart-note.js';
import { temporaryFolder } from '../../support/temporary.js';

interface Ran {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

async function run(
  argv: readonly string[],
  options: { stdout?: Writable; cwd?: string | null; env?: Record<string, string> } = {},
): Promise<Ran> {
  const written = { stdout: '', stderr: '' };
  const sink = (name: keyof typeof written): Writable =>
    new Writable({
      write(text, _encoding, done) {
        written[name] += String(text);
        done();
      },
    });
  const { stdout = sink('stdout'), cwd = '/nowhere', env = {} } = options;
  const io = { stdout, stderr: sink('stderr'), env, cwd, onSignal: () => () => undefined };
  return { code: await main(argv, io), ...written };
}

const ENVIRONMENT = { MYSQL_HOST: '127.0.0.1', MYSQL_USER: 'nobody', MYSQL_PASSWORD: 'none' };

describe('refused options', () => {
  test.each([
    ['backfill --all --dry-run --restart', '--restart'],
    ['backfill --all --dry-run --create-table', '--create-table'],
    ['backfill --all --dry-run --max-bad-rows 5', '--max-bad-rows'],
    ['backfill --all --dry-run --accept-server', '--accept-server'],
    ['backfill --all --restart --accept-server', '--accept-server'],
    ['backfill --all --retry-bad --restart', '--restart'],
    ['backfill --all --shard s01', '--shard'],
    ['status --interval 5', '--interval'],
    ['diff --explain --sample 5', '--sample'],
    ['backfill s01', 'too many arguments'],
  ])('`%s` is refused, because the command would ignore %s', async (words, named) => {
    const { code, stdout, stderr } = await run(words.split(' '));
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toMatch(/^error E_USAGE: /);
    expect(stderr).toContain(named);
  });
});

test.each([
  [
    'backfill --all --dry-run --restart',
    "cannot be used with option '--restart'",
    '`dynaferry backfill --help` says more',
  ],
  [
    'diff --show-value',
    "unknown option '--show-value'",
    'did you mean --show-values? `dynaferry diff --help` says more',
  ],
  ['state adopt --al', "unknown option '--al'", 'did you mean --all? `dynaferry state adopt --help` says more'],
  ['backfil', "unknown command 'backfil'", 'did you mean backfill? `dynaferry --help` says more'],
])('`%s` is refused as E_USAGE, with the fact and the next step', async (words, fact, next) => {
  const { code, stdout, stderr } = await run(words.split(' '));
  expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
  const [first = '', ...others] = stderr.split('\n');
  expect(first).toMatch(/^error E_USAGE: /);
  expect(first).toContain(fact);
  expect(others).toEqual([`  next: ${next}`, '']);
});

describe('faults with --json', () => {
  test.each([
    ['check --json --colour', 'E_USAGE', "unknown option '--colour'"],
    ['backfill --all-events --all --jobs 0', 'E_USAGE', 'argument'],
    ['status --json --interval 5', 'E_USAGE', '--interval'],
    ['check --json', 'E_CONFIG_READ', 'there is no config file'],
    ['backfill --all --all-events', 'E_CONFIG_READ', 'there is no config file'],
    ['bad-rows --json', 'E_CONFIG_READ', 'there is no config file'],
  ])('`%s` reports its fault %s as JSON', async (words, error, fact) => {
    const { code, stdout, stderr } = await run(words.split(' '));
    expect({ code, stderr }).toEqual({ code: 2, stderr: '' });
    expect(JSON.parse(stdout)).toMatchObject({ error: { code: error }, exitCode: 2 });
    expect(stdout).toContain(fact);
    if (words.startsWith('bad-rows')) expect(stdout.trim()).not.toContain('\n');
  });
});

test('a command reports that its working folder was deleted, and needs that folder for a relative path alone', async () => {
  const { code, stderr } = await run(['check'], { cwd: null });
  expect(code).toBe(2);
  expect(stderr).toMatch(/^error E_CONFIG_READ: the folder in which you started this command was deleted/);
  expect(await run(['schema'], { cwd: null })).toMatchObject({ code: 0, stderr: '' });
  expect((await run(['check', '-c', '/no/such.yaml'], { cwd: null })).stderr).toContain(
    'there is no config file /no/such',
  );
});

test('`status` reports a restart that was interrupted after the state was moved aside', async () => {
  await using folder = await temporaryFolder();
  const file = join(folder.path, 'dynaferry.yaml');
  const example = new URL('../../../fixtures/examples/sorted-ledger.yaml', import.meta.url);
  writeFileSync(file, readFileSync(example, 'utf8'));
  expect((await run(['status', '-c', file], { env: ENVIRONMENT })).stdout).not.toContain('restart');
  askRestart(join(folder.path, 'state'), ['main']);
  const { stdout } = await run(['status', '-c', file], { env: ENVIRONMENT });
  expect(stdout).toContain('main: a restart has not finished this shard; the next backfill starts it again');
});

test(
  '`status --watch` shows nothing more to a reader that stands still, and stops on a signal',
  { timeout: 40_000 },
  async () => {
    await using folder = await temporaryFolder();
    const file = join(folder.path, 'dynaferry.yaml');
    const example = new URL('../../../fixtures/examples/sorted-ledger.yaml', import.meta.url);
    writeFileSync(file, readFileSync(example, 'utf8'));
    const stdout = new Writable({ write: () => undefined });
    let stop = (): void => undefined;
    const onSignal: Io['onSignal'] = (handler) => {
      stop = () => handler('SIGINT');
      return () => undefined;
    };
    const io = {
      stdout,
      stderr: new Writable({ write: (_t, _e, done) => done() }),
      env: ENVIRONMENT,
      cwd: '/nowhere',
      onSignal,
    };
    const watching = main(['status', '--watch', '--interval', '1', '-c', file], io);
    await expect.poll(() => stdout.writableLength).toBeGreaterThan(0);
    const one = stdout.writableLength;
    await sleep(3_500);
    expect(stdout.writableLength).toBe(one);
    stop();
    expect(await watching).toBe(6);
  },
);

describe('unwritable reports', () => {
  const failing = (code: string): Writable =>
    new Writable({
      write(_text, _encoding, done) {
        done(Object.assign(new Error('no'), { code }));
      },
      autoDestroy: false,
    });

  test('a report that meets a full disk ends the command with E_OUTPUT and exit code 6', async () => {
    const { code, stderr } = await run(['schema'], { stdout: failing('ENOSPC') });
    expect(code).toBe(6);
    expect(stderr).toMatch(/^error E_OUTPUT: dynaferry could not write to stdout \(ENOSPC\)/);
    const json = await run(['schema', '--json'], { stdout: failing('ENOSPC') });
    expect(JSON.parse(json.stderr)).toMatchObject({ error: { code: 'E_OUTPUT' }, exitCode: 6 });
  });

  test('a report to a reader that has left ends the command with exit code 0, without a message', async () => {
    expect(await run(['schema'], { stdout: failing('EPIPE') })).toMatchObject({ code: 0, stderr: '' });
  });
});
