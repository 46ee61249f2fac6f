/**
 * SIGINT and SIGTERM: the first saves the checkpoint and exits 130, and the resume sends nothing of a committed chunk
 * again; the second ends at once, and that loses nothing either. So it is where a terminal is closed, and under the
 * programs that others start dynaferry by.
 */
import { execFile } from 'node:child_process';
import { closeSync, constants, openSync, readdirSync, readFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import type { PassKind } from '../../src/core/ports/state-records.js';
import { shardFiles } from '../../src/state/sqlite/files.js';
import { acquireLock, type Lock } from '../../src/state/sqlite/lock.js';
import { readShardStatus } from '../../src/state/status/read-status.js';
import { LAUNCHER, type RunningCli } from '../support/cli.js';
import { startFaultProxy, type FaultPlan, type FaultProxy } from '../support/fault-proxy.js';
import { letLateWriteWindowPass } from '../support/late-writes.js';
import { canMake, PID_NAMESPACE } from '../support/namespaces.js';
import { temporaryFolder } from '../support/temporary.js';
import { createMigration, onePair, type ConfigDocument, type Migration } from '../support/migration.js';

const ROWS = 1_500;
const ITEMS = 2 * ROWS;
const SECOND = 1_000;

/** Rows in committed chunks of the newest pass, from the state file. */
function committed(migration: Migration, kind: PassKind): number {
  const status = readShardStatus({ folder: migration.stateFolder, shard: 's01' });
  return status?.tables[0]?.[kind]?.counts.rows ?? 0;
}

async function until(condition: () => boolean, cli: RunningCli): Promise<void> {
  const end = Date.now() + 60 * SECOND;
  while (!condition()) {
    await sleep(20);
    if (Date.now() > end) throw new Error(`it did not come to that within a minute:\n${cli.stdout}\n${cli.stderr}`);
  }
}

/** Units for a run that takes some ten seconds; few requests at once, so that the first chunks are done early on. */
function slowly(config: ConfigDocument): void {
  Object.assign(config.target, { writeCapacity: ITEMS / 10, readCapacity: ITEMS / 10, maxInFlightRequests: 2 });
}

function quickly(config: ConfigDocument): void {
  Object.assign(config.target, { writeCapacity: 100_000, readCapacity: 100_000 });
}

const through = (proxy: FaultProxy): { env: Record<string, string> } => ({
  env: { AWS_ENDPOINT_URL_DYNAMODB: proxy.endpoint },
});

/** Items written or keys read. */
const sent = (proxy: FaultProxy, operation: string): number =>
  proxy.requests
    .filter((request) => request.operation === operation)
    .reduce((sum, { entries }) => sum + entries.length, 0);

const pass: FaultPlan = () => ({ kind: 'pass' });

describe.each(onePair)('a backfill from $name', { timeout: 120_000 }, (servers) => {
  it.each([
    { signal: 'SIGINT', to: 'process group' },
    { signal: 'SIGTERM', to: 'supervisor' },
  ] as const)('$signal to the $to stops a backfill, which resumes behind its checkpoint', async ({ signal, to }) => {
    await using migration = await createMigration({ servers, rows: ROWS, config: slowly });
    await using proxy = await startFaultProxy(servers.dynamodb.endpoint, pass);
    await using cli = await migration.spawn(['backfill'], through(proxy));
    await until(() => committed(migration, 'backfill') > 0, cli);
    if (to === 'supervisor') cli.kill(signal);
    else cli.killGroup(signal);
    const stopped = await cli.result;
    expect(stopped).toMatchObject({ code: 130, signal: null });
    expect(stopped.stderr).toContain('stopping: writes in flight finish');
    expect(stopped.stdout).toContain('run the same command again to resume');

    const done = committed(migration, 'backfill');
    expect(done).toBeLessThan(ROWS);
    const rows = done.toLocaleString('en-US');
    expect(stopped.stdout).toMatch(new RegExp(`^s01 {2}interrupted, checkpoint saved: ${rows} rows`, 'm'));
    const before = sent(proxy, 'BatchWriteItem');
    migration.configure(quickly);
    expect(await migration.run(['backfill'], through(proxy))).toMatchObject({ code: 0 });
    expect(sent(proxy, 'BatchWriteItem') - before).toBe(ITEMS - 2 * done);
    expect(await migration.items()).toHaveLength(ITEMS);
    expect(committed(migration, 'backfill')).toBe(ROWS);
  });
});

describe.each(onePair)('a verification of $name', { timeout: 120_000 }, (servers) => {
  it('SIGINT stops a verification, which resumes behind its checkpoint', async () => {
    await using migration = await createMigration({ servers, rows: ROWS });
    await using proxy = await startFaultProxy(servers.dynamodb.endpoint, pass);
    expect(await migration.run(['backfill'])).toMatchObject({ code: 0 });

    migration.configure(slowly);
    await using cli = await migration.spawn(['verify'], through(proxy));
    await until(() => committed(migration, 'verify') > 0, cli);
    cli.killGroup('SIGINT');
    expect(await cli.result).toMatchObject({ code: 130, signal: null });

    const done = committed(migration, 'verify');
    expect(done).toBeLessThan(ROWS);
    const before = sent(proxy, 'BatchGetItem');
    migration.configure(quickly);
    expect(await migration.run(['verify'], through(proxy))).toMatchObject({ code: 0 });
    expect(sent(proxy, 'BatchGetItem') - before).toBe(ITEMS - 2 * done);
    expect(committed(migration, 'verify')).toBe(ROWS);
  });
});

describe.each(onePair)('a second signal to $name', { timeout: 120_000 }, (servers) => {
  it.each([
    { command: 'backfill', operation: 'BatchWriteItem' },
    { command: 'verify', operation: 'BatchGetItem' },
  ])('a second signal ends $command at once, and a resume loses nothing', async ({ command, operation }) => {
    await using migration = await createMigration({ servers, rows: 300 });
    if (command === 'verify') expect(await migration.run(['backfill'])).toMatchObject({ code: 0 });
    // Longer than anybody would wait.
    await using proxy = await startFaultProxy(servers.dynamodb.endpoint, () => ({ kind: 'late', ms: 20 * SECOND }));
    await using cli = await migration.spawn([command], through(proxy));
    await until(() => sent(proxy, operation) > 0, cli);
    cli.killGroup('SIGINT');
    await cli.waitFor(/stopping: .*Ctrl-C again to end at once/);
    // What came with it, or nearly, would be the same signal.
    await sleep(600);
    const begun = performance.now();
    cli.killGroup('SIGINT');
    const ended = await cli.result;
    expect(performance.now() - begun).toBeLessThan(5 * SECOND);
    expect(ended).toMatchObject({ code: 130, signal: null });
    expect(ended.stdout).toContain('run the same command again to resume');

    expect(await migration.run(['backfill'])).toMatchObject({ code: 0 });
    expect(await migration.items()).toHaveLength(600);
    if (command === 'backfill') {
      // What was under way could still be applied.
      expect(await migration.run(['verify'])).toMatchObject({ code: 7 });
      letLateWriteWindowPass(migration.stateFolder, ['s01']);
    }
    expect(await migration.run(['verify'])).toMatchObject({ code: 0 });
  });
});

describe.each(onePair)('a process that dies after a stop of $name', { timeout: 120_000 }, (servers) => {
  it.each([
    // As V8 ends a process whose heap is full.
    { signal: 'SIGABRT' },
    // As the kernel ends one for its memory.
    { signal: 'SIGKILL' },
  ] as const)('a shard process that dies by $signal after a stop is reported as failed', async ({ signal }) => {
    await using migration = await createMigration({ servers, rows: 300 });
    await using proxy = await startFaultProxy(servers.dynamodb.endpoint, () => ({ kind: 'late', ms: 20 * SECOND }));
    await using cli = await migration.spawn(['backfill'], through(proxy));
    await until(() => sent(proxy, 'BatchWriteItem') > 0, cli);
    cli.kill('SIGINT');
    await cli.waitFor(/stopping: /);
    process.kill(readShardStatus({ folder: migration.stateFolder, shard: 's01' })?.heartbeat?.pid ?? 0, signal);
    const ended = await cli.result;
    expect(ended, ended.stderr).toMatchObject({ code: 6, signal: null });
    expect(ended.stderr).toMatch(
      new RegExp(
        `^error s01 E_WORKER_DIED: the process of shard s01 ended by ${signal} before it was done; it had been asked to stop, and its unfinished work is not in the checkpoint$`,
        'm',
      ),
    );
    expect(ended.stdout).toMatch(/^s01 {2}failed: 0 rows/m);
    expect(ended.stdout + ended.stderr).not.toContain('checkpoint saved');
    expect(await migration.run(['backfill'])).toMatchObject({ code: 0 });
    expect(await migration.items()).toHaveLength(600);
  });
});

const TERMINAL = fileURLToPath(new URL('scripts/terminal.py', import.meta.url));
const STANDING_TERMINAL = fileURLToPath(new URL('scripts/standing-terminal.py', import.meta.url));
const python = await promisify(execFile)('python3', ['-c', 'import pty']).then(
  () => process.platform === 'linux',
  () => false,
);
const BACKFILL = [process.execPath, LAUNCHER, 'backfill'] as const;

interface Way {
  readonly name: string;
  readonly program: readonly string[];
  readonly stop: (cli: RunningCli) => void;
  /** How the run ended, as far as that way shows it. */
  readonly ended: RegExp | number;
}

const hangUp = (cli: RunningCli): void => cli.kill('SIGUSR1');

/** Each must leave a checkpoint, and nothing under way. */
const WAYS: readonly Way[] = [
  {
    name: 'a terminal that is closed under bash, which is told of it and tells its jobs',
    program: ['python3', TERMINAL, BACKFILL.join(' '), 'bash', '--norc', '--noprofile', '-i'],
    stop: hangUp,
    ended: /^process \d+ exited with 130$/m,
  },
  {
    name: 'a terminal of its own that is closed, as its session leader',
    program: ['python3', TERMINAL, '', ...BACKFILL],
    stop: hangUp,
    ended: /^process \d+ exited with 130$/m,
  },
  {
    name: 'SIGHUP to the group by the shell and by the kernel',
    program: ['setsid', '--wait', ...BACKFILL],
    stop: (cli) => {
      const supervisor = childOf(cli.pid);
      process.kill(-supervisor, 'SIGHUP');
      process.kill(-supervisor, 'SIGHUP');
    },
    ended: 130,
  },
  {
    // It signals its child, and then its whole group.
    name: '`timeout`',
    program: ['timeout', '600', ...BACKFILL],
    stop: (cli) => cli.kill('SIGTERM'),
    ended: 130,
  },
];

function childOf(pid: number): number {
  return Number(readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ')[0]);
}

describe.each(onePair)('programs that stop a backfill from $name', { timeout: 120_000 }, (servers) => {
  it.runIf(python)(
    'a backfill leaves a checkpoint when a closed terminal, a shell or `timeout` stops it, and `nohup` protects it',
    async () => {
      await using migration = await createMigration({ servers, rows: ROWS, config: slowly });
      migration.configure(({ source }) => Object.assign(source.limits, { chunkRows: 20 }));
      for (const { name, program, stop, ended } of WAYS) {
        const before = committed(migration, 'backfill');
        await using cli = await migration.spawn([], { program });
        await until(() => committed(migration, 'backfill') > before, cli);
        stop(cli);
        const result = await cli.result;
        if (typeof ended === 'number') expect(result, name).toMatchObject({ code: ended });
        else expect(result.stdout, name).toMatch(ended);
        expect(result.stdout, name).not.toMatch(/ended by signal (?!1$)/m);
        const status = readShardStatus({ folder: migration.stateFolder, shard: 's01' });
        expect({ name, lateWritesUntil: status?.lateWritesUntil }).toEqual({ name, lateWritesUntil: null });
      }
      const before = committed(migration, 'backfill');
      await using cli = await migration.spawn(['backfill'], { program: ['nohup', LAUNCHER] });
      await until(() => committed(migration, 'backfill') > before, cli);
      const then = committed(migration, 'backfill');
      cli.killGroup('SIGHUP');
      await until(() => committed(migration, 'backfill') > then, cli);
      // Whatever was in flight at a stop would be committed too.
      expect(cli.stderr).not.toContain('stopping:');
      cli.killGroup('SIGINT');
      expect(await cli.result).toMatchObject({ code: 130 });
      migration.configure(quickly);
      expect(await migration.run(['backfill'])).toMatchObject({ code: 0 });
      expect(await migration.run(['verify'])).toMatchObject({ code: 0 });
    },
  );
});

/** The first process of a container: signals that it does not handle do nothing to it. */
describe.each(onePair)('`docker stop` of a backfill from $name', { timeout: 120_000 }, (servers) => {
  it.runIf(canMake(PID_NAMESPACE))('`docker stop` of a backfill leaves a checkpoint within ten seconds', async () => {
    await using migration = await createMigration({ servers, rows: ROWS, config: slowly });
    migration.configure(({ source }) => Object.assign(source.limits, { chunkRows: 20 }));
    await using cli = await migration.spawn([], { program: [...PID_NAMESPACE.split(' '), ...BACKFILL] });
    await until(() => committed(migration, 'backfill') > 0, cli);
    const first = childOf(cli.pid);
    process.kill(first, 'SIGTERM');
    const killed = setTimeout(() => process.kill(first, 'SIGKILL'), 10 * SECOND);
    const result = await cli.result;
    clearTimeout(killed);
    expect(result, result.stderr).toMatchObject({ code: 130 });
    const status = readShardStatus({ folder: migration.stateFolder, shard: 's01' });
    expect(status).toMatchObject({ lateWritesUntil: null });
    migration.configure(quickly);
    expect(await migration.run(['backfill'])).toMatchObject({ code: 0 });
    expect(await migration.items()).toHaveLength(ITEMS);
  });
});

/** A pipe that is full; whoever has it open for reading does not read. */
async function fullPipe(folder: string): Promise<{ readonly file: string } & Disposable> {
  const file = join(folder, 'full');
  await promisify(execFile)('mkfifo', [file]);
  const descriptor = openSync(file, constants.O_RDWR | constants.O_NONBLOCK);
  try {
    for (;;) writeSync(descriptor, 'x'.repeat(512));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EAGAIN') throw error;
  }
  return { file, [Symbol.dispose]: () => closeSync(descriptor) };
}

describe.each(onePair)('a backfill from $name whose reader stands still', { timeout: 120_000 }, (servers) => {
  const checkpointed = (migration: Migration): void => {
    const status = readShardStatus({ folder: migration.stateFolder, shard: 's01' });
    expect(status).toMatchObject({ running: false, lateWritesUntil: null });
  };

  it.each([
    { of: 'both streams', redirected: '>"$0" 2>&1' },
    { of: 'stdout', redirected: '>"$0"' },
    { of: 'stderr', redirected: '2>"$0"' },
  ])('the first signal stops a backfill within seconds though nobody reads the pipe of $of', async ({ redirected }) => {
    await using migration = await createMigration({ servers, rows: ROWS, config: slowly });
    await using folder = await temporaryFolder();
    using pipe = await fullPipe(folder.path);
    await using cli = await migration.spawn([], {
      program: ['sh', '-c', `exec "$@" ${redirected}`, pipe.file, ...BACKFILL, '--all-events'],
    });
    await until(() => committed(migration, 'backfill') > 0, cli);
    cli.kill('SIGINT');
    const begun = performance.now();
    expect(await cli.result).toMatchObject({ code: 130, signal: null });
    expect(performance.now() - begun).toBeLessThan(30 * SECOND);
    checkpointed(migration);
  });

  it.runIf(python)('the first signal stops a backfill within seconds though its terminal stands still', async () => {
    await using migration = await createMigration({ servers, rows: ROWS, config: slowly });
    await using cli = await migration.spawn([], { program: ['python3', STANDING_TERMINAL, ...BACKFILL] });
    await until(() => committed(migration, 'backfill') > 0, cli);
    cli.kill('SIGINT');
    const begun = performance.now();
    expect((await cli.result).stdout).toBe('130\n');
    expect(performance.now() - begun).toBeLessThan(30 * SECOND);
    checkpointed(migration);
  });
});

describe.each(onePair)('a restart of several shards from $name', { timeout: 120_000 }, (servers) => {
  it('an interrupted restart of several shards resumes as one by the command that it names', async () => {
    await using migration = await createMigration({ servers, shards: 2, rows: 300 });
    expect(await migration.run(['backfill', '--all'])).toMatchObject({ code: 0 });
    for (const database of migration.databases) await database.query("UPDATE messages SET body = 'changed' LIMIT 9");
    migration.configure(({ target }) => Object.assign(target, { writeCapacity: 200, maxInFlightRequests: 2 }));
    const archives = (): readonly string[] =>
      readdirSync(migration.stateFolder)
        .flatMap((name) => /^(s\d+)\..*Z\.db$/.exec(name)?.[1] ?? [])
        .sort();
    {
      await using cli = await migration.spawn(['backfill', '--all', '--restart', '--jobs', '1']);
      await until(() => archives().length > 0 && committed(migration, 'backfill') > 0, cli);
      cli.killGroup('SIGINT');
      const stopped = await cli.result;
      expect(stopped).toMatchObject({ code: 130 });
      expect(stopped.stdout).toMatch(/^s01 {2}interrupted, checkpoint saved: /m);
      expect(stopped.stdout).toMatch(/^s02 {2}--restart has not reached it yet: /m);
      expect(stopped.stdout).toContain('to resume, run `dynaferry backfill --all --jobs 1`; with --restart, all');
    }
    expect((await migration.run(['status'])).stdout).toMatch(/^s02: a restart has not reached this shard/m);
    migration.configure(quickly);
    const done = committed(migration, 'backfill');
    const resumed = await migration.run(['backfill', '--all', '--jobs', '1']);
    expect(resumed).toMatchObject({ code: 0 });
    expect(resumed.stderr).toMatch(/an earlier --restart has not finished shard s02: this run starts it again/);
    expect(done).toBeGreaterThan(0);
    // Each was put aside once: what s01 had moved again by then was not moved a third time.
    expect(archives()).toEqual(['s01', 's02']);
    expect(await migration.run(['verify', '--all'])).toMatchObject({ code: 0 });
    expect(await migration.run(['backfill', '--all'])).toMatchObject({ code: 0 });
    expect(archives()).toEqual(['s01', 's02']);
  });

  it("a restart of several shards reports the shard that refuses it, also where it cannot take back that shard's note", async () => {
    await using migration = await createMigration({ servers, shards: 2, rows: 300 });
    expect(await migration.run(['backfill', '--all'])).toMatchObject({ code: 0 });
    migration.configure(({ target }) => Object.assign(target, { writeCapacity: 100, maxInFlightRequests: 2 }));
    const folder = migration.stateFolder;
    const hold = (name: string) => acquireLock(join(folder, name), shardFiles(folder, 's01'), 0);
    const [shard, notes] = [hold('s01.lock'), { lock: null as Lock | null }];
    try {
      await using cli = await migration.spawn(['backfill', '--all', '--restart']);
      await until(() => readdirSync(folder).some((name) => /^s02\..*Z\.db$/.test(name)), cli);
      await until(() => !readdirSync(folder).includes('s02.restart'), cli);
      await until(() => (notes.lock ??= hold('.restarts.lock')) !== null, cli);
      const ended = await cli.result;
      expect(ended.stdout).toMatch(/^s01 {2}failed: /m);
      expect(ended.stdout).toMatch(/^s02 {2}done: 300 rows/m);
      expect(ended.stderr).toMatch(/^error s01 E_STATE_LOCKED: /m);
      expect(ended.stderr).toMatch(/^warning E_STATE_LOCKED: .*\.restarts\.lock.*\n +next: .*s01\.restart/m);
      expect(ended.code).toBe(6);
    } finally {
      notes.lock?.release();
      shard?.release();
    }
  });
});
