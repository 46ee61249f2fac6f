/**
 * Reads the status of a shard, also while a process works on it. A file that cannot be read becomes a fault in the
 * answer, so that other shards still show. The answer has each table that the config names, also one without records.
 * It also has other tables with a plan or a pass, but they have no part in the phase.
 */
import type { Database } from 'better-sqlite3';
import type { Fault } from '../../core/errors.js';
import { asFerryError } from '../../core/thrown.js';
import type { Incident } from '../../core/incidents.js';
import { LATE_WRITE_WINDOW_MS } from '../../core/time/late-writes.js';
import type { Phase } from '../../core/model.js';
import { oldestOf, type Age, type ComparisonTime, type Standing } from '../../core/evidence.js';
import type { Heartbeat, PassSummary } from '../../core/ports/state-records.js';
import { BadRows } from '../tables/bad-rows.js';
import { prepared } from '../sqlite/database.js';
import { shardFiles, type ShardFiles } from '../sqlite/files.js';
import { Heartbeats } from '../tables/heartbeat.js';
import { Incidents } from '../tables/incidents.js';
import { LateWrites } from '../tables/late-writes.js';
import { isLocked } from '../sqlite/lock.js';
import type { StateAt } from '../open.js';
import { Passes } from '../tables/passes.js';
import { phaseOf, standingOf } from '../tables/phase.js';
import { Plans } from '../tables/plans.js';
import { isRecorded, readBeside } from './read-beside.js';
import { readCopied } from './read-home.js';
import { isRestartAsked } from '../restart-note.js';
import { BootClock } from '../home/boot-clock.js';
import { AmbiguousWrites } from '../tables/ambiguous-writes.js';

export interface TableStatus {
  readonly table: string;
  /** Whether the config names the table. */
  readonly inConfig: boolean;
  /** Whether the table is cut into ranges. A pass with numbered segments needs none. */
  readonly planned: boolean;
  /** null: the table is read whole, or was never planned. */
  readonly scanKey: string | null;
  /** ms since the epoch; null: it was never planned */
  readonly plannedAt: number | null;
  /** Sum of the ranges' estimates, only for showing progress. */
  readonly estimatedRows: number;
  /** Number of distinct rows that the mapping cannot represent, or whose items the target refuses. */
  readonly badRows: number;
  readonly backfill: PassSummary | null;
  /** The newest verification, whatever it proves: `standing` says that. */
  readonly verify: PassSummary | null;
  readonly standing: Standing;
  /** The oldest and the newest comparison of that verification; null: it has no comparison. */
  readonly firstCompared: Age | null;
  readonly lastCompared: Age | null;
  /** Verifications up to this pass id have not seen what a retry moved; 0: no retry or change came. */
  readonly overtakenBy: number;
}

/** The status of a shard. It is plain data, so it can be printed as JSON or cross a process border. */
export interface ShardStatus {
  readonly shard: string;
  /** `new` where the shard has no records, or its file could not be read. */
  readonly phase: Phase;
  /** Whether a process holds the shard now. */
  readonly running: boolean;
  /** The last report of a process about itself; stale when no process is running. */
  readonly heartbeat: Heartbeat | null;
  /** The tables of the config in its order, then others with records. */
  readonly tables: readonly TableStatus[];
  /** The oldest comparison of all verifications that stand; null: there is no such comparison. */
  readonly oldestComparison: Age | null;
  /** Number of item keys whose last write had an unknown result. */
  readonly suspects: number;
  /** Incidents that runs recovered from, by kind, over all runs. */
  readonly incidents: readonly Incident[];
  /**
   * Until when writes of a crashed run may land, in ms since the epoch by the state's own clock. A verification whose
   * `startedAt` is before that time proves nothing. null: no run crashed.
   */
  readonly lateWritesUntil: number | null;
  /**
   * Whether a requested restart was interrupted before it had finished this shard. Then the next backfill starts the
   * shard again.
   */
  readonly restartAsked: boolean;
  /** How many more ms such writes may land; null: no such write can land. */
  readonly lateWritesForMs: number | null;
  /** E_STATE_COPIED: a run would be refused, since the state is not at home here; null: it is, as far as is known. */
  readonly copied: Fault | null;
  /** Why the answer is incomplete; null: it is complete. */
  readonly fault: Fault | null;
}

type Known = Pick<
  ShardStatus,
  | 'phase'
  | 'heartbeat'
  | 'tables'
  | 'oldestComparison'
  | 'suspects'
  | 'lateWritesUntil'
  | 'lateWritesForMs'
  | 'incidents'
>;

const NOTHING_KNOWN: Known = {
  phase: 'new',
  heartbeat: null,
  tables: [],
  oldestComparison: null,
  suspects: 0,
  lateWritesUntil: null,
  lateWritesForMs: null,
  incidents: [],
};

/**
 * Returns the status of a shard without records.
 * @param tables that the config names
 * @param restartAsked a restart of it is not finished
 */
export function notBegun(shard: string, tables: readonly string[], restartAsked = false): ShardStatus {
  return {
    shard,
    running: false,
    ...NOTHING_KNOWN,
    tables: tables.map(neverPlanned),
    restartAsked,
    copied: null,
    fault: null,
  };
}

/**
 * Reads the status of a shard.
 * @param tables that the config names, in its order; null: there is no config, and all recorded tables count
 * @param moves the folder is on a volume that moves between hosts
 * @returns null: the shard has no records
 */
export function readShardStatus(
  { folder, shard }: StateAt,
  tables: readonly string[] | null = null,
  moves = false,
): ShardStatus | null {
  const files = shardFiles(folder, shard);
  const restartAsked = isRestartAsked({ folder, shard });
  let running = false;
  try {
    if (!isRecorded(files)) return null;
    running = isLocked(files.lock, files);
    const copied = running ? null : readCopied({ folder, shard }, moves);
    return { shard, running, ...readKnown(files, running, tables), restartAsked, copied, fault: null };
  } catch (error) {
    return {
      shard,
      running,
      ...NOTHING_KNOWN,
      restartAsked,
      copied: null,
      fault: asFerryError(error, files.subject).toFault(),
    };
  }
}

function readKnown(files: ShardFiles, running: boolean, tables: readonly string[] | null): Known {
  return readBeside(files, (database) => {
    const reader = prepared(files, () => new StatusReader(database));
    return database.transaction(() => reader.read(running, tables))();
  });
}

function neverPlanned(table: string): TableStatus {
  return {
    table,
    inConfig: true,
    planned: false,
    scanKey: null,
    plannedAt: null,
    estimatedRows: 0,
    badRows: 0,
    backfill: null,
    verify: null,
    standing: 'none',
    firstCompared: null,
    lastCompared: null,
    overtakenBy: 0,
  };
}

class StatusReader {
  readonly #plans: Plans;
  readonly #passes: Passes;
  readonly #badRows: BadRows;
  readonly #ambiguousWrites: AmbiguousWrites;
  readonly #lateWrites: LateWrites;
  readonly #clock: BootClock;
  readonly #heartbeats: Heartbeats;
  readonly #incidents: Incidents;

  constructor(database: Database) {
    this.#plans = new Plans(database);
    this.#clock = new BootClock(database);
    this.#passes = new Passes(database, this.#clock);
    this.#badRows = new BadRows(database);
    this.#ambiguousWrites = new AmbiguousWrites(database);
    this.#lateWrites = new LateWrites(database);
    this.#heartbeats = new Heartbeats(database);
    this.#incidents = new Incidents(database);
  }

  read(running: boolean, named: readonly string[] | null): Known {
    const recorded = [...new Set([...this.#plans.tables(), ...this.#passes.tables()])];
    const inConfig = named ?? recorded;
    const tables = [...new Set([...inConfig, ...recorded])].map((name) => this.#table(name, inConfig.includes(name)));
    const suspects = this.#ambiguousWrites.count();
    const incidents = this.#incidents.all();
    const crashedAt = this.#lateWrites.crashedBy(this.#clock, running);
    const lateWritesUntil = crashedAt === null ? null : crashedAt + LATE_WRITE_WINDOW_MS;
    const left = (lateWritesUntil ?? -Infinity) - this.#clock.now();
    const lateWritesForMs = left > 0 ? left : null;
    const concerned = tables.filter((table) => table.inConfig);
    const phase = phaseOf(concerned, { suspects, lateWritesUntil });
    const oldestComparison = oldestOf(
      concerned.flatMap(({ firstCompared, standing }) => (standing === 'stands' ? (firstCompared ?? []) : [])),
    );
    const heartbeat = this.#heartbeats.last();
    return { phase, heartbeat, tables, oldestComparison, suspects, lateWritesUntil, lateWritesForMs, incidents };
  }

  #table(table: string, inConfig: boolean): TableStatus {
    const plan = this.#plans.get(table);
    const passes = {
      backfill: this.#passes.summary('backfill', table),
      verify: this.#passes.summary('verify', table),
      overtakenBy: this.#passes.overtakenBy(table),
    };
    const age = (time: ComparisonTime | null | undefined): Age | null => (time == null ? null : this.#clock.age(time));
    return {
      table,
      inConfig,
      planned: plan !== null,
      scanKey: plan?.scanKey ?? null,
      plannedAt: plan?.plannedAt ?? null,
      estimatedRows: plan?.ranges.reduce((sum, range) => sum + range.estimatedRows, 0) ?? 0,
      badRows: this.#badRows.count(table),
      ...passes,
      standing: standingOf(passes),
      firstCompared: age(passes.verify?.oldest),
      lastCompared: age(passes.verify?.newest),
    };
  }
}
