/**
 * The archived states of a shard: files such as `s01.20251122T230000Z.db`, which a restart set aside. A later state
 * of the shard inherits their late writes and the settings under which they wrote.
 */
import { existsSync, readdirSync } from 'node:fs';
import { basename, join } from 'node:path';
import type { Database } from 'better-sqlite3';
import type { Fingerprint } from '../../core/ports/state-records.js';
import type { Clocks } from '../home/clocks.js';
import { lateWriteNames } from '../home/late-write-names.js';
import { openReadOnly } from '../sqlite/database.js';
import { removeSideFiles, SIDE_FILES, type ShardFiles } from '../sqlite/files.js';
import { STATE } from '../sqlite/schema.js';
import { StoredBinding } from '../tables/binding.js';
import { BootClock } from '../home/boot-clock.js';
import { canonicalJson } from '../tables/fingerprint.js';
import { LateWrites, type Inherited } from '../tables/late-writes.js';

interface Inheritance extends Inherited {
  /** Minimum number of ms since the last request was sent; null: nothing can land any longer. */
  readonly sentAgo: number | null;
}

/**
 * Returns what a state of the shard inherits from the archived ones. Each archive is judged by its own clock, never by
 * the wall clock's time in its name. The late writes of an archive with an heir in the folder do not count again,
 * because the heir's own record includes them.
 */
export function inheritanceOf(files: ShardFiles, clocks?: Clocks): Inheritance {
  const found = archivedStates(files).map((name) => ({ name, ...lookInto(files, name, clocks) }));
  const heired = new Set(found.flatMap(({ inherited }) => inherited.archives));
  const open = found.flatMap(({ name, sentAgo }) => (heired.has(name) || sentAgo === null ? [] : [sentAgo]));
  const settings = found.flatMap(({ own, inherited }) => [...own, ...inherited.former]);
  return {
    sentAgo: open.length === 0 ? null : Math.min(...open),
    archives: found.map(({ name }) => name),
    former: eachOnce(settings),
  };
}

/** Returns the settings without repetitions. */
export function eachOnce(settings: Inherited['former']): Inherited['former'] {
  return [...new Map(settings.map((one) => [one === null ? '' : canonicalJson(one), one])).values()];
}

/** Returns names such as `s01.20251122T230000Z.db`, as `freeArchive` makes them. */
function archivedStates({ folder, shard }: ShardFiles): readonly string[] {
  return readdirSync(folder).filter(
    (name) => name.startsWith(`${shard}.`) && /^\d{8}T\d{6}Z(?:-\d+)?\.db$/.test(name.slice(shard.length + 1)),
  );
}

/**
 * Returns the path of a new archive. A rename would replace an existing file silently. A name that a state has
 * inherited is not used again: the new archive would look like one whose late writes are taken over.
 * @param own names that the present state has inherited
 */
export function freeArchive(files: ShardFiles, own: readonly string[], clocks?: Clocks): string {
  const inherited = archivedStates(files).flatMap((name) => lookInto(files, name, clocks).inherited.archives);
  const used = new Set([...own, ...inherited]);
  const stem = files.file.slice(0, -'.db'.length);
  const time = new Date().toISOString().replace(/[-:]|\.\d+/g, '');
  for (let number = 1; ; number++) {
    const path = `${stem}.${time}${number === 1 ? '' : `-${number}`}.db`;
    if (!used.has(basename(path)) && !existsSync(path)) return path;
  }
}

/** First version whose archives this version can read. Nothing migrates an archive. */
const COLUMNS_SINCE = 10;

interface Look {
  readonly sentAgo: number | null;
  readonly inherited: Inherited;
  /** The settings under which the archive wrote; empty: it wrote nothing. */
  readonly own: readonly (Fingerprint | null)[];
}

const UNKNOWN: Look = { sentAgo: 0, inherited: { archives: [], former: [] }, own: [null] };

/**
 * Returns whether a backfill or a retry of its bad rows recorded items. No count includes the items of a row that the
 * target accepted only in part.
 */
function hasMoved(database: Database): boolean {
  const { passSegments, passId, badRowRetries, itemsTaken } = lateWriteNames(database);
  const found = database.prepare<[], number>(
    `SELECT EXISTS (SELECT 1 FROM ${passSegments} AS moved JOIN passes ON passes.id = moved.${passId}
                     WHERE passes.kind = 'backfill' AND moved.items > 0)
         OR EXISTS (SELECT 1 FROM ${badRowRetries} WHERE items > 0)
         OR EXISTS (SELECT 1 FROM bad_rows WHERE ${itemsTaken} > 0)`,
  );
  return found.pluck().get() === 1;
}

/** Reads an archive. If it cannot be read, its last write may have been just now. */
function lookInto({ folder, ...files }: ShardFiles, name: string, clocks: Clocks | undefined): Look {
  const archive = { ...files, file: join(folder, name) };
  const log = SIDE_FILES.some((side) => existsSync(archive.file + side));
  try {
    const database = openReadOnly(archive, STATE, 0, COLUMNS_SINCE);
    try {
      const binding = new StoredBinding(database);
      // An archive of another shard says nothing about this one.
      if (binding.shard() !== archive.shard) return UNKNOWN;
      const lateWrites = new LateWrites(database);
      const settings = binding.fingerprint(archive);
      return {
        sentAgo: lateWrites.sentAgo(new BootClock(database, clocks)),
        inherited: lateWrites.inherited(),
        own: settings !== null && (lateWrites.mayHaveSent() || hasMoved(database)) ? [settings] : [],
      };
    } finally {
      database.close();
      // Reading creates an empty log, and leaves it.
      if (!log) removeSideFiles(archive.file);
    }
  } catch {
    return UNKNOWN;
  }
}
