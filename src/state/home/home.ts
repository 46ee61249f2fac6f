/**
 * Decides whether a state is still where a run last worked on it. If two copies of one state both continued, each would
 * overwrite items of the other with older ones. Neither would notice. So a run works on a state only in its last place,
 * until the operator says that the other copy has ended (`adopt.ts`).
 *
 * The place is the same where all of these hold:
 * - The file is the same: its inode, and its time of birth where the file system has one. A copy has others, and nobody
 *   can set the time of birth.
 * - The lock file is unchanged. dynaferry never writes to it, while a restore into place, chmod or chown changes its
 *   ctime.
 * - The witness (`witness.ts`) has the same lineage as the file, and has not seen more commits than the file has.
 * - The machine is the same. One run of the clocks belongs to one kernel, which containers share; else
 *   `/etc/machine-id` identifies the machine.
 *
 * A volume that moves between hosts by design (`stateMoves`) brings the same file to another machine. The state is then
 * taken up there, with a window for late writes of the other host. Two cases are not recognised. One is machines with
 * the same machine id. The other is a disk or a whole machine that was cloned or restored block by block. A state of
 * version 9 or earlier has no place on record, and neither has one whose folder was deleted.
 */
import type { Database } from 'better-sqlite3';
import { existsSync, statSync, type BigIntStats } from 'node:fs';
import { FerryError } from '../../core/errors.js';
import { SYSTEM_CLOCKS, type Clocks } from './clocks.js';
import { restartCommand, type ShardFiles } from '../sqlite/files.js';
import { basename } from 'node:path';
import { readSeen, witnessOf, type Seen } from './witness.js';

/** The identity of a file. The numbers are text, because an inode may be larger than a double can hold. */
interface FileIdentity {
  readonly inode: string;
  /** null: the file system has no time of birth. */
  readonly birth: string | null;
}

interface Home {
  /** null: the machine has no id. */
  readonly machine: string | null;
  /** The run of the clocks. */
  readonly run: string | null;
  readonly file: FileIdentity;
  /** null: there was no lock file, so no process ever worked on this copy. */
  readonly lock: (FileIdentity & { readonly changed: string }) | null;
}

/** The first reason why a state is not at home here. */
export type Displaced = 'copied' | 'other' | 'unwitnessed' | 'older' | 'machine' | 'touched';

interface Stored {
  readonly home: string | null;
  readonly lineage: string | null;
  readonly commits: number;
}

/** Version of the state file that first recorded a place. */
const FIRST_VERSION = 10;
const NOTHING_KNOWN: Stored = { home: null, lineage: null, commits: 0 };

/** Returns the recorded place, for a file of any version. */
export function storedHome(database: Database): Stored {
  if ((database.pragma('user_version', { simple: true }) as number) < FIRST_VERSION) return NOTHING_KNOWN;
  const row = database.prepare<[], Stored>('SELECT home, lineage, commits FROM meta').get();
  return row ?? NOTHING_KNOWN;
}

/** Returns this place in the form in which it is stored. */
export function homeHere({ folder, file, lock }: ShardFiles, { machine, run }: Clocks = SYSTEM_CLOCKS): string {
  // The lock file never changes, so it cannot show whether its time of birth is a real one. The folder changed when
  // files came into it.
  const tells = tellsBirth(statSync(folder, { bigint: true }));
  return JSON.stringify({
    machine,
    run,
    file: identityOf(file, tells),
    lock: existsSync(lock) ? identityOf(lock, tells) : null,
  } satisfies Home);
}

/**
 * Compares the recorded place with this one. @returns why the state is not at home here; null: it is, or it has no
 * place on record
 */
export function displaced(files: ShardFiles, database: Database, clocks: Clocks = SYSTEM_CLOCKS): Displaced | null {
  // Reads the witness before the file's own number, because another process may be at work.
  const seen = readSeen(files.file);
  const { home, lineage, commits } = storedHome(database);
  if (lineage === null) return seen === null ? null : 'other';
  // This version made or migrated the file, and has not opened it to the end yet. Or all later commits were lost.
  if (home === null) return isBehind({ lineage, commits }, seen) ? 'older' : null;
  const before = JSON.parse(home) as Home;
  const here = JSON.parse(homeHere(files, clocks)) as Home;
  if (!isSame(before.file, here.file)) return 'copied';
  if (seen === null || seen === 'unreadable') return 'unwitnessed';
  if (seen.lineage !== lineage) return 'other';
  if (isBehind({ lineage, commits }, seen)) return 'older';
  if (!isSameMachine(before, here)) return 'machine';
  // A lock file that was deleted proves nothing. The advice for a damaged lock file is to delete it.
  const known = before.lock !== null && here.lock !== null && isSame(before.lock, here.lock);
  return known && before.lock.changed !== here.lock.changed ? 'touched' : null;
}

/** Returns whether this may be another host than before, as far as the clocks show. */
export function mayBeElsewhere(database: Database, { run }: Clocks = SYSTEM_CLOCKS): boolean {
  const { home } = storedHome(database);
  return home !== null && (run === null || (JSON.parse(home) as Home).run !== run);
}

/** Returns whether the reason is no sign of a copy on a volume that moves between hosts. */
export function maySayMove(reason: Displaced): boolean {
  return reason === 'machine' || reason === 'touched';
}

/**
 * Checks the place before anything is changed, so that a refused state stays as it was.
 * @param moves the folder is on a volume that moves between hosts
 * @returns the reason that `moves` excuses; null: the state is at home here
 * @throws FerryError E_STATE_COPIED
 */
export function checkHome(
  files: ShardFiles,
  database: Database,
  moves: boolean,
  clocks: Clocks | undefined,
): Displaced | null {
  const reason = displaced(files, database, clocks);
  if (reason !== null && !(moves && maySayMove(reason))) throw copied(files, reason);
  return reason;
}

export function copied(files: ShardFiles, reason: Displaced): FerryError {
  const { shard } = files;
  return new FerryError(
    'E_STATE_COPIED',
    `${files.subject}: ${why(reason, files)}; two runs that continue from one state overwrite each other's items with older ones`,
    `find out whether a run still uses the other state, and end it. Then \`dynaferry state adopt --shard ${shard}\` adopts this one${reason === 'older' || reason === 'other' ? `, and the next backfill moves again what it lacks (or put the newer file back). After that, \`${restartCommand(shard)}\` can move everything again` : ''}`,
  );
}

function why(reason: Displaced, { file }: ShardFiles): string {
  const [state, witness] = [basename(file), basename(witnessOf(file))];
  switch (reason) {
    case 'copied':
      return `${file} is a copy, and not the file that a run last used`;
    case 'other':
      return `an earlier ${state}, or another one, replaced the last one: ${witness} belongs to a later one`;
    case 'unwitnessed':
      return `${witness}, which belongs to ${state}, is missing or damaged`;
    case 'older':
      return `${state} lacks commits that were reported: an earlier file replaced it, or its log ${state}-wal was removed`;
    case 'machine':
      return `the state was last used on another machine`;
    case 'touched':
      return `files were put back in place, or their owner or mode was changed, since a run last used the state`;
  }
}

function isBehind(file: Seen, seen: ReturnType<typeof readSeen>): boolean {
  return seen !== null && seen !== 'unreadable' && seen.lineage === file.lineage && seen.commits > file.commits;
}

function isSameMachine(a: Home, b: Home): boolean {
  if (a.run !== null && a.run === b.run) return true;
  return a.machine === null || b.machine === null || a.machine === b.machine;
}

function isSame(a: FileIdentity, b: FileIdentity): boolean {
  return a.inode === b.inode && (a.birth === null || b.birth === null || a.birth === b.birth);
}

function identityOf(file: string, tells: boolean): NonNullable<Home['lock']> {
  const stats = statSync(file, { bigint: true });
  const birth = tells || tellsBirth(stats) ? String(stats.birthtimeNs) : null;
  return { inode: String(stats.ino), birth, changed: String(stats.ctimeNs) };
}

/**
 * Returns whether the file has a real time of birth. Where the file system has none, Node returns the time of the last
 * change, or 0.
 */
function tellsBirth({ birthtimeNs, ctimeNs }: BigIntStats): boolean {
  return birthtimeNs !== 0n && birthtimeNs !== ctimeNs;
}
