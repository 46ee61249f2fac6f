/**
 * One shard's durable memory in SQLite. Each concept has its own file; here they share one connection, one lock and one
 * rule: what comes out is a FerryError or a result that is on disk. Methods are synchronous, as SQLite is.
 */
import type { Database, Statement } from 'better-sqlite3';
import type { Incident } from '../core/incidents.js';
import type { Cursor } from '../core/model.js';
import type { Abandoned, Age, ComparisonTime, Standing } from '../core/evidence.js';
import type {
  BadRowRecord,
  ChunkRecord,
  DifferenceRecord,
  Fingerprint,
  FingerprintChange,
  Heartbeat,
  Pass,
  PassKind,
  PassSummary,
  RangeProgress,
  RecordedBadRow,
  RetryRecord,
  StateStore,
  Suspect,
  TablePlan,
  TakeUp,
} from '../core/ports/state-ports.js';
import { BadRows } from './tables/bad-rows.js';
import { Chunks } from './tables/chunks.js';
import type { ShardFiles } from './sqlite/files.js';
import { Heartbeats } from './tables/heartbeat.js';
import { Incidents } from './tables/incidents.js';
import { LateWrites } from './tables/late-writes.js';
import type { Lock } from './sqlite/lock.js';
import { Meta } from './tables/meta.js';
import { Passes } from './tables/passes.js';
import { Plans } from './tables/plans.js';
import { Retries } from './tables/retries.js';
import { defect } from '../core/defect.js';
import { guarded } from './sqlite/sqlite-errors.js';
import type { SteadyClock } from './tables/steady-clock.js';
import { Suspects } from './tables/suspects.js';
import { newLineage, Witness } from './home/witness.js';

export class SqliteStateStore implements StateStore {
  readonly #meta: Meta;
  readonly #plans: Plans;
  readonly #clock: SteadyClock;
  readonly #passes: Passes;
  readonly #chunks: Chunks;
  readonly #badRows: BadRows;
  readonly #retries: Retries;
  readonly #suspects: Suspects;
  readonly #lateWrites: LateWrites;
  readonly #heartbeats: Heartbeats;
  readonly #incidents: Incidents;
  readonly #countCommit: Statement<[], number>;
  #witness: Witness | null = null;

  waitsAnew = false;

  /** Takes over `database` and `lock`: `close` ends both. */
  constructor(
    readonly files: ShardFiles,
    readonly database: Database,
    readonly lock: Lock,
    clock: SteadyClock,
  ) {
    this.#meta = new Meta(database);
    this.#plans = new Plans(database);
    this.#clock = clock;
    this.#passes = new Passes(database, this.#clock);
    this.#chunks = new Chunks(database);
    this.#badRows = new BadRows(database);
    this.#retries = new Retries(database, this.#badRows);
    this.#suspects = new Suspects(database);
    this.#lateWrites = new LateWrites(database);
    this.#heartbeats = new Heartbeats(database);
    this.#incidents = new Incidents(database);
    this.#countCommit = database.prepare<[], number>('UPDATE meta SET commits = commits + 1 RETURNING commits').pluck();
  }

  get shard(): string {
    return this.files.shard;
  }

  bind(fingerprint: Fingerprint, takenUp?: TakeUp): void {
    this.#write(() => this.#meta.bind({ fingerprint, takenUp }, this.files, this.shard));
  }

  rebind(...[fingerprint, mustStay, columns, takenUp]: Parameters<StateStore['rebind']>): readonly FingerprintChange[] {
    return this.#write(() => this.#meta.rebind({ fingerprint, mustStay, columns, takenUp }, this.files, this.shard));
  }

  acceptedChanges(): readonly FingerprintChange[] {
    return this.#run(() => this.#meta.acceptedChanges());
  }

  now(): number {
    return this.#run(() => this.#clock.now());
  }

  latest(): number {
    return this.#run(() => this.#clock.latest());
  }

  server(): string | null {
    return this.#run(() => this.#meta.server());
  }

  setServer(server: string, another?: boolean): void {
    this.#write(() => this.#meta.setServer(server, another));
  }

  tableIdentity(table: string): string | null {
    return this.#run(() => this.#plans.identity(table));
  }

  setTableIdentity(table: string, identity: string, voids: boolean): void {
    this.#write(() => this.#plans.setIdentity(table, identity, voids));
  }

  plan(table: string): TablePlan | null {
    return this.#run(() => this.#plans.plan(table));
  }

  savePlan(plan: TablePlan): void {
    this.#write(() => this.#plans.save(plan));
  }

  openPass(kind: PassKind, table: string, maxAgeMs = Infinity): Pass {
    return this.#write(() => this.#passes.open(kind, table, maxAgeMs));
  }

  abandoned(table: string, maxAgeMs: number): Abandoned | null {
    return this.#run(() => this.#passes.abandoned(table, maxAgeMs));
  }

  standing(table: string): Standing {
    return this.#run(() => this.#passes.standing(table));
  }

  age(time: ComparisonTime): Age {
    return this.#run(() => this.#clock.age(time));
  }

  progress(pass: Pass): readonly RangeProgress[] {
    return this.#run(() => this.#passes.progress(pass));
  }

  commitChunks(pass: Pass, chunks: readonly ChunkRecord[], differences: readonly DifferenceRecord[]): void {
    this.#write(() => this.#chunks.commit(pass, chunks, differences));
  }

  noteTtl(pass: Pass, deletesBy: string | null): void {
    this.#write(() => this.#passes.noteTtl(pass, deletesBy));
  }

  completeRange(pass: Pass, range: number, since: ComparisonTime | null = null): void {
    this.#write(() => this.#chunks.completeRange(pass, range, since));
  }

  finishPass(pass: Pass): void {
    this.#write(() => this.#passes.finish(pass));
  }

  summary(kind: PassKind, table: string): PassSummary | null {
    return this.#run(() => this.#passes.summary(kind, table));
  }

  recordBadRows(rows: readonly BadRowRecord[]): void {
    this.#write(() => this.#badRows.record(rows));
  }

  forgetBadRows(table: string, cursors: readonly Cursor[]): void {
    this.#write(() => this.#badRows.forget(table, cursors));
  }

  badRows(...[table, part]: Parameters<StateStore['badRows']>): readonly RecordedBadRow[] {
    return this.#run(() => this.#badRows.of(table, part));
  }

  countBadRows(table: string): number {
    return this.#run(() => this.#badRows.count(table));
  }

  badRowsAt(table: string, cursors: readonly Cursor[]): readonly RecordedBadRow[] {
    return this.#run(() => this.#badRows.at(table, cursors));
  }

  settleRetry(table: string, settled: readonly Cursor[], stillBad: readonly BadRowRecord[], record: RetryRecord): void {
    this.#write(() => this.#retries.settle(table, settled, stillBad, record));
  }

  differences(pass: Pass, limit: number): readonly DifferenceRecord[] {
    return this.#run(() => this.#chunks.differences(pass, limit));
  }

  addSuspects(suspects: readonly Suspect[]): void {
    this.#write(() => this.#suspects.add(suspects));
  }

  closeSuspects(keyTexts: readonly string[]): void {
    this.#write(() => this.#suspects.close(keyTexts));
  }

  suspects(): readonly Suspect[] {
    return this.#run(() => this.#suspects.all());
  }

  beginWrites(): void {
    this.#write(() => this.#lateWrites.begin());
  }

  endWrites(): void {
    this.#write(() => this.#lateWrites.end());
  }

  brokenOffAt(): number | null {
    return this.#run(() => this.#lateWrites.brokenOffAt());
  }

  beat(heartbeat: Heartbeat): void {
    this.#run(() => this.#heartbeats.beat(heartbeat));
  }

  addIncidents(incidents: readonly Incident[]): void {
    this.#write(() => this.#incidents.add(incidents));
  }

  incidents(): readonly Incident[] {
    return this.#run(() => this.#incidents.all());
  }

  /** Folds the write-ahead log into the file, then frees the shard. Closing twice is fine. */
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

  /** Where the disk is full, less is known later of how long was waited for. */
  #noteTime(): void {
    try {
      this.#clock.noteSeen();
    } catch {
      // Closing says what the disk says.
    }
  }

  /**
   * To be called once, before anything is written: notes where the state lives, and makes its witness. The lineage
   * comes first, so that a kill in between leaves a state that is asked for nothing.
   */
  settle(home: string): void {
    const { lineage, commits } = this.#takeLineage(newLineage());
    this.#witness = new Witness(this.files.file, lineage, commits);
    this.#write(() => this.database.prepare('UPDATE meta SET home = ?').run(home));
  }

  /** Counted as a commit, which the witness sees. What is not worth that (a heartbeat) goes by `#run`. */
  #write<T>(action: () => T): T {
    return this.#run(() => {
      const { result, commits } = this.database
        .transaction(() => ({ result: action(), commits: this.#countCommit.get() ?? 0 }))
        .immediate();
      this.#witness?.note(commits);
      return result;
    });
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

  #run<T>(action: () => T): T {
    if (!this.database.open) throw defect(`shard ${this.shard}: the state file was used after it was closed`);
    return guarded(this.files, action);
  }
}
