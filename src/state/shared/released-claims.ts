/**
 * Releases the claims of a shard that starts again, and keeps them in a file beside its archived state
 * (`s01.20251122T230000Z.claims`). If that state is restored, the shard claims the same keys again. The file has one
 * line for each claim: the key in hexadecimal, then table and cursor as JSON. A line may occur twice.
 */
import { appendFileSync, createReadStream, existsSync } from 'node:fs';
import { basename, join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Database } from 'better-sqlite3';
import { FerryError } from '../../core/errors.js';
import { Witness, type Seen } from '../home/witness.js';
import { openDatabase, prepared } from '../sqlite/database.js';
import { guarded } from '../sqlite/errors.js';
import { keyRegisterFiles, makeFile, syncFolderOf, type ShardFiles } from '../sqlite/files.js';
import { writerOf } from '../sqlite/lock-holder.js';
import { KEY_REGISTER } from '../sqlite/schema.js';
import { CLAIM_BUSY_MS, openKeyRegister, type Turn } from './key-register.js';

/** Approximate number of keys that one transaction reads or writes. */
const STEP = 10_000;

interface ShardAt {
  /** Absolute path of the state folder. */
  readonly folder: string;
  readonly shard: string;
}

interface Claim {
  readonly key: Buffer;
  readonly table_name: string;
  readonly cursor: string;
}

/** Returns the path of the claims that an archived state gave up. @param archive its name */
export function claimsOf({ folder }: ShardFiles, archive: string): string {
  return join(folder, basename(archive).replace(/\.db$/, '.claims'));
}

/**
 * Releases every claim of a shard in steps, so that other shards can claim between them.
 * @param turn runs each step; if it throws, the release stops, and a later call can continue
 * @param keepIn path of the file that keeps the claims; null: they are not kept
 * @throws FerryError E_STATE_IO, E_STATE_CORRUPT, E_STATE_FOREIGN, E_STATE_LOCKED
 */
export async function releaseItemKeys(
  { folder, shard }: ShardAt,
  turn: Turn,
  keepIn: string | null = null,
): Promise<void> {
  const files = keyRegisterFiles(folder);
  if (!existsSync(files.file)) return;
  // Even an empty file says something: the shard had no claims.
  if (keepIn !== null) guarded(files, () => makeKept(keepIn));
  const holder = (): number | null => writerOf(files.file);
  const database = await turn(() => openDatabase(files, KEY_REGISTER, CLAIM_BUSY_MS), holder);
  try {
    const { stepEnd, release, releaseRest } = prepared(files, () => ({
      stepEnd: database
        .prepare<[Buffer, number], Buffer>('SELECT key FROM item_keys WHERE key > ? ORDER BY key LIMIT 1 OFFSET ?')
        .pluck(),
      release: database.prepare<[string, Buffer, Buffer], Claim>(
        'DELETE FROM item_keys WHERE shard = ? AND key > ? AND key <= ? RETURNING key, table_name, cursor',
      ),
      releaseRest: database.prepare<[string, Buffer], Claim>(
        'DELETE FROM item_keys WHERE shard = ? AND key > ? RETURNING key, table_name, cursor',
      ),
    }));
    const step = (from: Buffer): Buffer | null => {
      const end = stepEnd.get(from, STEP) ?? null;
      const released = end === null ? releaseRest.all(shard, from) : release.all(shard, from, end);
      // The file has them before the register gives them up.
      if (keepIn !== null) keep(keepIn, released);
      return end;
    };
    const inOneStep = database.transaction(step);
    for (let from: Buffer | null = Buffer.alloc(0); from !== null;) {
      const begin: Buffer = from;
      from = await turn(() => guarded(files, () => inOneStep.immediate(begin)), holder);
    }
  } finally {
    database.close();
  }
}

/** Cursors are row values: the file is for the owner alone. */
function makeKept(file: string): void {
  makeFile(file);
  syncFolderOf(file);
}

function keep(file: string, claims: readonly Claim[]): void {
  if (claims.length === 0) return;
  const lines = claims.map(
    ({ key, table_name, cursor }) => `${key.toString('hex')}\t${JSON.stringify([table_name, cursor])}\n`,
  );
  // After a kill, the file may end within a line.
  appendFileSync(file, `\n${lines.join('')}`, { flush: true });
}

/**
 * Claims the kept keys again for the shard. A repeated call changes nothing.
 * @param kept path of the file; a missing file has no claims
 * @param check only looks, and claims nothing
 * @throws FerryError E_ITEM_KEY_SHARED if another shard, or another row of this one, has claimed one of the keys since.
 * E_STATE_IO, E_STATE_CORRUPT, E_STATE_FOREIGN, E_STATE_LOCKED; what `turn` throws
 */
export async function claimAgain({ folder, shard }: ShardAt, kept: string, turn: Turn, check = false): Promise<void> {
  if (!existsSync(kept)) return;
  const files = keyRegisterFiles(folder);
  const holder = (): number | null => writerOf(files.file);
  // Creates a missing register, and refuses one that lacks claims.
  await turn(() => openKeyRegister({ folder }).close(), holder);
  const database = await turn(() => openDatabase(files, KEY_REGISTER, CLAIM_BUSY_MS), holder);
  try {
    const claimAll = prepared(files, () => claiming(database, shard, check));
    for await (const claims of inSteps(kept)) {
      const taken = await turn(() => guarded(files, () => claimAll.immediate(claims)), holder);
      if (taken !== null) throw takenSince(shard, taken);
    }
    const count = database.prepare<[], Seen>('UPDATE register SET commits = commits + 1 RETURNING lineage, commits');
    if (check) return;
    await turn(() => {
      const seen = guarded(files, () => count.get());
      if (seen !== undefined) guarded(files, () => new Witness(files.file, seen.lineage, seen.commits).close());
    }, holder);
  } finally {
    database.close();
  }
}

/** Returns a transaction that claims all, and returns the shard that owns a key already; null: all are claimed. */
function claiming(database: Database, shard: string, check: boolean) {
  const insert = database.prepare<[Buffer, string, string, string]>(
    'INSERT INTO item_keys (key, shard, table_name, cursor) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING',
  );
  const ownerOf = database.prepare<
    [Buffer],
    { readonly shard: string; readonly table_name: string; readonly cursor: string }
  >('SELECT shard, table_name, cursor FROM item_keys WHERE key = ?');
  return database.transaction((claims: readonly Claim[]): string | null => {
    for (const { key, table_name, cursor } of claims) {
      if (!check && insert.run(key, shard, table_name, cursor).changes === 1) continue;
      const owner = ownerOf.get(key);
      if (owner === undefined) continue;
      // Before the restore, the present state of the shard may own the key.
      const isOwn = owner.shard === shard && (check || (owner.table_name === table_name && owner.cursor === cursor));
      if (!isOwn) return owner.shard;
    }
    return null;
  });
}

async function* inSteps(file: string): AsyncGenerator<readonly Claim[]> {
  let claims: Claim[] = [];
  for await (const line of createInterface({ input: createReadStream(file), crlfDelay: Infinity })) {
    const [key = '', owner = ''] = line.split('\t', 2);
    // A kill can leave part of a line. The register still has that claim, or a later line does.
    if (!isWhole(owner)) continue;
    const [table_name, cursor] = JSON.parse(owner) as [string, string];
    claims.push({ key: Buffer.from(key, 'hex'), table_name, cursor });
    if (claims.length < STEP) continue;
    yield claims;
    claims = [];
  }
  if (claims.length > 0) yield claims;
}

function isWhole(json: string): boolean {
  try {
    return Array.isArray(JSON.parse(json));
  } catch {
    return false;
  }
}

function takenSince(shard: string, owner: string): FerryError {
  return new FerryError(
    'E_ITEM_KEY_SHARED',
    `shard ${shard}: ${owner === shard ? 'another row of this shard' : `shard ${owner}`} has claimed an item key of the former state since it was set aside`,
    `keep the state that is there: \`dynaferry backfill --shard ${shard}\` resumes it`,
  );
}
