/**
 * One shard's durable memory in SQLite. Each concept has its own file in `tables/`. Here they share one connection, one
 * lock and one set of rules (`guarded-ports.ts`).
 */
import type { Database, Statement } from 'better-sqlite3';
import type { StateStore } from '../core/ports/state-ports.js';
import { guardedPorts, type Concepts, type Effect } from './guarded-ports.js';
import { placesOf, Presence, stateGone } from './home/presence.js';
import { newLineage, Witness } from './home/witness.js';
import { defect } from '../core/defect.js';
import type { FerryError } from '../core/errors.js';
import { guarded } from './sqlite/errors.js';
import type { ShardFiles } from './sqlite/files.js';
import type { Lock } from './sqlite/lock.js';
import { AmbiguousWrites } from './tables/ambiguous-writes.js';
import { BadRowRetries } from './tables/bad-row-retries.js';
import { BadRows } from './tables/bad-rows.js';
import { Binding } from './tables/binding.js';
import type { BootClock } from './home/boot-clock.js';
import { Checkpoints } from './tables/checkpoints.js';
import { Heartbeats } from './tables/heartbeat.js';
import { Incidents } from './tables/incidents.js';
import { LateWrites } from './tables/late-writes.js';
import { Passes } from './tables/passes.js';
import { Plans } from './tables/plans.js';

export class SqliteStateStore implements StateStore {
  readonly binding: StateStore['binding'];
  readonly plans: StateStore['plans'];
  readonly clock: StateStore['clock'];
  readonly passes: StateStore['passes'];
  readonly checkpoints: StateStore['checkpoints'];
  readonly badRows: StateStore['badRows'];
  readonly retries: StateStore['retries'];
  readonly ambiguousWrites: StateStore['ambiguousWrites'];
  readonly lateWrites: StateStore['lateWrites'];
  readonly heartbeat: StateStore['heartbeat'];
  readonly incidents: StateStore['incidents'];

  readonly #clock: BootClock;
  readonly #lateWrites: LateWrites;
  readonly #countCommit: Statement<[], number>;
  #witness: Witness | null = null;
  #presence: Presence | null = null;

  /** Takes over `database` and `lock`: `close` closes both. */
  constructor(
    readonly files: ShardFiles,
    readonly database: Database,
    readonly lock: Lock,
    clock: BootClock,
  ) {
    this.#clock = clock;
    this.#lateWrites = new LateWrites(database);
    this.#countCommit = database.prepare<[], number>('UPDATE meta SET commits = commits + 1 RETURNING commits').pluck();
    const ports = guardedPorts(this.#concepts(clock), (effect, call) => this.#run(effect, call));
    ({
      binding: this.binding,
      plans: this.plans,
      clock: this.clock,
      passes: this.passes,
      checkpoints: this.checkpoints,
      badRows: this.badRows,
      retries: this.retries,
      ambiguousWrites: this.ambiguousWrites,
      lateWrites: this.lateWrites,
      heartbeat: this.heartbeat,
      incidents: this.incidents,
    } = ports);
  }

  get shard(): string {
    return this.files.shard;
  }

  gone(): FerryError | null {
    const lost = this.#presence?.lost() ?? null;
    if (lost === null) return null;
    const { subject, shard } = this.files;
    return stateGone(subject, lost, `dynaferry state adopt --shard ${shard}`, `dynaferry backfill --shard ${shard}`);
  }

  /** Folds the write-ahead log into the file, then frees the shard. A second close does nothing. */
  close(): void {
    try {
      guarded(this.files, () => {
        if (this.database.open) this.#noteTime();
        this.database.close();
      });
    } finally {
      this.#witness?.close();
      this.#witness = null;
      this.lock.release();
    }
  }

  /** Notes the time. If the disk is full, a later process knows less of how long this one waited. */
  #noteTime(): void {
    try {
      this.#clock.noteSeen();
    } catch {
      // Closing the file reports the fault of the disk.
    }
  }

  /**
   * Records where the state lives, and creates its witness. Call it once, before anything else is written. The lineage
   * comes first, so that a kill in between leaves a state without a witness to match.
   * @param waitsAgain as `LateWriteStore.waitsAgain`
   */
  settle(home: string, waitsAgain: boolean): void {
    this.#lateWrites.waitsAgain = waitsAgain;
    const { lineage, commits } = this.#takeLineage(newLineage());
    this.#witness = new Witness(this.files.file, lineage, commits);
    this.#run('writes', () => this.database.prepare('UPDATE meta SET home = ?').run(home));
    this.#presence = new Presence(placesOf(this.files));
  }

  #takeLineage(lineage: string): { readonly lineage: string; readonly commits: number } {
    const taken = this.database
      .prepare<[string], { lineage: string; commits: number }>(
        'UPDATE meta SET lineage = coalesce(lineage, ?) RETURNING lineage, commits',
      )
      .get(lineage);
    if (taken === undefined) throw defect('a state file without its first row');
    return taken;
  }

  #run<Result>(effect: Effect, call: () => Result): Result {
    if (!this.database.open) throw defect(`shard ${this.shard}: the state file was used after it was closed`);
    return guarded(this.files, effect === 'writes' ? () => this.#counted(call) : call);
  }

  #counted<Result>(call: () => Result): Result {
    const { result, commits } = this.database
      .transaction(() => ({ result: call(), commits: this.#countCommit.get() ?? 0 }))
      .immediate();
    this.#witness?.note(commits);
    // Such a commit is not durable, so it must not count as done.
    const gone = this.gone();
    if (gone !== null) throw gone;
    return result;
  }

  #concepts(clock: BootClock): Concepts {
    const { database, files } = this;
    const badRows = new BadRows(database);
    return {
      binding: new Binding(database, files),
      plans: new Plans(database),
      clock,
      passes: new Passes(database, clock),
      checkpoints: new Checkpoints(database),
      badRows,
      retries: new BadRowRetries(database, badRows),
      ambiguousWrites: new AmbiguousWrites(database),
      lateWrites: this.#lateWrites,
      heartbeat: new Heartbeats(database),
      incidents: new Incidents(database),
    };
  }
}
