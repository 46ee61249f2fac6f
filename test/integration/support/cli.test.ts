/** The launcher, and the harness that runs it as a child process. */
import { copyFile, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { runCli, spawnCli, type CliResult } from '../../support/cli.js';
import { runGuarded } from '../../support/servers/guarded.js';
import { temporaryFolder } from '../../support/temporary.js';

const LAUNCHER = fileURLToPath(new URL('../../../bin/dynaferry', import.meta.url));

/** A launcher in a checkout of its own, whose CLI is `main`. */
async function checkout(folder: string, main: string | null): Promise<string> {
  await mkdir(join(folder, 'bin'));
  await mkdir(join(folder, 'dist/cli'), { recursive: true });
  await writeFile(join(folder, 'package.json'), '{ "type": "module" }');
  if (main !== null) await writeFile(join(folder, 'dist/cli/main.js'), `export const main = ${main};`);
  const launcher = join(folder, 'bin/dynaferry');
  await copyFile(LAUNCHER, launcher);
  return launcher;
}

describe('launcher', () => {
  it('the launcher says what to do where dynaferry is not built', async () => {
    await using folder = await temporaryFolder();
    const launcher = await checkout(folder.path, null);
    const result = await runCli(['--help'], { cwd: folder.path, launcher });
    expect(result).toMatchObject({ code: 2, stdout: '' });
    expect(result.stderr).toContain('npm ci && npm run build');
  });

  it('the launcher says what it lacks where it may open too few files, or a file of it is missing', async () => {
    await using folder = await temporaryFolder();
    const importing = async (what: string, args: readonly string[]): Promise<CliResult> => {
      await rm(join(folder.path, 'bin'), { recursive: true, force: true });
      await rm(join(folder.path, 'dist'), { recursive: true, force: true });
      const launcher = await checkout(folder.path, '0');
      await writeFile(join(folder.path, 'dist/cli/main.js'), what);
      return await runCli(args, { cwd: folder.path, launcher });
    };
    // As Node says it.
    const tooMany = `throw Object.assign(new Error("EMFILE: too many open files, open '/x'"), { code: 'EMFILE', syscall: 'open' })`;
    const files = await importing(tooMany, ['check']);
    expect(files).toMatchObject({ code: 6, stdout: '' });
    expect(files.stderr).toMatch(/^error E_TOO_MANY_FILES: .*\(EMFILE\)\n {2}next: raise the limit of open files/);
    const document = await importing(tooMany, ['check', '--json']);
    expect(document).toMatchObject({ code: 6, stderr: '' });
    expect(JSON.parse(document.stdout)).toMatchObject({ error: { code: 'E_TOO_MANY_FILES' }, faults: [], exitCode: 6 });
    const gone = await importing(`import './nowhere.js'`, ['check']);
    expect(gone).toMatchObject({ code: 2, stdout: '' });
    expect(gone.stderr).toMatch(/^dynaferry could not be loaded \(ERR_MODULE_NOT_FOUND\)\.\n.*npm run build/);
    for (const { stderr } of [files, gone]) expect(stderr).not.toMatch(/^ +at |node:internal/m);
  });

  it('the launcher passes arguments, streams, environment and folder on, and sets the exit code', async () => {
    await using folder = await temporaryFolder();
    const main = `async (argv, io) => { io.stdout.write([...argv, io.env.SAID, io.cwd].join(' ')); return 6; }`;
    const launcher = await checkout(folder.path, main);
    const result = await runCli(['a', 'b'], { cwd: folder.path, launcher, env: { SAID: 'c' } });
    expect(result).toEqual({ code: 6, signal: null, stdout: `a b c ${folder.path}`, stderr: '' });
  });

  it('the launcher passes signals on', async () => {
    await using folder = await temporaryFolder();
    const main = `(argv, io) => new Promise((resolve) => {
      const alive = setInterval(() => undefined, 1000);
      io.onSignal(() => { clearInterval(alive); resolve(130); });
      io.stdout.write('ready');
    })`;
    await using cli = await spawnCli([], { cwd: folder.path, launcher: await checkout(folder.path, main) });
    await cli.waitFor(/ready/);
    cli.kill('SIGINT');
    expect(await cli.result).toMatchObject({ code: 130, signal: null });
  });

  it('the launcher ends by a signal that no command listens to', async () => {
    await using folder = await temporaryFolder();
    const main = `(argv, io) => new Promise(() => { setInterval(() => undefined, 1000); io.stdout.write('ready'); })`;
    await using cli = await spawnCli([], { cwd: folder.path, launcher: await checkout(folder.path, main) });
    await cli.waitFor(/ready/);
    cli.kill('SIGTERM');
    expect(await cli.result).toMatchObject({ code: null, signal: 'SIGTERM' });
  });

  it('the launcher continues where the disk behind stderr is full, and where its folder was deleted', async () => {
    await using folder = await temporaryFolder();
    const main = `async (argv, io) => {
      for (let line = 0; line < 9; line += 1) { io.stderr.write('x'); await new Promise(setImmediate); }
      process.emitWarning('of no concern to an operator');
      io.stdout.write('in ' + io.cwd);
      return 3;
    }`;
    const launcher = await checkout(folder.path, main);
    const command = `mkdir gone; cd gone; rmdir ../gone; "$0" "$1" 2>/dev/full; echo " $?"; "$0" "$1" 2>&1; exit 0`;
    const program = ['bash', '-c', command, process.execPath, launcher];
    const ended = await runCli([], { cwd: folder.path, program });
    expect(ended).toMatchObject({ code: 0, stdout: 'in null 3\nxxxxxxxxxin null' });
  });

  it('the launcher prints no warning of Node 20, and none when its reader has left', async () => {
    await using folder = await temporaryFolder();
    const main = `async (argv, io) => {
      const { DynamoDBClient } = await import(${JSON.stringify(import.meta.resolve('@aws-sdk/client-dynamodb'))});
      new DynamoDBClient({ region: 'us-east-1' }).destroy();
      for (let line = 0; line < 100; line += 1) { io.stdout.write('x'.repeat(10_000)); await new Promise(setImmediate); }
      return 0;
    }`;
    const launcher = await checkout(folder.path, main);
    const log = join(folder.path, 'log');
    const command = `set -o pipefail; "$0" "$1" | head -c 1; echo " $?"`;
    const shell = { command: 'bash', args: ['-c', command, process.execPath, launcher] };
    const { AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED: _, ...env } = process.env;
    const guarded = runGuarded([shell], { folder: null, files: [], log, env, graceMs: 1000 });
    expect((await guarded.exited).log).toBe('x 0\n');
  });
});

describe('running the command line', () => {
  it('runCli() runs the built dynaferry', async () => {
    await using folder = await temporaryFolder();
    const result = await runCli(['--help'], { cwd: folder.path });
    expect(result).toMatchObject({ code: 0, stderr: '' });
    expect(result.stdout).toContain('backfill');
  });

  it('`status --watch` ends when its reader has left', async () => {
    await using folder = await temporaryFolder();
    const config = fileURLToPath(new URL('../../../fixtures/postflight/dynaferry.yaml', import.meta.url));
    const names = (await readFile(config, 'utf8')).matchAll(/\$\{(\w+)\}/g);
    const env = {
      ...Object.fromEntries([...names].map(([, name = '']) => [name, name.endsWith('PORT') ? '3306' : 'localhost'])),
      POSTFLIGHT_STATE: join(folder.path, 'state'),
    };
    const command =
      'set -o pipefail; for json in "" --json; do "$0" "$1" status -c "$2" --watch --interval 1 $json | head -1; done; echo "$?"';
    const program = ['bash', '-c', command, process.execPath, LAUNCHER, config];
    const { code, stdout } = await runCli([], { cwd: folder.path, program, env, timeoutMs: 20_000 });
    const [table, json = '', exit] = stdout.trim().split('\n');
    expect({ code, table, exit }).toMatchObject({
      code: 0,
      table: expect.stringMatching(/^shard/) as string,
      exit: '0',
    });
    expect(JSON.parse(json)).toMatchObject({ shards: [{ phase: 'new' }, { phase: 'new' }] });
  });

  it('runCli() ends a program that takes too long, and reports its output', async () => {
    await using folder = await temporaryFolder();
    const main = `(argv, io) => new Promise(() => { io.stdout.write('begun'); setInterval(() => undefined, 1000); })`;
    const launcher = await checkout(folder.path, main);
    const slow = runCli(['crawl'], { cwd: folder.path, launcher, timeoutMs: 1500 });
    await expect(slow).rejects.toThrow(/crawl did not end within 1500 ms\nbegun/);
  });

  it('runCli() fails where dynaferry leaves a process behind', async () => {
    await using folder = await temporaryFolder();
    const main = `async () => {
      const { spawn } = await import('node:child_process');
      spawn('sleep', ['600'], { stdio: 'ignore' }).unref();
      return 0;
    }`;
    // What sleeps for ten minutes is there after any time.
    const options = { cwd: folder.path, launcher: await checkout(folder.path, main), graceMs: 500 };
    await using cli = await spawnCli([], options);
    await expect(cli.result).rejects.toThrow('left processes behind');
  });
});
