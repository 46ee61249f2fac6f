/**
 * Remembers that requests are being sent. Whoever opens the file and finds that mark knows that a process ended without hearing them
 * out (kill -9, a power cut): a run was broken off, and what it had sent may still land. Its time is when that was found, which is
 * never too early. A shard that is begun again inherits this from the state that was put aside.
 */
import type { Database, Statement } from 'better-sqlite3';
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { LATE_WRITE_WINDOW_MS } from '../core/late-writes.js';
import { openReadOnly } from './database.js';
import { removeSideFiles, SIDE_FILES, type ShardFiles } from './files.js';
import { STATE } from './schema.js';

export class LateWrites {
  readonly #mark: Statement<[number]>;
  readonly #find: Statement<[number]>;
  readonly #breakOff: Statement<[number]>;
  readonly #read: Statement<[], { readonly writing: number; readonly brokenOffAt: number | null }>;
  readonly #lastSuspect: Statement<[], number | null>;

  constructor(database: Database) {
    this.#mark = database.prepare('UPDATE meta SET writing = ?');
    this.#find = database.prepare('UPDATE meta SET broken_off_at = ?, writing = 0 WHERE writing = 1');
    this.#breakOff = database.prepare('UPDATE meta SET broken_off_at = ?');
    this.#read = database.prepare('SELECT writing, broken_off_at AS brokenOffAt FROM meta');
    this.#lastSuspect = database.prepare<[], number | null>('SELECT max(since) FROM suspects').pluck();
  }

  begin(): void {
    this.#mark.run(1);
  }

  end(): void {
    this.#mark.run(0);
  }

  /** The process that was there before is gone: what it left open was broken off, at the latest now. */
  find(now: number): void {
    this.#find.run(now);
  }

  brokenOffAt(): number | null {
    return this.#read.get()?.brokenOffAt ?? null;
  }

  /** As `brokenOffAt`, told by one that only looks: a mark that nobody has found yet counts from now. */
  brokenOffBy(now: number, running: boolean): number | null {
    const { writing = 0, brokenOffAt = null } = this.#read.get() ?? {};
    return writing === 1 && !running ? now : brokenOffAt;
  }

  /** For a state file that begins a shard again. */
  inherit(brokenOffAt: number): void {
    this.#breakOff.run(brokenOffAt);
  }

  /** The last time at which anything was sent that may still land; null: there is none. */
  lastSent(closedAt: number): number | null {
    const times = [this.brokenOffBy(closedAt, false), this.#lastSuspect.get() ?? null].filter((time) => time !== null);
    return times.length === 0 ? null : Math.max(...times);
  }
}

/** @returns when the last of what was sent under the states that were put aside may have been sent, where it may still land */
export function lateWritesOfArchives(files: ShardFiles, now: number): number | null {
  const times = archives(files).flatMap(({ file, closedAt }) => {
    if (closedAt + LATE_WRITE_WINDOW_MS <= now) return [];
    return [lastSentIn({ ...files, file }, closedAt) ?? -Infinity];
  });
  const last = Math.max(...times);
  return last + LATE_WRITE_WINDOW_MS > now ? last : null;
}

/** What cannot be read any more may have been anything. */
function lastSentIn(archive: ShardFiles, closedAt: number): number | null {
  const log = SIDE_FILES.some((side) => existsSync(archive.file + side));
  try {
    const database = openReadOnly(archive, STATE, 0);
    try {
      return new LateWrites(database).lastSent(closedAt);
    } finally {
      database.close();
      // Reading makes an empty log, and leaves it.
      if (!log) removeSideFiles(archive.file);
    }
  } catch {
    return closedAt;
  }
}

/** `s01.20251122T230000Z.db`, as `archiveState` calls them; a second is cut off from the time. */
function archives({ folder, shard }: ShardFiles): readonly { readonly file: string; readonly closedAt: number }[] {
  return readdirSync(folder).flatMap((name) => {
    if (!name.startsWith(`${shard}.`)) return [];
    const [, day, hour, minute, second] =
      /^(\d{8})T(\d\d)(\d\d)(\d\d)Z(?:-\d+)?\.db$/.exec(name.slice(shard.length + 1)) ?? [];
    if (day === undefined) return [];
    const date = `${day.slice(0, 4)}-${day.slice(4, 6)}-${day.slice(6)}`;
    return [{ file: join(folder, name), closedAt: Date.parse(`${date}T${hour}:${minute}:${second}Z`) + 1_000 }];
  });
}
