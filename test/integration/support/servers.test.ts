/** Servers and the guard: what is started ends, and takes its folder along, however its parent ends. */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, readdir, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { connect } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { cached, cacheFolder } from '../../support/servers/cache.js';
import { runGuarded } from '../../support/servers/guarded.js';
import { dynamodbKinds, mysqlKinds } from '../../support/servers/kinds.js';
import { temporaryFolder } from '../../support/temporary.js';

const GONE_WITHIN_MS = 30_000;
/** Starting and stopping a server takes a second or two, and many times that on a busy machine. */
const TIMEOUT_MS = 120_000;
const KINDS_MODULE = fileURLToPath(new URL('../../support/servers/kinds.ts', import.meta.url));
const TSX = pathToFileURL(createRequire(import.meta.url).resolve('tsx')).href;

/**
 * A process of its own that starts a server of that name, says on which port, and waits. Its temp folder is `folder`.
 */
async function startParent(
  folder: string,
  name: string,
): Promise<{ readonly parent: ChildProcess; readonly port: number }> {
  const script = join(folder, 'parent.mts');
  await writeFile(
    script,
    `import { dynamodbKinds, mysqlKinds } from ${JSON.stringify(KINDS_MODULE)};
     const kind = [...mysqlKinds(), ...dynamodbKinds()].find(({ name }) => name === ${JSON.stringify(name)});
     const server = await kind.start();
     console.log(server.port ?? new URL(server.endpoint).port);
     setInterval(() => undefined, 1000);`,
  );
  const temp = join(folder, 'temp');
  await mkdir(temp);
  // The cache stays where it is: only what is temporary goes elsewhere.
  const parent = spawn(process.execPath, ['--import', TSX, script], {
    env: { ...process.env, TMPDIR: temp },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const [line] = (await once(parent.stdout, 'data')) as [Buffer];
  return { parent, port: Number(line.toString()) };
}

async function accepts(port: number): Promise<boolean> {
  return await new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
}

async function serverFolders(folder: string): Promise<string[]> {
  return (await readdir(join(folder, 'temp'))).filter((name) => name.startsWith('ferry-'));
}

function exists(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

async function eventually(condition: () => Promise<boolean>): Promise<boolean> {
  const deadline = Date.now() + GONE_WITHIN_MS;
  while (!(await condition())) {
    if (Date.now() > deadline) return false;
    await sleep(50);
  }
  return true;
}

const started = await Promise.all(
  [...mysqlKinds(), ...dynamodbKinds()].map(async (kind) => ({ kind, available: await kind.available() })),
);
const kinds = started.filter(({ available }) => available === true).map(({ kind }) => kind);
const owned = kinds.filter(({ name }) => !name.includes(' at '));

describe.each(owned)('$name', ({ name }) => {
  it(
    'a test server ends, and its folder with it, after SIGKILL of its parent',
    async () => {
      await using folder = await temporaryFolder();
      const { parent, port } = await startParent(folder.path, name);
      expect(await accepts(port)).toBe(true);
      expect(await serverFolders(folder.path)).toHaveLength(1);
      parent.kill('SIGKILL');
      expect(await eventually(async () => !(await accepts(port)))).toBe(true);
      expect(await eventually(async () => (await serverFolders(folder.path)).length === 0)).toBe(true);
    },
    TIMEOUT_MS,
  );
});

describe('the parent of a test server', () => {
  it.each(['SIGINT', 'SIGTERM', 'SIGHUP'] as const)(
    '%s to the parent of a test server leaves neither server nor folder',
    async (signal) => {
      await using folder = await temporaryFolder();
      const { parent, port } = await startParent(folder.path, 'dynalite');
      parent.kill(signal);
      expect(await eventually(async () => !(await accepts(port)))).toBe(true);
      expect(await eventually(async () => (await serverFolders(folder.path)).length === 0)).toBe(true);
    },
    TIMEOUT_MS,
  );
});

describe('guard', () => {
  const options = { files: [], env: process.env, graceMs: 300 };

  it('the guard removes its folder and reports how the program ended', async () => {
    await using folder = await temporaryFolder();
    const own = join(folder.path, 'own');
    const guarded = runGuarded([{ command: 'sh', args: ['-c', 'echo oops; exit 3'] }], {
      ...options,
      folder: own,
      log: join(own, 'log'),
    });
    expect(await guarded.exited).toEqual({ code: 3, signal: null, log: 'oops\n' });
    expect(await guarded.gone).toBe(false);
    expect(await readdir(folder.path)).toEqual([]);
  });

  it('the guard does not run its program where a step before it failed, or where the program is missing', async () => {
    await using folder = await temporaryFolder();
    const program = { command: 'sh', args: ['-c', `touch ${join(folder.path, 'ran')}`] };
    const failing = runGuarded([{ command: 'false', args: [] }, program], { ...options, folder: null, log: null });
    expect((await failing.exited).code).toBe(1);
    await failing.gone;
    const missing = runGuarded([{ command: join(folder.path, 'nothing'), args: [] }], {
      ...options,
      folder: null,
      log: null,
    });
    await expect(missing.started).rejects.toThrow('ENOENT');
    expect(await readdir(folder.path)).toEqual([]);
  });

  it('the guard kills a program that ignores SIGTERM', async () => {
    const stubborn = { command: 'sh', args: ['-c', 'trap "" TERM; while :; do sleep 0.1; done'] };
    const guarded = runGuarded([stubborn], { ...options, folder: null, log: null });
    const pid = await guarded.started;
    await guarded.close();
    expect(exists(pid)).toBe(false);
  });

  it('the guard kills processes that its program left behind, and reports them', async () => {
    const careless = { command: 'sh', args: ['-c', 'sleep 600 & echo $!'] };
    const guarded = runGuarded([careless], { ...options, folder: null, log: null });
    const [line] = guarded.stdout === null ? [''] : ((await once(guarded.stdout, 'data')) as [Buffer]);
    expect(await guarded.gone).toBe(true);
    // Dead at once; how soon its process id is free is up to init.
    expect(await eventually(() => Promise.resolve(!exists(Number(line.toString()))))).toBe(true);
  });
});

describe('the cache', () => {
  const inCache = async (test: (cache: string) => Promise<void>): Promise<void> => {
    await using folder = await temporaryFolder();
    vi.stubEnv('XDG_CACHE_HOME', folder.path);
    onTestFinished(() => void vi.unstubAllEnvs());
    await test(cacheFolder());
  };
  const fill = async (into: string): Promise<void> => {
    await writeFile(join(into, 'a'), '1');
    await sleep(20);
    await writeFile(join(into, 'b'), '2');
  };

  it('the cache shows a folder only when it is complete, and makes it once for two concurrent callers', async () => {
    await inCache(async (cache) => {
      const [one, other] = await Promise.all([cached('thing', fill), cached('thing', fill)]);
      expect(one).toBe(other);
      expect(await readdir(one)).toEqual(['a', 'b']);
      expect(await cached('thing', () => Promise.reject(new Error('again')))).toBe(one);
      expect(await readdir(cache)).toEqual(['thing']);
    });
  });

  it('the cache keeps nothing of a failed fill, and removes what a killed process left', async () => {
    await inCache(async (cache) => {
      const fails = cached('thing', async (into) => {
        await writeFile(join(into, 'a'), '1');
        throw new Error('no network');
      });
      await expect(fails).rejects.toThrow('no network');
      expect(await readdir(cache)).toEqual([]);

      const dead = spawn('true');
      await once(dead, 'exit');
      const [left, running] = [`.partial-${dead.pid ?? 0}-x`, `.partial-${process.ppid}-x`];
      for (const name of [left, running]) await mkdir(join(cache, name));
      await cached('thing', fill);
      expect(await readdir(cache)).toEqual([running, 'thing']);
    });
  });
});
