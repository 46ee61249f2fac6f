/**
 * Unpacks packages of another Debian suite than the machine's, with all that they depend on, into the user's cache
 * folder. It needs no root and no chroot, installs nothing and mounts nothing. apt fetches the packages from the
 * mirrors that it is configured with, and checks Debian's signatures and hashes. It keeps a state of its own beside the
 * system's.
 */
import { execFile, type ExecFileException } from 'node:child_process';
import { access, mkdir, readdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { cached } from './cache.js';
import { findProgram } from './scratch.js';

const run = promisify(execFile);
const APT_DEADLINE_MS = 10 * 60_000;
/** So that a machine without a network learns of it soon. */
const NETWORK_PATIENCE = [
  '-o',
  'Acquire::Retries=1',
  '-o',
  'Acquire::http::Timeout=20',
  '-o',
  'Acquire::https::Timeout=20',
];
/** Debian's package debian-archive-keyring; its keys sign every suite. */
const KEYRINGS = ['pgp', 'gpg'].map((ending) => `/usr/share/keyrings/debian-archive-keyring.${ending}`);

/**
 * A folder like `/`, with `usr` in it, that holds the package's newest version of the day when it was first asked for.
 * @throws Error that says why it cannot be had here
 */
export async function debianTree(suite: string, name: string): Promise<string> {
  if ((await findProgram('apt-get')) === null || (await findProgram('dpkg-deb')) === null) {
    throw new Error(`${name} comes from Debian ${suite}, and there is no apt-get here`);
  }
  return await cached(`debian-${suite}-${name}-${process.arch}`, async (into) => {
    const apt = await Apt.within(join(into, 'apt'));
    for (const archive of await apt.download(suite, name)) await run('dpkg-deb', ['--extract', archive, into]);
    await rm(apt.folder, { recursive: true });
  });
}

/**
 * apt-get with the machine's configuration, but lists, downloads and knowledge of what is installed (nothing) of its
 * own.
 */
class Apt {
  private constructor(readonly folder: string) {}

  static async within(folder: string): Promise<Apt> {
    for (const needed of ['lists/partial', 'archives/partial']) await mkdir(join(folder, needed), { recursive: true });
    await writeFile(join(folder, 'status'), '');
    return new Apt(folder);
  }

  /** The package's archive and those of its dependencies, from the first mirror that has the suite. @throws Error */
  async download(suite: string, name: string): Promise<readonly string[]> {
    let refused: Error | null = null;
    for (const mirror of await this.#mirrors()) {
      try {
        await writeFile(join(this.folder, 'sources.list'), `deb ${await listOptions()} ${mirror} ${suite} main\n`);
        await this.#run(['update']);
        await this.#run(['install', '--yes', '--no-install-recommends', '--download-only', name]);
        const archives = join(this.folder, 'archives');
        const files = (await readdir(archives)).filter((file) => file.endsWith('.deb'));
        return files.map((file) => join(archives, file));
      } catch (error) {
        refused ??= new Error(`apt-get says: ${complaint(error)}`, { cause: error });
      }
    }
    throw refused ?? new Error("apt's configuration names no mirror");
  }

  /** Returns the mirrors of the machine's own suites. */
  async #mirrors(): Promise<readonly string[]> {
    const lists = ['-o', `Dir::State::lists=${join(this.folder, 'lists')}`];
    const { stdout } = await run('apt-get', [...lists, '--print-uris', 'update'], { timeout: APT_DEADLINE_MS });
    return [...new Set(Array.from(stdout.matchAll(/^'(\S+?)\/dists\//gm), ([, mirror = '']) => mirror))];
  }

  async #run(args: readonly string[]): Promise<void> {
    const own = [
      `Dir::State::lists=${join(this.folder, 'lists')}`,
      `Dir::State::status=${join(this.folder, 'status')}`,
      `Dir::State::extended_states=${join(this.folder, 'extended_states')}`,
      `Dir::Cache=${this.folder}`,
      `Dir::Cache::archives=${join(this.folder, 'archives')}`,
      `Dir::Etc::SourceList=${join(this.folder, 'sources.list')}`,
      'Dir::Etc::SourceParts=/dev/null',
      // A mirror out of reach is a reason of its own, not merely a list that lacks the package.
      'APT::Update::Error-Mode=any',
      // Root's own folder is closed to the user that apt would fetch as.
      ...(process.getuid?.() === 0 ? ['APT::Sandbox::User=root'] : []),
    ];
    const options = own.flatMap((option) => ['-o', option]);
    await run('apt-get', ['--quiet', ...options, ...NETWORK_PATIENCE, ...args], {
      timeout: APT_DEADLINE_MS,
      env: { ...process.env, LC_ALL: 'C' },
    });
  }
}

/**
 * Returns the options of a line in sources.list: the index of the packages alone, checked with Debian's own keys where
 * the machine has them.
 */
async function listOptions(): Promise<string> {
  for (const keyring of KEYRINGS) {
    const there = await access(keyring).then(
      () => true,
      () => false,
    );
    if (there) return `[target=Packages lang=none signed-by=${keyring}]`;
  }
  return '[target=Packages lang=none]';
}

/** Returns the reason that apt-get gave: its first line that begins with `E:`. */
function complaint(thrown: unknown): string {
  const { stderr = '' } = thrown as ExecFileException;
  return /^E: (.*)/m.exec(stderr)?.[1] ?? 'nothing';
}
