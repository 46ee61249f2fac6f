/**
 * The binding of a state file: a fingerprint of the settings that its shard was started with, and the MySQL server that
 * it reads.
 */
import type { Database, Statement } from 'better-sqlite3';
import type { BindingStore } from '../../core/ports/state-ports.js';
import type { Fingerprint, FingerprintChange, TableColumn, TakeUp } from '../../core/ports/state-records.js';
import { shownOf } from '../../core/text/sealed.js';
import { corrupt } from '../sqlite/errors.js';
import type { ShardFiles, StatePaths } from '../sqlite/files.js';
import { canonicalJson, changed, fingerprintChanges } from './fingerprint.js';
import { inheritedIn } from './late-writes.js';

/**
 * Reads the binding from a file of any version: it needs only columns that the first version had. So a read beside a
 * run, which migrates nothing, still finds the settings that the shard was started with.
 */
export class StoredBinding {
  readonly #read: Statement<[], { shard: string; fingerprint: string | null }>;

  constructor(database: Database) {
    this.#read = database.prepare('SELECT shard, fingerprint FROM meta');
  }

  /** Returns the shard that the file was made for; null: the row is missing. */
  shard(): string | null {
    return this.#read.get()?.shard ?? null;
  }

  /** Returns the stored text of the fingerprint; null: no run has bound one yet. */
  text(): string | null {
    return this.#read.get()?.fingerprint ?? null;
  }

  /**
   * Returns the settings that the shard was started with; null: it had no run yet. @throws FerryError E_STATE_CORRUPT
   */
  fingerprint(paths: StatePaths): Fingerprint | null {
    const stored = this.text();
    if (stored === null) return null;
    const value = parsed(stored, paths);
    if (isFingerprint(value)) return value;
    throw corrupt(paths, 'holds a fingerprint that is not a JSON object');
  }
}

/** Writes the binding. Each method runs within the caller's transaction. */
export class Binding implements BindingStore {
  readonly #stored: StoredBinding;
  readonly #server: Statement<[], string | null>;
  readonly #setServer: Statement<[string]>;
  readonly #inherited: Statement<[], string | null>;
  readonly #voidVerifications: Statement<[]>;
  readonly #setFingerprint: Statement<[string]>;
  readonly #accept: Statement<[string, string | null, string | null, number]>;
  readonly #acceptColumn: Statement<[TableColumn]>;
  readonly #accepted: Statement<[], { path: string; from_value: string | null; to_value: string | null }>;

  constructor(
    database: Database,
    private readonly files: ShardFiles,
  ) {
    this.#stored = new StoredBinding(database);
    this.#server = database.prepare<[], string | null>('SELECT server FROM meta').pluck();
    this.#setServer = database.prepare('UPDATE meta SET server = ?');
    this.#inherited = database.prepare<[], string | null>('SELECT inherited FROM meta').pluck();
    this.#voidVerifications = database.prepare("UPDATE passes SET void = 1 WHERE kind = 'verify'");
    this.#setFingerprint = database.prepare('UPDATE meta SET fingerprint = ?');
    this.#accept = database.prepare(
      `INSERT INTO accepted_changes (path, from_value, to_value, newest_pass_id, accepted_at)
       SELECT ?, ?, ?, coalesce(max(id), 0), ? FROM passes`,
    );
    this.#acceptColumn = database.prepare(
      `INSERT INTO accepted_columns (table_name, column_name) SELECT @table, @column
        WHERE NOT EXISTS (SELECT 1 FROM accepted_columns WHERE table_name = @table AND column_name IS @column)`,
    );
    this.#accepted = database.prepare('SELECT path, from_value, to_value FROM accepted_changes ORDER BY id');
  }

  bind(fingerprint: Fingerprint, takeUp: TakeUp = asStored): void {
    const given = canonicalJson(fingerprint);
    const stored = this.#stored.text();
    if (stored === given) return;
    if (stored !== null) {
      const after = JSON.parse(given) as Fingerprint;
      const refused = fingerprintChanges(takeUp(this.#parsed(stored), after), after);
      if (refused.length > 0) throw changed(this.files.shard, refused);
    }
    this.#setFingerprint.run(given);
  }

  rebind(
    ...[fingerprint, mustStay, columns, takeUp = asStored]: Parameters<BindingStore['rebind']>
  ): readonly FingerprintChange[] {
    const given = canonicalJson(fingerprint);
    const stored = this.#stored.text();
    if (stored === null || stored === given) {
      this.#setFingerprint.run(given);
      return [];
    }
    const after = JSON.parse(given) as Fingerprint;
    const before = takeUp(this.#parsed(stored), after);
    const refused = fingerprintChanges(mustStay(before, after), mustStay(after, before));
    if (refused.length > 0) throw changed(this.files.shard, refused);
    const accepted = fingerprintChanges(before, after);
    const now = Date.now();
    for (const { path, from, to } of accepted) this.#accept.run(path, jsonOrNull(from), jsonOrNull(to), now);
    for (const { table, column } of columns()) this.#acceptColumn.run({ table, column });
    this.#setFingerprint.run(given);
    return accepted;
  }

  acceptedChanges(): readonly FingerprintChange[] {
    return this.#accepted.all().map(({ path, from_value, to_value }) => ({
      path,
      from: from_value === null ? undefined : shownOf(JSON.parse(from_value)),
      to: to_value === null ? undefined : shownOf(JSON.parse(to_value)),
    }));
  }

  formerSettings(): readonly (Fingerprint | null)[] {
    return inheritedIn(this.#inherited.get() ?? null).former;
  }

  server(): string | null {
    return this.#server.get() ?? null;
  }

  /**
   * Records the server. A comparison with another server proves nothing about this one's rows, which may be older or
   * different.
   */
  setServer(server: string, another = true): void {
    const before = this.server();
    if (another && before !== null && before !== server) this.#voidVerifications.run();
    this.#setServer.run(server);
  }

  #parsed(stored: string): Fingerprint {
    return parsed(stored, this.files) as Fingerprint;
  }
}

const asStored: TakeUp = (stored) => stored;

function jsonOrNull(value: unknown): string | null {
  return value === undefined ? null : JSON.stringify(value);
}

function isFingerprint(value: unknown): value is Fingerprint {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function parsed(text: string, paths: StatePaths): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw corrupt(paths, 'holds a fingerprint that is not JSON', error);
  }
}
