/**
 * What the machine does to a run: a disk that is full under one shard's state, a folder that cannot be written, two
 * runs at the same moment, a clock that jumps, a process that is stopped.
 */
import { execFile, execFileSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { describe, expect, test } from 'vitest';
import { writerOf } from '../../src/state/sqlite/lock-holder.js';
import { readShardStatus } from '../../src/state/status/read-status.js';
import type { CliResult, RunningCli } from '../support/cli.js';
import { createMigration, onePair, type Migration } from '../support/migration.js';
import { lasting, quickly } from '../support/two-sources.js';

const ROWS = 600;
const HOUR_MS = 3_600_000;

function committed(migration: Migration, shard = 's01'): number {
  return readShardStatus({ folder: migration.stateFolder, shard })?.tables[0]?.backfill?.counts.rows ?? 0;
}

async function untilCommitted(migration: Migration, cli: RunningCli, rows = 1): Promise<void> {
  const end = Date.now() + 60_000;
  while (committed(migration) < rows) {
    await sleep(20);
    if (Date.now() > end) throw new Error(`${rows} rows were not committed within a minute:\n${cli.stderr}`);
  }
}

/** Of the process that works on a shard. */
function workerOf(migration: Migration, shard = 's01'): number {
  return readShardStatus({ folder: migration.stateFolder, shard })?.heartbeat?.pid ?? 0;
}

/** @returns whether a read-only file system lies there now */
function mountReadOnly(folder: string): boolean {
  try {
    execFileSync('sh', ['-c', 'mount -t tmpfs -o ro tmpfs "$1"', 'sh', folder], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

/** Nobody has processes of that id. */
const OTHER_USER = '54321';

async function runs(command: readonly string[]): Promise<boolean> {
  return await promisify(execFile)(command[0] ?? '', command.slice(1)).then(
    () => true,
    () => false,
  );
}

const prlimit = await runs(['prlimit', '--version']);

describe.each(onePair)('the machine under a backfill, $name', { timeout: 120_000 }, (servers) => {
  test.runIf(prlimit)('a shard whose state file has a full disk ends, and the other shard goes on', async () => {
    await using migration = await createMigration({ servers, shards: 2, rows: ROWS });
    migration.configure(lasting(6, 4 * ROWS));
    migration.configure(({ source }) => Object.assign(source.limits, { chunkRows: 30, scansPerServer: 4 }));
    {
      await using cli = await migration.spawn(['backfill', '--all', '--jobs', '2']);
      await untilCommitted(migration, cli);
      // No file of that process may grow any more.
      await promisify(execFile)('prlimit', ['--pid', String(workerOf(migration)), '--fsize=4096']);
      const ended = await cli.result;
      expect(ended, ended.stderr).toMatchObject({ code: 6 });
      expect(ended.stderr).toMatch(/error s01 E_STATE_IO: shard s01: .*s01\.db/);
      expect(ended.stdout).toMatch(/^s02 {2}done: 600 rows/m);
    }
    migration.configure(quickly);
    expect(await migration.run(['backfill', '--all'])).toMatchObject({ code: 0 });
    expect(await migration.items()).toHaveLength(4 * ROWS);
  });

  test.runIf(prlimit)('check warns of too few open files, and a backfill names the limit to raise', async () => {
    await using migration = await createMigration({ servers, rows: 10 });
    const limited = async (files: number, args: readonly string[]): Promise<string> => {
      const launcher = new URL('../../bin/dynaferry', import.meta.url).pathname;
      const command = ['prlimit', `--nofile=${files}:${files}`, 'node', launcher, ...args];
      const run = promisify(execFile)(command[0] ?? '', command.slice(1), {
        cwd: migration.folder,
        env: { ...process.env, ...migration.env },
      });
      return await run.then(
        ({ stdout, stderr }) => stdout + stderr,
        (error: unknown) => {
          const { stdout, stderr } = error as { readonly stdout: string; readonly stderr: string };
          return stdout + stderr;
        },
      );
    };
    expect(await limited(60, ['check'])).toMatch(/^warning E_MACHINE_LIMITS: a process may open 60 files/m);
    const refused = await limited(31, ['backfill']);
    expect(refused).toMatch(/E_TOO_MANY_FILES: .*\(E[MN]FILE\)/);
    expect(refused).toMatch(/ulimit -n/);
    expect(refused).not.toMatch(/^ +at |node:internal/m);
    expect(await migration.run(['backfill'])).toMatchObject({ code: 0 });
  });

  // Root has no limit of processes, so somebody else has to run it.
  test.runIf(prlimit && process.getuid?.() === 0)(
    'a shard whose process gets no process or too few threads reports so at once, and the others go on',
    async (context) => {
      await using migration = await createMigration({ servers, shards: 4, rows: 40 });
      const user = ['setpriv', `--reuid=${OTHER_USER}`, `--regid=${OTHER_USER}`, '--clear-groups'];
      const launcher = new URL('../../bin/dynaferry', import.meta.url).pathname;
      if (!(await runs([...user, process.execPath, launcher, '--version'])))
        return context.skip('no other user can run this checkout');
      execFileSync('chown', ['-R', OTHER_USER, migration.folder]);
      migration.configure(({ source }) => Object.assign(source.limits, { scansPerServer: 4 }));
      const limited = async (processes: number, args: readonly string[]): Promise<CliResult> => {
        const program = [...user, 'prlimit', `--nproc=${processes}:${processes}`, process.execPath, launcher];
        return await migration.run(args, { program, env: { HOME: migration.folder } });
      };
      expect((await limited(20, ['check'])).stdout).toMatch(
        /^warning E_MACHINE_LIMITS: \d+ more processes and threads/m,
      );
      // Beside the 11 threads of the one that starts them: as many as some of the processes want, part of one, none.
      for (const processes of [30, 18, 13]) {
        const ended = await limited(processes, ['backfill', '--all', '--jobs', '4']);
        expect(ended, ended.stderr).toMatchObject({ code: 6 });
        const faults = [...ended.stderr.matchAll(/^error s0\d (E_\w+): (.*)$/gm)];
        expect(faults.length).toBeGreaterThanOrEqual(1);
        for (const [line, code] of faults) expect(code, line).toBe('E_TOO_MANY_PROCESSES');
        expect(ended.stderr).not.toMatch(/no sign of life/);
        expect(ended.stderr).toMatch(/next: raise the limit \(`ulimit -u`/);
      }
      expect(await limited(500, ['backfill', '--all'])).toMatchObject({ code: 0 });
      expect(await migration.items()).toHaveLength(2 * 4 * 40);
    },
  );

  test("a run reports that a shard's process ended by a signal, and guesses no cause where nothing names one", async () => {
    await using migration = await createMigration({ servers, rows: ROWS });
    migration.configure(lasting(6, 2 * ROWS));
    await using cli = await migration.spawn(['backfill']);
    await untilCommitted(migration, cli);
    // As V8 ends a process whose heap is full; but then it says so.
    process.kill(workerOf(migration), 'SIGABRT');
    const ended = await cli.result;
    expect(ended).toMatchObject({ code: 6 });
    expect(ended.stderr).toMatch(
      /error s01 E_WORKER_DIED: the process of shard s01 ended by SIGABRT before it was done$/m,
    );
  });

  test('a run reports a state folder that it cannot write before it starts', async (context) => {
    await using migration = await createMigration({ servers, rows: 10 });
    const folder = join(migration.folder, 'read-only');
    mkdirSync(folder, { mode: 0o555 });
    // Root writes in any folder, unless its file system is read-only.
    const root = process.getuid?.() === 0;
    if (root && !mountReadOnly(folder)) return context.skip('root may not mount here');
    try {
      migration.configure((config) => (config.state = join(folder, 'state')));
      for (const command of ['check', 'backfill']) {
        const refused = await migration.run([command]);
        expect(refused, refused.stderr).toMatchObject({ code: 6 });
        expect(refused.stdout + refused.stderr).toMatch(
          /E_STATE_IO: .*read-only\/state cannot be used: this user may not write/,
        );
      }
      expect(await migration.items()).toEqual([]);
    } finally {
      if (root) execFileSync('sh', ['-c', 'umount -l "$1"', 'sh', folder]);
    }
  });

  test('one of two runs that start at the same moment works on the shard, and the other reports so', async () => {
    await using migration = await createMigration({ servers, rows: ROWS });
    migration.configure(lasting(6, 2 * ROWS));
    const clis = await Promise.all([migration.spawn(['backfill']), migration.spawn(['backfill'])]);
    try {
      const ended = await Promise.all(clis.map((cli) => cli.result));
      expect(ended.map(({ code }) => code).sort()).toEqual([0, 6]);
      const refused = ended.find(({ code }) => code === 6);
      expect(refused?.stderr).toMatch(
        /error s01 E_STATE_LOCKED: shard s01: (another process|process \d+) works on this shard/,
      );
      expect(refused?.stderr).toMatch(/let it finish/);
    } finally {
      for (const cli of clis) await cli[Symbol.asyncDispose]();
    }
    expect(await migration.items()).toHaveLength(2 * ROWS);
  });

  test('a backfill finishes though its clock jumps forward and then far back', async () => {
    await using migration = await createMigration({ servers, rows: ROWS });
    migration.configure(lasting(5, 2 * ROWS));
    const file = join(migration.folder, 'clock');
    writeFileSync(file, '0');
    const script = new URL('scripts/jumping-clock.js', import.meta.url).href;
    const env = { NODE_OPTIONS: `--import=${script}`, JUMPING_CLOCK: file };
    await using cli = await migration.spawn(['backfill'], { env });
    await untilCommitted(migration, cli);
    writeFileSync(file, String(HOUR_MS));
    await untilCommitted(migration, cli, ROWS / 4);
    writeFileSync(file, String(-24 * HOUR_MS));
    const ended = await cli.result;
    expect(ended, ended.stderr).toMatchObject({ code: 0 });
    // Some seconds, whatever the clock said: neither an hour, nor less than nothing.
    expect(ended.stdout).toMatch(/^s01 {2}done: 600 rows, 1,200 items \(.*, (\d+m \d\d|[1-9]\d*)s\)/m);
    const status = await migration.run(['status']);
    expect(status.stdout).toMatch(/^s01 +backfilled /m);
    expect(await migration.items()).toHaveLength(2 * ROWS);
  });

  test('a run reports a stopped shard process within seconds, and completes once the process continues', async () => {
    await using migration = await createMigration({ servers, rows: ROWS });
    migration.configure(lasting(6, 2 * ROWS));
    await using cli = await migration.spawn(['backfill']);
    await untilCommitted(migration, cli);
    const worker = workerOf(migration);
    process.kill(worker, 'SIGSTOP');
    await cli.waitFor(
      new RegExp(
        `s01 warning: the process of shard s01 \\(${worker}\\) has given no sign of life for 10 s; check whether`,
      ),
    );
    process.kill(worker, 'SIGCONT');
    expect(await cli.result).toMatchObject({ code: 0 });
    expect(await migration.items()).toHaveLength(2 * ROWS);
  });

  test('a run ends a shard process that gives no sign of life, and the other shard goes on', async () => {
    await using migration = await createMigration({ servers, shards: 2, rows: ROWS });
    migration.configure(lasting(6, 4 * ROWS));
    {
      const script = new URL('scripts/hurried-supervisor.js', import.meta.url).href;
      const env = { NODE_OPTIONS: `--import=${script}` };
      await using cli = await migration.spawn(['backfill', '--all', '--jobs', '2'], { env });
      await untilCommitted(migration, cli);
      process.kill(workerOf(migration), 'SIGSTOP');
      const ended = await cli.result;
      expect(ended, ended.stderr).toMatchObject({ code: 6 });
      expect(ended.stderr).toMatch(
        /error s01 E_WORKER_HUNG: the process of shard s01 gave no sign of life for 5 minutes and was ended/,
      );
      expect(ended.stdout).toMatch(/^s02 {2}done: 600 rows/m);
    }
    migration.configure(quickly);
    expect(await migration.run(['backfill', '--all'])).toMatchObject({ code: 0 });
    expect(await migration.items()).toHaveLength(4 * ROWS);
  });

  test.runIf(process.platform === 'linux')(
    'a run ends a shard process that was stopped while it held the key register, and the others go on',
    async () => {
      await using migration = await createMigration({ servers, shards: 2, rows: ROWS });
      migration.configure(lasting(6, 4 * ROWS));
      migration.configure(({ source }) => {
        // Nothing is declared that keeps item keys apart, so each is recorded.
        source.table = { name: 'messages' };
        Object.assign(source.limits, { chunkRows: 20 });
      });
      {
        await using cli = await migration.spawn(['backfill', '--all', '--jobs', '2']);
        await untilCommitted(migration, cli);
        stopInTransaction(workerOf(migration), join(migration.stateFolder, 'item-keys.db'));
        const stopped = performance.now();
        const ended = await cli.result;
        expect(ended, ended.stderr).toMatchObject({ code: 6 });
        expect(ended.stderr).toMatch(
          /error s01 E_WORKER_HUNG: the process of shard s01 was stopped while it had the register of item keys locked/,
        );
        expect(ended.stderr).toMatch(/s02 waits for the register of item keys, which process \d+ has locked/);
        expect(ended.stdout).toMatch(/^s02 {2}done: 600 rows/m);
        expect(performance.now() - stopped).toBeLessThan(60_000);
      }
      migration.configure(quickly);
      expect(await migration.run(['backfill', '--all'])).toMatchObject({ code: 0 });
      expect(await migration.items()).toHaveLength(4 * ROWS);
    },
  );
});

/** Watches until the process has the write lock of that SQLite file, and stops it before it gives it back. */
function stopInTransaction(pid: number, file: string): void {
  const end = Date.now() + 30_000;
  while (Date.now() < end) {
    if (writerOf(file) !== pid) continue;
    process.kill(pid, 'SIGSTOP');
    if (writerOf(file) === pid) return;
    process.kill(pid, 'SIGCONT');
  }
  throw new Error('it was never met in a transaction');
}
