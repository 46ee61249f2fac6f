/** What a state file says of itself: whose it is, who works on it, and what it was begun with. One row. */
import type { Database, Statement } from 'better-sqlite3';
import type { Fingerprint } from '../core/ports.js';
import type { StatePlace } from './files.js';
import { canonicalJson, changed, fingerprintChanges } from './fingerprint.js';
import { corrupt } from './sqlite-errors.js';

export interface Holder {
  readonly pid: number;
  /** ms since the epoch */
  readonly since: number;
}

export class Meta {
  readonly #read: Statement<[], { shard: string; fingerprint: string | null }>;
  readonly #readHolder: Statement<[], { pid: number | null; since: number | null }>;
  readonly #setFingerprint: Statement<[string]>;
  readonly #setHolder: Statement<[number, number]>;

  constructor(readonly database: Database) {
    this.#read = database.prepare('SELECT shard, fingerprint FROM meta');
    this.#readHolder = database.prepare('SELECT holder_pid AS pid, held_since AS since FROM meta');
    this.#setFingerprint = database.prepare('UPDATE meta SET fingerprint = ?');
    this.#setHolder = database.prepare('UPDATE meta SET holder_pid = ?, held_since = ?');
  }

  /** The first row of a new file. */
  static begin(database: Database, shard: string): void {
    database.prepare('INSERT INTO meta (only, shard, created_at) VALUES (1, ?, ?)').run(shard, Date.now());
  }

  /** null where the row is gone */
  shard(): string | null {
    return this.#read.get()?.shard ?? null;
  }

  /** What the shard was begun with; null before its first run. @throws FerryError E_STATE_CORRUPT */
  fingerprint(place: StatePlace): Fingerprint | null {
    const stored = this.#read.get()?.fingerprint ?? null;
    if (stored === null) return null;
    const value = parsed(stored, place);
    if (isFingerprint(value)) return value;
    throw corrupt(place, 'holds a fingerprint that is no JSON object');
  }

  /** The process that last opened the file to work on it; it need not live any more. */
  holder(): Holder | null {
    const row = this.#readHolder.get();
    return row === undefined || row.pid === null || row.since === null ? null : { pid: row.pid, since: row.since };
  }

  hold(holder: Holder): void {
    this.#setHolder.run(holder.pid, holder.since);
  }

  /** @throws FerryError E_STATE_CHANGED, E_STATE_CORRUPT */
  bind(fingerprint: Fingerprint, place: StatePlace, shard: string): void {
    const given = canonicalJson(fingerprint);
    this.database
      .transaction(() => {
        const stored = this.#read.get()?.fingerprint ?? null;
        if (stored === null) this.#setFingerprint.run(given);
        else if (stored !== given) throw changed(shard, fingerprintChanges(parsed(stored, place), JSON.parse(given)));
      })
      .immediate();
  }
}

function isFingerprint(value: unknown): value is Fingerprint {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function parsed(text: string, place: StatePlace): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw corrupt(place, 'holds a fingerprint that is not JSON', error);
  }
}
