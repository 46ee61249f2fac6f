/**
 * Restores a state that a restart set aside. The present state is set aside in the same way, and no file is deleted.
 *
 * The restored state knows what the present one did. It takes over its late writes and the settings under which it
 * wrote, and none of its own verifications counts any longer. It claims the same item keys as before.
 *
 * After a kill at any line, the same command continues (`restore-note.ts`).
 */
import { existsSync, renameSync, rmSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import type { Database } from 'better-sqlite3';
import { FerryError } from '../../core/errors.js';
import { LATE_WRITE_WINDOW_MS } from '../../core/time/late-writes.js';
import type { Clocks } from '../home/clocks.js';
import { displaced } from '../home/home.js';
import { newLineage, Witness } from '../home/witness.js';
import { checkShard, lockShard, type StateAt } from '../open.js';
import { asideIn, movedTo, noteOf, removeNote } from '../restart-note.js';
import { finishAside, finishMove, foldLog, moveRest } from '../restart.js';
import type { Turn } from '../shared/key-register.js';
import { claimAgain, claimsOf, releaseItemKeys } from '../shared/released-claims.js';
import { checkWhole, openDatabase, prepared } from '../sqlite/database.js';
import { guarded } from '../sqlite/errors.js';
import { SIDE_FILES, shardFiles, syncFolderOf, type ShardFiles } from '../sqlite/files.js';
import { STATE } from '../sqlite/schema.js';
import { StoredBinding } from '../tables/binding.js';
import { BootClock } from '../home/boot-clock.js';
import { LateWrites } from '../tables/late-writes.js';
import { archivedStates, eachOnce, freeArchive, inheritanceOf } from './archived-states.js';
import { noteRestoring, removeRestoring, restoringOf, type Restoring } from './restore-note.js';

const BUSY_MS = 5_000;

export interface Restore extends StateAt {
  /** The archive, by its name or path; null: the latest one. */
  readonly from: string | null;
  /** The folder is on a volume that moves between hosts. */
  readonly moves?: boolean;
}

export interface Restored {
  readonly shard: string;
  /** Name of the archive that is the state file now. */
  readonly from: string;
  /** Name that the former state file has now; null: there was none. */
  readonly aside: string | null;
  /** How many ms from now earlier writes of the shard may still land; null: none can. */
  readonly lateWritesForMs: number | null;
}

/**
 * Restores the state of a shard.
 * @param turn as for `releaseItemKeys`
 * @throws FerryError E_STATE_MISSING if nothing was set aside; E_STATE_LOCKED, E_STATE_COPIED, E_STATE_CORRUPT,
 * E_STATE_FOREIGN, E_STATE_IO; E_ITEM_KEY_SHARED; E_USAGE if `from` is no archive. What `turn` throws
 */
export async function restoreState(options: Restore, turn: Turn, clocks?: Clocks): Promise<Restored> {
  const { folder, shard, from, moves = false } = options;
  const files = shardFiles(folder, shard);
  if (!existsSync(folder)) throw nothingAside(files);
  const lock = lockShard(files);
  try {
    const underWay = guarded(files, () => {
      finishAside(files);
      finishMove(files);
      return restoringOf(files);
    });
    if (underWay !== null && from !== null && basename(from) !== underWay.from) throw another(files, underWay.from);
    const restoring = underWay ?? (await prepare(files, chosen(files, from), moves, turn, clocks));
    return await carryOut(files, restoring, turn, clocks);
  } finally {
    lock.release();
  }
}

/** Checks everything that can be refused, and changes nothing but the note. */
async function prepare(
  files: ShardFiles,
  from: string,
  moves: boolean,
  turn: Turn,
  clocks: Clocks | undefined,
): Promise<Restoring> {
  const archive = archiveFiles(files, from);
  const claims = readArchive(archive, clocks);
  const kept = claimsOf(files, from);
  if (claims && !existsSync(kept) && !isStillClaimed(files, from)) throw withoutClaims(files, from, kept);
  await claimAgain(files, kept, turn, true);
  const own = existsSync(files.file) ? foldLog(files, moves, clocks) : [];
  return guarded(files, () => {
    const aside = existsSync(files.file) ? basename(freeArchive(files, own, clocks)) : null;
    const restoring = { from, aside };
    noteRestoring(files, restoring);
    return restoring;
  });
}

async function carryOut(
  files: ShardFiles,
  { from, aside }: Restoring,
  turn: Turn,
  clocks: Clocks | undefined,
): Promise<Restored> {
  const archive = join(files.folder, basename(from));
  // As long as the archive exists, the state file is the other state.
  if (existsSync(archive)) {
    if (aside !== null) await releaseItemKeys(files, turn, claimsOf(files, aside));
    guarded(files, () => swap(files, archive, aside));
  }
  const kept = claimsOf(files, from);
  await claimAgain(files, kept, turn);
  const lateWritesForMs = takeUp(files, clocks);
  guarded(files, () => {
    // The operator wants the former state, so a restart that was requested or interrupted is over.
    if (noteOf(files) !== null) removeNote(files);
    rmSync(kept, { force: true });
    removeRestoring(files);
  });
  return { shard: files.shard, from, aside, lateWritesForMs };
}

function swap(files: ShardFiles, archive: string, aside: string | null): void {
  if (aside !== null && existsSync(files.file)) {
    const path = join(files.folder, basename(aside));
    renameSync(files.file, path);
    moveRest(files, path);
  }
  // The archive's log was folded in before, so one file is all of it.
  renameSync(archive, files.file);
  syncFolderOf(files.file);
}

/** Makes the file the shard's state. @returns for how many more ms writes may land; null: none can */
function takeUp(files: ShardFiles, clocks: Clocks | undefined): number | null {
  const database = openDatabase(files, STATE, BUSY_MS, (opened) => checkShard(opened, files));
  try {
    const clock = prepared(files, () => new BootClock(database, clocks));
    const lateWrites = prepared(files, () => new LateWrites(database));
    return guarded(files, () => {
      clock.anchor();
      lateWrites.find(clock.now());
      const lineage = newLineage();
      database.transaction(() => inherit(files, database, lateWrites, clock, lineage, clocks)).immediate();
      new Witness(files.file, lineage, commitsOf(database)).close();
      const ago = lateWrites.sentAgo(clock);
      return ago === null ? null : LATE_WRITE_WINDOW_MS - ago;
    });
  } finally {
    database.close();
  }
}

function inherit(
  files: ShardFiles,
  database: Database,
  lateWrites: LateWrites,
  clock: BootClock,
  lineage: string,
  clocks: Clocks | undefined,
): void {
  const { sentAgo, archives, former } = inheritanceOf(files, clocks);
  lateWrites.inherit(sentAgo === null ? null : clock.now() - sentAgo, {
    archives,
    former: eachOnce([...lateWrites.inherited().former, ...former]),
  });
  // The other state has written the items since, so what was compared before may not be there any longer.
  database.exec("UPDATE passes SET void = 1 WHERE kind = 'verify'");
  database.prepare('UPDATE meta SET lineage = ?').run(lineage);
}

function commitsOf(database: Database): number {
  return database.prepare<[], number>('SELECT commits FROM meta').pluck().get() ?? 0;
}

/**
 * Checks the archive, and folds its log into it. @returns whether its shard claimed keys of the register
 * @throws FerryError E_STATE_CORRUPT, E_STATE_FOREIGN, E_STATE_COPIED, E_STATE_LOCKED
 */
function readArchive(archive: ShardFiles, clocks: Clocks | undefined): boolean {
  const database = openDatabase(archive, STATE, BUSY_MS, (opened) => {
    checkShard(opened, archive);
    const reason = guarded(archive, () => displaced(archive, opened, clocks));
    // A restart removes the witness of a file that it sets aside.
    if (reason !== null && reason !== 'unwitnessed') throw copiedArchive(archive);
  });
  let claims: boolean;
  try {
    checkWhole(database, archive);
    claims = prepared(archive, () => new StoredBinding(database).fingerprint(archive))?.['itemKeys'] !== undefined;
  } finally {
    database.close();
  }
  if (SIDE_FILES.some((side) => existsSync(archive.file + side))) throw readBeside(archive);
  return claims;
}

/** Returns whether the restart that set the file aside was interrupted before it gave up the claims. */
function isStillClaimed(files: ShardFiles, name: string): boolean {
  const noted = guarded(files, () => noteOf(files));
  return movedTo(noted) === name || asideIn(noted)?.name === name;
}

/** Returns the paths for an archive, with next steps that suit one. */
function archiveFiles(files: ShardFiles, name: string): ShardFiles {
  return {
    ...files,
    file: join(files.folder, basename(name)),
    putBack: null,
    remedy: `name another file that was set aside with \`--from\`, or keep the state that is there`,
  };
}

/** Returns the name of the archive that the operator means. */
function chosen(files: ShardFiles, from: string | null): string {
  const names = archivedStates(files);
  const latest = names.at(-1);
  if (latest === undefined) throw nothingAside(files);
  if (from === null) return latest;
  const inFolder = basename(from) === from || dirname(resolve(from)) === resolve(files.folder);
  const name = inFolder ? names.find((candidate) => candidate === basename(from)) : undefined;
  if (name !== undefined) return name;
  throw new FerryError(
    'E_USAGE',
    `${files.subject}: ${from} is no state that was set aside in ${files.folder}`,
    `name one of these: ${names.slice(-8).reverse().join(', ')}`,
  );
}

function nothingAside({ subject, folder, shard }: ShardFiles): FerryError {
  return new FerryError(
    'E_STATE_MISSING',
    `${subject}: no state of it was set aside in ${folder}`,
    `check that \`state\` in the config names the right folder; \`dynaferry status --shard ${shard}\` shows the state that is there`,
  );
}

function another({ subject, shard }: ShardFiles, from: string): FerryError {
  return new FerryError(
    'E_USAGE',
    `${subject}: a restore of ${from} was interrupted, and another file is named now`,
    `finish the first one with \`dynaferry state restore --shard ${shard}\`, then restore the other one`,
  );
}

function withoutClaims({ subject, shard }: ShardFiles, from: string, kept: string): FerryError {
  return new FerryError(
    'E_STATE_MISSING',
    `${subject}: ${from} needs the claims on item keys that it gave up, and ${basename(kept)} is missing: rows of other shards could overwrite its rows unseen`,
    `put that file back, or keep the state that is there: \`dynaferry backfill --shard ${shard}\` resumes it`,
  );
}

function copiedArchive({ subject, file, shard }: ShardFiles): FerryError {
  return new FerryError(
    'E_STATE_COPIED',
    `${subject}: ${file} is a copy, and not the file that was set aside here`,
    `find out whether a run still goes on elsewhere, and end it. Then rename the copy to ${shard}.db, and take it up with \`dynaferry state adopt --shard ${shard}\``,
  );
}

function readBeside({ subject, file }: ShardFiles): FerryError {
  return new FerryError(
    'E_STATE_LOCKED',
    `${subject}: another program reads ${file} now`,
    'end that program, then run again; nothing was changed',
  );
}
