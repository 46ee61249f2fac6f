/**
 * The user's cache folder, which keeps what is fetched or unpacked once for all later runs.
 *
 * It is safe without a lock: each filling works in a folder of its own beside the final one, and renames it when
 * complete. Of two at once, the second rename finds the place taken and uses what is there. The next run sweeps what a
 * killed one left.
 */
import { access, mkdir, mkdtemp, readdir, rename, rm, stat } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';

const STALE_MS = 24 * 3600_000;
const PARTIAL = '.partial-';

/** `${XDG_CACHE_HOME:-~/.cache}/dynaferry` */
export function cacheFolder(): string {
  const xdg = process.env['XDG_CACHE_HOME'];
  return join(xdg === undefined || xdg === '' ? join(homedir(), '.cache') : xdg, 'dynaferry');
}

/**
 * The folder `name` of the cache: as it is there, else as `fill` makes it.
 * @param fill is given an empty folder, which it may not count on to keep its path
 * @throws what `fill` throws; then nothing is kept
 */
export async function cached(name: string, fill: (into: string) => Promise<void>): Promise<string> {
  const cache = cacheFolder();
  const home = join(cache, name);
  await mkdir(cache, { recursive: true });
  await sweep(cache);
  if (!(await exists(home))) {
    const partial = await mkdtemp(join(cache, `${PARTIAL}${process.pid}-`));
    try {
      await fill(partial);
      await claim(partial, home);
    } finally {
      await rm(partial, { recursive: true, force: true });
    }
  }
  return home;
}

/** Moves what is complete to its place, unless another process was faster. */
async function claim(partial: string, home: string): Promise<void> {
  try {
    await rename(partial, home);
  } catch (error) {
    if (!(await exists(home))) throw error;
  }
}

/** Removes what nobody fills: its process is gone, or another process has its number by now. */
async function sweep(cache: string): Promise<void> {
  for (const name of await readdir(cache)) {
    if (!name.startsWith(PARTIAL)) continue;
    const path = join(cache, name);
    const age = await stat(path).then(
      (stats) => Date.now() - stats.mtimeMs,
      () => 0,
    );
    const owner = Number.parseInt(name.slice(PARTIAL.length), 10);
    if (age > STALE_MS || !runs(owner)) await rm(path, { recursive: true, force: true });
  }
}

function runs(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch (error) {
    // Somebody else's process takes no signal of ours, and runs all the same.
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

async function exists(path: string): Promise<boolean> {
  return await access(path).then(
    () => true,
    () => false,
  );
}
