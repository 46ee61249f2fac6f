/** What a state file says of itself: whose it is, who works on it, and what it was begun with. One row. */
import type { Database, Statement } from 'better-sqlite3';
import { shownOf } from '../../core/text/sealed.js';
import type { StateStore } from '../../core/ports/state-ports.js';
import type { Fingerprint, FingerprintChange, TakeUp } from '../../core/ports/state-records.js';
import type { StatePlace } from '../sqlite/files.js';
import { canonicalJson, changed, fingerprintChanges } from './fingerprint.js';
import { corrupt } from '../sqlite/sqlite-errors.js';

export interface Holder {
  readonly pid: number;
  /** ms since the epoch */
  readonly since: number;
}

interface ToBind {
  readonly fingerprint: Fingerprint;
  readonly takenUp: TakeUp | undefined;
}

interface Rebinding extends ToBind {
  readonly mustStay: Parameters<StateStore['rebind']>[1];
  readonly columns: Parameters<StateStore['rebind']>[2];
}

/**
 * What a file of any version says of itself: columns that the first version had alone, so that a look beside, which
 * brings nothing up, can still tell what the shard was begun with.
 */
export class Binding {
  readonly #read: Statement<[], { shard: string; fingerprint: string | null }>;

  constructor(database: Database) {
    this.#read = database.prepare('SELECT shard, fingerprint FROM meta');
  }

  /** null where the row is gone */
  shard(): string | null {
    return this.#read.get()?.shard ?? null;
  }

  /** As it is stored; null before the first run. */
  text(): string | null {
    return this.#read.get()?.fingerprint ?? null;
  }

  /** What the shard was begun with; null before its first run. @throws FerryError E_STATE_CORRUPT */
  fingerprint(place: StatePlace): Fingerprint | null {
    const stored = this.text();
    if (stored === null) return null;
    const value = parsed(stored, place);
    if (isFingerprint(value)) return value;
    throw corrupt(place, 'holds a fingerprint that is no JSON object');
  }
}

export class Meta {
  readonly #binding: Binding;
  readonly #server: Statement<[], string | null>;
  readonly #setServer: Statement<[string]>;
  readonly #voidVerifications: Statement<[]>;
  readonly #readHolder: Statement<[], { pid: number | null; since: number | null }>;
  readonly #setFingerprint: Statement<[string]>;
  readonly #setHolder: Statement<[number, number]>;
  readonly #accept: Statement<[string, string | null, string | null, number]>;
  readonly #acceptColumn: Statement<[{ readonly table: string; readonly column: string | null }]>;
  readonly #accepted: Statement<[], { path: string; from_value: string | null; to_value: string | null }>;

  constructor(readonly database: Database) {
    this.#binding = new Binding(database);
    this.#server = database.prepare<[], string | null>('SELECT server FROM meta').pluck();
    this.#setServer = database.prepare('UPDATE meta SET server = ?');
    this.#voidVerifications = database.prepare("UPDATE passes SET void = 1 WHERE kind = 'verify'");
    this.#readHolder = database.prepare('SELECT holder_pid AS pid, held_since AS since FROM meta');
    this.#setFingerprint = database.prepare('UPDATE meta SET fingerprint = ?');
    this.#setHolder = database.prepare('UPDATE meta SET holder_pid = ?, held_since = ?');
    this.#accept = database.prepare(
      `INSERT INTO accepted_changes (path, from_value, to_value, after_pass, accepted_at)
       SELECT ?, ?, ?, coalesce(max(id), 0), ? FROM passes`,
    );
    this.#acceptColumn = database.prepare(
      `INSERT INTO accepted_columns (table_name, column_name) SELECT @table, @column
        WHERE NOT EXISTS (SELECT 1 FROM accepted_columns WHERE table_name = @table AND column_name IS @column)`,
    );
    this.#accepted = database.prepare('SELECT path, from_value, to_value FROM accepted_changes ORDER BY id');
  }

  /** The first row of a new file. */
  static begin(database: Database, shard: string): void {
    database.prepare('INSERT INTO meta (only, shard, created_at) VALUES (1, ?, ?)').run(shard, Date.now());
  }

  /** Null before the first run noted it. */
  server(): string | null {
    return this.#server.get() ?? null;
  }

  /** What was compared with another server says nothing of this one's rows, which may be older or others. */
  setServer(server: string, another = true): void {
    this.database
      .transaction(() => {
        const before = this.server();
        if (another && before !== null && before !== server) this.#voidVerifications.run();
        this.#setServer.run(server);
      })
      .immediate();
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
  bind({ fingerprint, takenUp = asStored }: ToBind, place: StatePlace, shard: string): void {
    const given = canonicalJson(fingerprint);
    this.database
      .transaction(() => {
        const stored = this.#binding.text();
        if (stored === given) return;
        if (stored !== null) {
          const after = JSON.parse(given) as Fingerprint;
          const refused = fingerprintChanges(takenUp(parsed(stored, place) as Fingerprint, after), after);
          if (refused.length > 0) throw changed(shard, refused);
        }
        this.#setFingerprint.run(given);
      })
      .immediate();
  }

  /** @throws FerryError E_STATE_CHANGED, E_STATE_CORRUPT */
  rebind(
    { fingerprint, mustStay, columns, takenUp = asStored }: Rebinding,
    place: StatePlace,
    shard: string,
  ): readonly FingerprintChange[] {
    const given = canonicalJson(fingerprint);
    return this.database
      .transaction(() => {
        const stored = this.#binding.text();
        if (stored === null || stored === given) {
          this.#setFingerprint.run(given);
          return [];
        }
        const after = JSON.parse(given) as Fingerprint;
        const before = takenUp(parsed(stored, place) as Fingerprint, after);
        const refused = fingerprintChanges(mustStay(before, after), mustStay(after, before));
        if (refused.length > 0) throw changed(shard, refused);
        const accepted = fingerprintChanges(before, after);
        const now = Date.now();
        for (const { path, from, to } of accepted) this.#accept.run(path, jsonOrNull(from), jsonOrNull(to), now);
        for (const { table, column } of columns()) this.#acceptColumn.run({ table, column });
        this.#setFingerprint.run(given);
        return accepted;
      })
      .immediate();
  }

  acceptedChanges(): readonly FingerprintChange[] {
    return this.#accepted.all().map(({ path, from_value, to_value }) => ({
      path,
      from: from_value === null ? undefined : shownOf(JSON.parse(from_value)),
      to: to_value === null ? undefined : shownOf(JSON.parse(to_value)),
    }));
  }
}

const asStored: TakeUp = (stored) => stored;

function jsonOrNull(value: unknown): string | null {
  return value === undefined ? null : JSON.stringify(value);
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
