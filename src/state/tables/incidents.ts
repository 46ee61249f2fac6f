/**
 * Counts how often runs recovered from each kind of incident since the shard was started. `status` shows it; no resume
 * depends on it.
 */
import type { Database, Statement } from 'better-sqlite3';
import type { IncidentStore } from '../../core/ports/state-ports.js';
import { isIncidentKind, type Incident } from '../../core/incidents.js';

interface Row {
  readonly kind: string;
  readonly count: number;
  readonly firstAt: number;
  readonly lastAt: number;
}

export class Incidents implements IncidentStore {
  readonly #add: Statement<[Incident]>;
  readonly #all: Statement<[], Row>;

  constructor(database: Database) {
    this.#add = database.prepare(
      `INSERT INTO incidents (kind, count, first_at, last_at) VALUES (@kind, @count, @firstAt, @lastAt) ON CONFLICT (kind) DO UPDATE
       SET count = count + excluded.count, first_at = min(first_at, excluded.first_at), last_at = max(last_at, excluded.last_at)`,
    );
    this.#all = database.prepare(
      'SELECT kind, count, first_at AS firstAt, last_at AS lastAt FROM incidents ORDER BY kind',
    );
  }

  add(incidents: readonly Incident[]): void {
    for (const incident of incidents) this.#add.run(incident);
  }

  /** Returns the incidents whose kinds this version knows. */
  all(): readonly Incident[] {
    return this.#all.all().flatMap(({ kind, ...rest }) => (isIncidentKind(kind) ? [{ kind, ...rest }] : []));
  }
}
