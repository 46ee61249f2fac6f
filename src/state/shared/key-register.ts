/**
 * The key register in SQLite: which row owns which item key, for mappings whose schema does not prove that keys are
 * unique. It is one file for all shards, and several processes write it at once in short transactions. A claimed key
 * stays claimed until its shard restarts. If the register lost claims, a second row could overwrite a first one
 * unnoticed. So a register that is older than the claims that were made is refused (`witness.ts`). Keys are stored as
 * 128 bits of their SHA-256. At 10^11 keys, two different keys collide with a chance below 10^-16.
 */
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import type { Database, Statement } from 'better-sqlite3';
import { FerryError } from '../../core/errors.js';
import type { Cursor } from '../../core/model.js';
import type { KeyClaim, KeyConflict, KeyOwner, KeyRegister, KeyTransfer } from '../../core/ports/key-register.js';
import { createDatabase, openDatabase, openReadOnly, prepared } from '../sqlite/database.js';
import { keyRegisterFiles, makeFolder, restartCommand, type StatePaths } from '../sqlite/files.js';
import { acquireLock } from '../sqlite/lock.js';
import { lockHolders, writerOf } from '../sqlite/lock-holder.js';
import type { StateAt } from '../open.js';
import { KEY_REGISTER } from '../sqlite/schema.js';
import { defect } from '../../core/defect.js';
import { guarded } from '../sqlite/errors.js';
import { Presence, stateGone } from '../home/presence.js';
import { readSeen, Witness, type Seen } from '../home/witness.js';

/**
 * How long a claim waits in ms. Transactions of other shards are short, but there may be many. The process does nothing
 * else during the wait.
 */
const CLAIM_BUSY_MS = 500;
/** How long one-time steps wait, in ms: the creation and the migration of the file. */
const BUSY_MS = 2_000;
/** Approximate number of keys that one transaction reads while it releases a shard's claims. */
const RELEASE_STEP = 10_000;

/** First version of the register that counts commits. */
const FIRST_WITNESSED = 2;
/** Maximum number of claims that a search for one of a shard reads: about a second. */
const LOOKED_THROUGH = 5_000_000;

/**
 * Tries `action`, which is one call on the register, until no other process keeps the register (E_STATE_LOCKED).
 * Between two tries the process handles all other work, such as a stop.
 * @param holder returns the id of the process that keeps it now; null: no process does, or it is not known
 */
export type Turn = <T>(action: () => T, holder: () => number | null) => Promise<T>;

/**
 * Returns the id of the process that keeps the register of that folder now; null: no process does, or it is not known.
 */
export function holderOfRegister(folder: string): number | null {
  const files = keyRegisterFiles(folder);
  return lockHolders(files.lock)?.[0] ?? writerOf(files.file);
}

/**
 * Opens the register, and creates it if it is missing.
 * @throws FerryError E_STATE_LOCKED where another process keeps it for longer than a moment: the caller can try again;
 * E_STATE_IO, E_STATE_CORRUPT, E_STATE_FOREIGN, E_STATE_COPIED
 */
export function openKeyRegister({ folder }: { readonly folder: string }): KeyRegister {
  const files = keyRegisterFiles(folder);
  guarded(files, () => makeFolder(folder));
  // Reads the witness before the register's own number, because other processes are at work.
  const seen = guarded(files, () => readSeen(files.file));
  if (!existsSync(files.file)) {
    if (seen !== null) throw lacksClaims(files);
    const lock = acquireLock(files.lock, files, BUSY_MS);
    if (lock === null) {
      throw new FerryError(
        'E_STATE_LOCKED',
        `${files.subject}: another process has been creating ${files.file} for ${BUSY_MS / 1000} s`,
        'check what the other dynaferry processes on this state folder do, then run the same command again',
      );
    }
    try {
      if (!existsSync(files.file)) createDatabase(files, KEY_REGISTER);
    } finally {
      lock.release();
    }
  }
  const database = openDatabase(files, KEY_REGISTER, BUSY_MS, (opened) => checkClaims(files, opened, seen));
  database.pragma(`busy_timeout = ${CLAIM_BUSY_MS}`);
  try {
    const standing = prepared(files, () => standingOf(database)) ?? missingRow();
    const witness = guarded(files, () => new Witness(files.file, standing.lineage, standing.commits));
    const presence = new Presence([files.folder, files.file]);
    return prepared(files, () => new SqliteKeyRegister(files, database, witness, presence));
  } catch (error) {
    database.close();
    throw error;
  }
}

/**
 * Checks that the register has all claims that the witness saw. @param seen a witness that is missing or damaged proves
 * nothing @throws FerryError E_STATE_COPIED
 */
function checkClaims(files: StatePaths, database: Database, seen: ReturnType<typeof readSeen>): void {
  if (seen === null || seen === 'unreadable') return;
  const standing = prepared(files, () => standingOf(database));
  if (standing?.lineage !== seen.lineage || seen.commits > standing.commits) throw lacksClaims(files);
}

/** Reads the register's lineage and commits. @returns null: its version had no witness */
function standingOf(database: Database): Seen | null {
  if ((database.pragma('user_version', { simple: true }) as number) < FIRST_WITNESSED) return null;
  return database.prepare<[], Seen>('SELECT lineage, commits FROM register').get() ?? missingRow();
}

function missingRow(): never {
  throw defect('a register of item keys without its first row');
}

function lacksClaims(files: StatePaths): FerryError {
  return new FerryError(
    'E_STATE_COPIED',
    `${files.subject}: ${files.file} lacks item keys that runs recorded: it was removed, an earlier file replaced it, or its log was removed. Two rows could share an item key without notice`,
    `put the newer file back, or the whole state folder from one backup; else ${files.remedy}`,
  );
}

/**
 * Returns those of the shards for which the register has no claim. It reads only a limited number of claims. Keys are
 * in no order of shards, so it soon finds a claim of a shard with many. For a shard with few among very many others, it
 * gives no answer.
 * @throws FerryError E_STATE_IO, E_STATE_CORRUPT, E_STATE_FOREIGN, E_STATE_LOCKED
 */
export function shardsWithoutClaims(folder: string, shards: readonly string[]): readonly string[] {
  const files = keyRegisterFiles(folder);
  if (shards.length === 0 || !existsSync(files.file)) return shards;
  const database = openReadOnly(files, KEY_REGISTER, CLAIM_BUSY_MS, 1);
  try {
    const [claim, more] = prepared(files, () => [
      database.prepare(
        `SELECT 1 FROM (SELECT shard FROM item_keys ORDER BY key LIMIT ${LOOKED_THROUGH}) WHERE shard = ? LIMIT 1`,
      ),
      database.prepare(`SELECT 1 FROM item_keys ORDER BY key LIMIT 1 OFFSET ${LOOKED_THROUGH}`),
    ]);
    return guarded(files, () => {
      const notFound = shards.filter((shard) => claim.get(shard) === undefined);
      return notFound.length === 0 || more.get() !== undefined ? [] : notFound;
    });
  } finally {
    database.close();
  }
}

/**
 * Returns the fault for shards without claims. @param shards that have moved items, and have no claim in the register
 */
export function leftBehind(folder: string, shards: readonly string[]): FerryError {
  const { subject, file } = keyRegisterFiles(folder);
  const these = shards.length === 1 ? `shard ${shards.join('')}, which has` : `shards ${shards.join(', ')}, which have`;
  return new FerryError(
    'E_STATE_COPIED',
    `${subject}: ${file} has no item key of ${these} moved items: it was removed, was not copied with the folder, or is another file. Rows of other shards could overwrite theirs without notice`,
    `put the file back, or the whole state folder from one backup. Else add those shards to the config if it lacks one, and start them again: \`${restartCommand(...shards)}\``,
  );
}

/**
 * Releases every claim of a shard in steps, so that other shards can claim between them.
 * @param turn runs each step; if it throws, the release stops, and a later call can continue
 * @throws FerryError E_STATE_IO, E_STATE_CORRUPT, E_STATE_FOREIGN, E_STATE_LOCKED
 */
export async function releaseItemKeys({ folder, shard }: StateAt, turn: Turn): Promise<void> {
  const files = keyRegisterFiles(folder);
  if (!existsSync(files.file)) return;
  const holder = (): number | null => writerOf(files.file);
  const database = await turn(() => openDatabase(files, KEY_REGISTER, CLAIM_BUSY_MS), holder);
  try {
    const { stepEnd, release, releaseRest } = prepared(files, () => ({
      stepEnd: database
        .prepare<[Buffer, number], Buffer>('SELECT key FROM item_keys WHERE key > ? ORDER BY key LIMIT 1 OFFSET ?')
        .pluck(),
      release: database.prepare('DELETE FROM item_keys WHERE shard = ? AND key > ? AND key <= ?'),
      releaseRest: database.prepare('DELETE FROM item_keys WHERE shard = ? AND key > ?'),
    }));
    const step = (from: Buffer): Buffer | null => {
      const end = stepEnd.get(from, RELEASE_STEP) ?? null;
      if (end === null) releaseRest.run(shard, from);
      else release.run(shard, from, end);
      return end;
    };
    for (let from: Buffer | null = Buffer.alloc(0); from !== null;) {
      const begin: Buffer = from;
      from = await turn(() => guarded(files, () => step(begin)), holder);
    }
  } finally {
    database.close();
  }
}

class SqliteKeyRegister implements KeyRegister {
  readonly #insert: Statement<[Buffer, string, string, string]>;
  readonly #owner: Statement<[Buffer], { shard: string; table_name: string; cursor: string }>;
  readonly #transfer: Statement<[string, Buffer, string, string, string]>;

  readonly #countCommit: Statement<[], number>;

  /** Takes over `database` and `witness`: `close` closes both. */
  constructor(
    readonly paths: StatePaths,
    readonly database: Database,
    readonly witness: Witness,
    readonly presence: Presence,
  ) {
    this.#countCommit = database
      .prepare<[], number>('UPDATE register SET commits = commits + 1 RETURNING commits')
      .pluck();
    this.#insert = database.prepare(
      'INSERT INTO item_keys (key, shard, table_name, cursor) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING',
    );
    this.#owner = database.prepare('SELECT shard, table_name, cursor FROM item_keys WHERE key = ?');
    this.#transfer = database.prepare(
      'UPDATE item_keys SET cursor = ? WHERE key = ? AND shard = ? AND table_name = ? AND cursor = ?',
    );
  }

  async claim(owner: KeyOwner, claims: readonly KeyClaim[]): Promise<readonly KeyConflict[]> {
    const keys = claims.map(({ claim }) => keyOf(claim));
    return await Promise.resolve(this.#counted(() => this.#claimAll(owner, claims, keys)));
  }

  async transfer({ shard, table }: KeyOwner, { claim, from, to }: KeyTransfer): Promise<boolean> {
    const pass = (): boolean => this.#transfer.run(to, keyOf(claim), shard, table, from).changes === 1;
    return await Promise.resolve(this.#counted(pass));
  }

  holder(): number | null {
    return writerOf(this.paths.file);
  }

  close(): void {
    if (!this.database.open) return;
    this.witness.close();
    guarded(this.paths, () => this.database.close());
  }

  /** Runs `action` in one transaction, which the witness records. */
  #counted<T>(action: () => T): T {
    return this.#run(() => {
      const { result, commits } = this.database
        .transaction(() => ({ result: action(), commits: this.#countCommit.get() ?? 0 }))
        .immediate();
      this.witness.note(commits);
      // Other processes do not see such a claim.
      const lost = this.presence.lost();
      if (lost !== null)
        throw stateGone(this.paths.subject, lost, 'dynaferry state adopt --all', 'dynaferry backfill --all --restart');
      return result;
    });
  }

  #run<T>(action: () => T): T {
    if (!this.database.open) throw defect(`${this.paths.subject} was used after it was closed`);
    return guarded(this.paths, action);
  }

  #claimAll({ shard, table }: KeyOwner, claims: readonly KeyClaim[], keys: readonly Buffer[]): readonly KeyConflict[] {
    const conflicts: KeyConflict[] = [];
    for (const [index, { cursor }] of claims.entries()) {
      const key = keys[index];
      if (key === undefined || this.#insert.run(key, shard, table, cursor).changes === 1) continue;
      const owner = this.#owner.get(key);
      if (owner === undefined) continue;
      if (owner.shard === shard && owner.table_name === table && owner.cursor === cursor) continue;
      conflicts.push({ index, shard: owner.shard, table: owner.table_name, cursor: owner.cursor as Cursor });
    }
    return conflicts;
  }
}

function keyOf(claim: string): Buffer {
  return createHash('sha256').update(claim).digest().subarray(0, 16);
}
