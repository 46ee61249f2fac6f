/**
 * What is known of a shard, read beside the process that works on it, if any. A file that cannot be read is a fault in the answer, so that other shards still show.
 */
import type { Database } from 'better-sqlite3';
import { asFerryError, type Fault } from '../core/errors.js';
import type { Incident } from '../core/incidents.js';
import { LATE_WRITE_WINDOW_MS } from '../core/late-writes.js';
import type { Phase } from '../core/model.js';
import type { Heartbeat, PassSummary } from '../core/state-ports.js';
import { BadRows } from './bad-rows.js';
import { prepared } from './database.js';
import { shardFiles, type ShardFiles } from './files.js';
import { Heartbeats } from './heartbeat.js';
import { Incidents } from './incidents.js';
import { LateWrites } from './late-writes.js';
import { isLocked } from './lock.js';
import type { StateAt } from './open.js';
import { Passes } from './passes.js';
import { phaseOf } from './phase.js';
import { Plans } from './plans.js';
import { isRecorded, readBeside } from './read-beside.js';
import { SteadyClock } from './steady-clock.js';
import { Suspects } from './suspects.js';

export interface TableStatus {
  readonly table: string;
  /** null: the table is read whole. */
  readonly scanKey: string | null;
  /** ms since the epoch */
  readonly plannedAt: number;
  /** Sum of the ranges' estimates: for progress only. */
  readonly estimatedRows: number;
  /** Distinct rows that cannot be represented as asked. */
  readonly badRows: number;
  readonly backfill: PassSummary | null;
  readonly verify: PassSummary | null;
  /** Verifications up to this pass came before a retry of bad rows, and have not seen what it moved; 0: none. */
  readonly overtakenBy: number;
}

/** Plain data: can be printed as JSON or cross a process border. */
export interface ShardStatus {
  readonly shard: string;
  /** `new` where nothing is recorded, or the file could not be read. */
  readonly phase: Phase;
  /** A process holds the shard now. */
  readonly running: boolean;
  /** What the last process said of itself; stale where none is running. */
  readonly heartbeat: Heartbeat | null;
  /** In the order they were planned in. */
  readonly tables: readonly TableStatus[];
  /** Item keys whose last write ended ambiguously. */
  readonly suspects: number;
  /** Faults that were ridden out, by kind, over all runs. */
  readonly incidents: readonly Incident[];
  /**
   * ms since the epoch until which what a broken-off run had sent may land: a verification that began before proves nothing. null:
   * no run was broken off.
   */
  readonly lateWritesUntil: number | null;
  /** Why nothing more can be said, or null. */
  readonly fault: Fault | null;
}

type Known = Pick<ShardStatus, 'phase' | 'heartbeat' | 'tables' | 'suspects' | 'lateWritesUntil' | 'incidents'>;

const NOTHING_KNOWN: Known = {
  phase: 'new',
  heartbeat: null,
  tables: [],
  suspects: 0,
  lateWritesUntil: null,
  incidents: [],
};

/** The status of a shard that nothing is recorded of. */
export function notBegun(shard: string): ShardStatus {
  return { shard, running: false, ...NOTHING_KNOWN, fault: null };
}

/** @returns null where nothing is recorded for the shard */
export function readShardStatus({ folder, shard }: StateAt): ShardStatus | null {
  const files = shardFiles(folder, shard);
  let running = false;
  try {
    if (!isRecorded(files)) return null;
    running = isLocked(files.lock, files);
    return { shard, running, ...readKnown(files, running), fault: null };
  } catch (error) {
    return { shard, running, ...NOTHING_KNOWN, fault: asFerryError(error).toFault() };
  }
}

function readKnown(files: ShardFiles, running: boolean): Known {
  return readBeside(files, (database) => {
    const reader = prepared(files, () => new StatusReader(database));
    return database.transaction(() => reader.read(running))();
  });
}

class StatusReader {
  readonly #plans: Plans;
  readonly #passes: Passes;
  readonly #badRows: BadRows;
  readonly #suspects: Suspects;
  readonly #lateWrites: LateWrites;
  readonly #clock: SteadyClock;
  readonly #heartbeats: Heartbeats;
  readonly #incidents: Incidents;

  constructor(database: Database) {
    this.#plans = new Plans(database);
    this.#passes = new Passes(database);
    this.#badRows = new BadRows(database);
    this.#suspects = new Suspects(database);
    this.#lateWrites = new LateWrites(database);
    this.#clock = new SteadyClock(database);
    this.#heartbeats = new Heartbeats(database);
    this.#incidents = new Incidents(database);
  }

  read(running: boolean): Known {
    const tables = this.#plans.tables().flatMap((name) => this.#table(name));
    const suspects = this.#suspects.count();
    const incidents = this.#incidents.all();
    const brokenOffAt = this.#lateWrites.brokenOffBy(this.#clock.now(), running);
    const lateWritesUntil = brokenOffAt === null ? null : brokenOffAt + LATE_WRITE_WINDOW_MS;
    const phase = phaseOf(tables, { suspects, lateWritesUntil });
    return { phase, heartbeat: this.#heartbeats.last(), tables, suspects, lateWritesUntil, incidents };
  }

  #table(table: string): TableStatus[] {
    const plan = this.#plans.plan(table);
    if (plan === null) return [];
    return [
      {
        table,
        scanKey: plan.scanKey,
        plannedAt: plan.plannedAt,
        estimatedRows: plan.ranges.reduce((sum, range) => sum + range.estimatedRows, 0),
        badRows: this.#badRows.count(table),
        backfill: this.#passes.summary('backfill', table),
        verify: this.#passes.summary('verify', table),
        overtakenBy: this.#passes.overtakenBy(table),
      },
    ];
  }
}
