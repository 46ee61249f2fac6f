/**
 * Marks that requests are being sent. A process that opens the file and finds that mark knows that its predecessor
 * ended without all answers (kill -9, a power cut). So the run crashed, and its requests may still land. The crash gets
 * the time at which the mark was found, which is never too early. A shard that starts again inherits the time from the
 * archived state.
 */
import type { Database, Statement } from 'better-sqlite3';
import { LATE_WRITE_WINDOW_MS } from '../../core/time/late-writes.js';
import type { LateWriteStore } from '../../core/ports/state-ports.js';
import type { Fingerprint } from '../../core/ports/state-records.js';
import { lateWriteNames } from '../home/late-write-names.js';
import type { BootClock } from '../home/boot-clock.js';

/** What a state file has inherited from archived ones. */
export interface Inherited {
  /** Names of the archives whose late writes this file, or one before it, has taken over. */
  readonly archives: readonly string[];
  /** The settings under which earlier states of the shard wrote, each once; null: unknown settings. */
  readonly former: readonly (Fingerprint | null)[];
}

/** @param text as `meta.inherited` has it. Files that were written before `former` have the list of names alone */
export function inheritedIn(text: string | null): Inherited {
  if (text === null) return { archives: [], former: [] };
  const stored = JSON.parse(text) as Inherited | readonly string[];
  if (!Array.isArray(stored)) return stored as Inherited;
  return { archives: stored as readonly string[], former: stored.length > 0 ? [null] : [] };
}

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
   * Records what a state file inherits from the archived ones, when its shard starts again.
   * @param crashedAt ms since the epoch; null: nothing can land any longer
   */
  inherit(crashedAt: number | null, inherited: Inherited): void {
    if (crashedAt !== null) this.#crash.run(crashedAt);
    this.#setInherited.run(JSON.stringify(inherited));
  }

  /**
   * Returns whether the file records requests that may have been applied: an ambiguous write, a crash, also one that
   * was inherited, or a mark.
   */
  mayHaveSent(): boolean {
    const { inFlight = 0, crashedAt = null } = this.#read.get() ?? {};
    return inFlight === 1 || crashedAt !== null || (this.#lastAmbiguous.get() ?? null) !== null;
  }

  /** Returns what this file has inherited. */
  inherited(): Inherited {
    return inheritedIn(this.#inherited.get() ?? null);
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
