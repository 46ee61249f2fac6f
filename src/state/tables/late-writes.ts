/**
 * Marks that requests are being sent. A process that opens the file and finds that mark knows that its predecessor
 * ended without all answers (kill -9, a power cut). So the run crashed, and its requests may still land. The crash gets
 * the time at which the mark was found, which is never too early. A shard that starts again inherits the time from the
 * archived state.
 */
import type { Database, Statement } from 'better-sqlite3';
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { LATE_WRITE_WINDOW_MS } from '../../core/time/late-writes.js';
import type { LateWriteStore } from '../../core/ports/state-ports.js';
import type { Clocks } from '../home/clocks.js';
import { openReadOnly } from '../sqlite/database.js';
import { removeSideFiles, SIDE_FILES, type ShardFiles } from '../sqlite/files.js';
import { lateWriteNames } from './late-write-names.js';
import { StoredBinding } from './binding.js';
import { STATE } from '../sqlite/schema.js';
import { BootClock } from './boot-clock.js';

export class LateWrites implements LateWriteStore {
  /** Set once, when the state is opened. */
  waitsAgain = false;

  readonly #mark: Statement<[number]>;
  readonly #find: Statement<[number]>;
  readonly #crash: Statement<[number]>;
  readonly #read: Statement<[], { readonly inFlight: number; readonly crashedAt: number | null }>;
  readonly #lastAmbiguous: Statement<[], number | null>;
  readonly #inherited: Statement<[], string | null>;
  readonly #setInherited: Statement<[string]>;

  constructor(database: Database) {
    const { ambiguousWrites, crashedAt, writesInFlight } = lateWriteNames(database);
    this.#mark = database.prepare(`UPDATE meta SET ${writesInFlight} = ?`);
    this.#find = database.prepare(
      `UPDATE meta SET ${crashedAt} = ?, ${writesInFlight} = 0 WHERE ${writesInFlight} = 1`,
    );
    this.#crash = database.prepare(`UPDATE meta SET ${crashedAt} = ?`);
    this.#read = database.prepare(`SELECT ${writesInFlight} AS inFlight, ${crashedAt} AS crashedAt FROM meta`);
    this.#lastAmbiguous = database.prepare<[], number | null>(`SELECT max(since) FROM ${ambiguousWrites}`).pluck();
    this.#inherited = database.prepare<[], string | null>('SELECT inherited FROM meta').pluck();
    this.#setInherited = database.prepare('UPDATE meta SET inherited = ?');
  }

  begin(): void {
    this.#mark.run(1);
  }

  end(): void {
    this.#mark.run(0);
  }

  /** Turns a mark into a crash at `now`: the process that left it has ended. */
  find(now: number): void {
    this.#find.run(now);
  }

  crashedAt(): number | null {
    return this.#read.get()?.crashedAt ?? null;
  }

  /**
   * Returns the same as `crashedAt`, for a read beside a process. A mark that no process has found yet counts as a
   * crash now.
   */
  crashedBy(clock: BootClock, running: boolean): number | null {
    const { inFlight = 0, crashedAt = null } = this.#read.get() ?? {};
    if (inFlight === 1 && !running) return clock.now();
    return crashedAt === null ? null : clock.carried(crashedAt);
  }

  /** Records that everything sent up to now may still land. */
  crash(now: number): void {
    this.#crash.run(now);
  }

  /**
   * Records the late writes that a new state file inherits, when its shard starts again.
   * @param crashedAt ms since the epoch; null: nothing can land any longer
   * @param archives names of the archives whose late writes are in `crashedAt`
   */
  inherit(crashedAt: number | null, archives: readonly string[]): void {
    if (crashedAt !== null) this.#crash.run(crashedAt);
    this.#setInherited.run(JSON.stringify(archives));
  }

  /** Returns the names of archives whose late writes this file, or one before it, has inherited. */
  inherited(): readonly string[] {
    const text = this.#inherited.get() ?? null;
    return text === null ? [] : (JSON.parse(text) as readonly string[]);
  }

  /**
   * Returns the minimum number of ms since the last request that may still land was sent; null: the window of all
   * requests is over.
   */
  sentAgo(clock: BootClock): number | null {
    const { inFlight = 0, crashedAt = null } = this.#read.get() ?? {};
    const times = [crashedAt, this.#lastAmbiguous.get() ?? null].filter((time) => time !== null);
    const ago = inFlight === 1 ? 0 : Math.min(...times.map((time) => clock.passedSince(time)));
    return ago < LATE_WRITE_WINDOW_MS ? ago : null;
  }
}

interface Inheritance {
  /** Minimum number of ms since the last request was sent; null: nothing can land any longer. */
  readonly sentAgo: number | null;
  readonly archives: readonly string[];
}

/**
 * Returns the late writes that a new state of the shard inherits from archived ones. Each archive is judged by its own
 * clock, never by the wall clock's time in its name. An archive with an heir in the folder is skipped, because the
 * heir's own record includes it.
 */
export function lateWritesOfArchives(files: ShardFiles, clocks?: Clocks): Inheritance {
  const found = archives(files).map((name) => ({
    name,
    ...lookInto({ ...files, file: join(files.folder, name) }, clocks),
  }));
  const heired = new Set(found.flatMap(({ inherited }) => inherited));
  const open = found.flatMap(({ name, sentAgo }) => (heired.has(name) || sentAgo === null ? [] : [sentAgo]));
  return { sentAgo: open.length === 0 ? null : Math.min(...open), archives: found.map(({ name }) => name) };
}

/** First version whose archives this version can read. Nothing migrates an archive. */
const COLUMNS_SINCE = 10;

const UNKNOWN = { sentAgo: 0, inherited: [] } as const;

/** Reads an archive. If it cannot be read, its last write may have been just now. */
function lookInto(
  archive: ShardFiles,
  clocks: Clocks | undefined,
): { readonly sentAgo: number | null; readonly inherited: readonly string[] } {
  const log = SIDE_FILES.some((side) => existsSync(archive.file + side));
  try {
    const database = openReadOnly(archive, STATE, 0, COLUMNS_SINCE);
    try {
      // An archive of another shard says nothing about this one.
      if (new StoredBinding(database).shard() !== archive.shard) return UNKNOWN;
      const lateWrites = new LateWrites(database);
      return { sentAgo: lateWrites.sentAgo(new BootClock(database, clocks)), inherited: lateWrites.inherited() };
    } finally {
      database.close();
      // Reading creates an empty log, and leaves it.
      if (!log) removeSideFiles(archive.file);
    }
  } catch {
    return UNKNOWN;
  }
}

/** Returns names such as `s01.20251122T230000Z.db`, as `archiveState` creates them. */
function archives({ folder, shard }: ShardFiles): readonly string[] {
  return readdirSync(folder).filter(
    (name) => name.startsWith(`${shard}.`) && /^\d{8}T\d{6}Z(?:-\d+)?\.db$/.test(name.slice(shard.length + 1)),
  );
}
