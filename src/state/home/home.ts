/**
 * Where a state lives. Two copies of one state that both go on overwrite each other's items with older ones, each of
 * them sure of itself: so a state is worked on only where it was worked on last, until the operator says that the other
 * one has ended (`adopt.ts`).
 *
 * It is the same place where all of this holds:
 * - the file is the same one: inode, and time of birth where the file system tells it. A copy has others; nobody can
 *   set the latter.
 * - the lock file was not changed: nothing of ours ever writes to it, while a restore into place, chmod or chown
 *   changes its ctime
 * - its witness (`witness.ts`) has not seen more commits than it has, and is of its lineage
 * - the machine is the same: one run of the clocks is of one kernel, which containers share; else `/etc/machine-id`
 *   says so
 *
 * A volume that moves between hosts by design (`stateMoves`) brings the same file to another machine: that is taken up,
 * with a window for late writes of the other host. Not told: a disk or a whole machine that was cloned or put back
 * block by block, and machines that share a machine id. A state of version 9 or earlier, and one whose folder was
 * deleted, knows nothing.
 */
import type { Database } from 'better-sqlite3';
import { existsSync, statSync, type BigIntStats } from 'node:fs';
import { FerryError } from '../../core/errors.js';
import { SYSTEM_CLOCKS, type Clocks } from './clocks.js';
import { restartCommand, type ShardFiles } from '../sqlite/files.js';
import { basename } from 'node:path';
import { readSeen, witnessOf, type Seen } from './witness.js';

/** Numbers as text: an inode may be larger than a double holds. */
interface FileIdentity {
  readonly inode: string;
  /** null: the file system does not tell it. */
  readonly birth: string | null;
}

interface Home {
  /** null: the machine has no id. */
  readonly machine: string | null;
  /** Run of the clocks. */
  readonly run: string | null;
  readonly file: FileIdentity;
  /** null: there is none, so nothing ever worked on this copy. */
  readonly lock: (FileIdentity & { readonly changed: string }) | null;
}

/** What speaks against a state: the first of these. */
export type Displaced = 'copied' | 'other' | 'unwitnessed' | 'older' | 'machine' | 'touched';

interface Stored {
  readonly home: string | null;
  readonly lineage: string | null;
  readonly commits: number;
}

/** Of a state file: earlier ones know of no place. */
const FIRST_VERSION = 10;
const NOTHING_KNOWN: Stored = { home: null, lineage: null, commits: 0 };

/** Of a file of any version. */
export function storedHome(database: Database): Stored {
  if ((database.pragma('user_version', { simple: true }) as number) < FIRST_VERSION) return NOTHING_KNOWN;
  const row = database.prepare<[], Stored>('SELECT home, lineage, commits FROM meta').get();
  return row ?? NOTHING_KNOWN;
}

/** This place, as it is stored. */
export function homeHere({ folder, file, lock }: ShardFiles, { machine, run }: Clocks = SYSTEM_CLOCKS): string {
  // A lock file is never changed, so it cannot say whether its birth is one; the folder was, when files came into it.
  const tells = tellsBirth(statSync(folder, { bigint: true }));
  return JSON.stringify({
    machine,
    run,
    file: identityOf(file, tells),
    lock: existsSync(lock) ? identityOf(lock, tells) : null,
  } satisfies Home);
}

/** @returns null: it lives here, or does not know where it lives */
export function displaced(files: ShardFiles, database: Database, clocks: Clocks = SYSTEM_CLOCKS): Displaced | null {
  // Before the file's own number: another process may be at work.
  const seen = readSeen(files.file);
  const { home, lineage, commits } = storedHome(database);
  if (lineage === null) return seen === null ? null : 'other';
  // Begun or brought up by this version, and not opened to its end yet; or all that came after that was lost.
  if (home === null) return isBehind({ lineage, commits }, seen) ? 'older' : null;
  const before = JSON.parse(home) as Home;
  const here = JSON.parse(homeHere(files, clocks)) as Home;
  if (!isSame(before.file, here.file)) return 'copied';
  if (seen === null || seen === 'unreadable') return 'unwitnessed';
  if (seen.lineage !== lineage) return 'other';
  if (isBehind({ lineage, commits }, seen)) return 'older';
  if (!isSameMachine(before, here)) return 'machine';
  // One that was deleted, as advised where something was written into it, says nothing.
  const known = before.lock !== null && here.lock !== null && isSame(before.lock, here.lock);
  return known && before.lock.changed !== here.lock.changed ? 'touched' : null;
}

/** Whether this may be another host than before, so far as the clocks tell. */
export function mayBeElsewhere(database: Database, { run }: Clocks = SYSTEM_CLOCKS): boolean {
  const { home } = storedHome(database);
  return home !== null && (run === null || (JSON.parse(home) as Home).run !== run);
}

/** Of a volume that moves between hosts, this is no sign of a copy. */
export function maySayMove(reason: Displaced): boolean {
  return reason === 'machine' || reason === 'touched';
}

/**
 * To be asked before anything is changed: a state that is refused stays as it was.
 * @param moves the folder is on a volume that moves between hosts
 * @returns what speaks against it, and is excused by that
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

/** Where nothing tells the birth, Node gives the time of the last change, or none. */
function tellsBirth({ birthtimeNs, ctimeNs }: BigIntStats): boolean {
  return birthtimeNs !== 0n && birthtimeNs !== ctimeNs;
}
