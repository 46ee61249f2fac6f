/**
 * The budget ledger records how much of a table's budget each run of this machine holds. It is a file beside the state,
 * so that all runs on one state folder see it. It holds fractions whose sum is never more than one. A run takes what is
 * free, up to an equal part. When other runs join, it gives up its surplus. It records that only when all its shards
 * spend less. In the same way, a run that is paused as a whole gives up all of its part, and then counts as no run.
 * The part of a run that ended, orderly or not, rests before another run may take it (`core/capacity/budget-shares.ts`
 * gives the reason).
 *
 * A lock shows whether a run is alive: the kernel drops the lock with the process. A suspended process keeps its lock
 * and its part. No run waits for the file. If another process has locked it, for example one that was suspended during
 * its look, the run continues with its known part.
 *
 * The file is worthless once no run uses it. So nothing in it is synced, and after a power failure it may hold
 * anything. A run that joins creates the file again if SQLite refuses it, or if it is from an earlier start of the
 * machine (`fresh-ledger.ts`). It never does so while another run uses the file.
 */
import Database from 'better-sqlite3';
import { existsSync } from 'node:fs';
import { bootMonotonic } from '../home/clocks.js';
import { makeFolder, type StatePaths } from '../sqlite/files.js';
import { freshLedger, inTurn } from './fresh-ledger.js';
import { isLocked, type Lock } from '../sqlite/lock.js';
import { liveRuns, lockFile, pathsIn, takeRun } from './ledger-runs.js';
import { lockHolders } from '../sqlite/lock-holder.js';
import { guarded } from '../sqlite/errors.js';

const OPEN_WAIT_MS = 2_000;
const LOOK_WAIT_MS = 20;
/** Tolerance for rounding: fractions that sum up to one do not do so exactly. */
const ROUNDING = 1e-9;

export interface LedgerOptions {
  readonly folder: string;
  /** Names the resource that the budget limits: `write messages`. */
  readonly resource: string;
  /** How long the part of an ended run rests, in ms. */
  readonly restMs: number;
}

export interface Look {
  /**
   * The fraction of the whole budget that this run may spend from now on. If it is lower than before, the run reaches
   * it as soon as it can.
   */
  readonly fraction: number;
  /**
   * Process ids of the other runs that share the budget, as they recorded themselves. For ids to show to people, use
   * `runsWithPart`.
   */
  readonly others: readonly number[];
}

interface Row {
  readonly run: number;
  readonly pid: number;
  readonly held: number;
}

/** Returns whether any run of this machine ever shared a budget in that folder. */
export function hasLedger(folder: string): boolean {
  return existsSync(pathsIn(folder).file);
}

/**
 * Records which runs have ended, so that their parts rest from now on. A run that follows a killed one first looks at
 * its shards, and so need not wait for the rest later. It ignores faults of the ledger, which `join` reports.
 */
export function noteGoneRuns({ folder, restMs }: Omit<LedgerOptions, 'resource'>): void {
  if (!hasLedger(folder)) return;
  const paths = pathsIn(folder);
  try {
    // Waits for its turn, because another process may be moving the file away.
    inTurn(paths, LOOK_WAIT_MS, () => {
      const database = new Database(paths.file, { fileMustExist: true, timeout: LOOK_WAIT_MS });
      try {
        database.transaction(() => buryGone(database, paths, null, restMs)).immediate();
      } finally {
        database.close();
      }
    });
  } catch {
    // The file is locked, damaged or unreadable.
  }
}

/**
 * Returns the process ids of the runs that hold a part now, including the caller's own run where it has one. They come
 * from the kernel where it says so. A recorded id may belong to another process here, since each container has its own
 * ids. The list lacks processes that are not visible from here.
 * @returns null where the ledger does not say: it is missing or unreadable
 */
export function runsWithPart({ folder, resource }: Omit<LedgerOptions, 'restMs'>): readonly number[] | null {
  if (!hasLedger(folder)) return null;
  const paths = pathsIn(folder);
  try {
    const database = new Database(paths.file, { readonly: true, fileMustExist: true, timeout: LOOK_WAIT_MS });
    try {
      const rows = database
        .prepare<[string], Row>('SELECT run, pid, held FROM runs WHERE resource = ? AND held > 0')
        .all(resource);
      return rows.flatMap(({ run, pid }) => {
        const lock = lockFile(paths, run);
        return isLocked(lock, paths) ? (lockHolders(lock) ?? [pid]) : [];
      });
    } finally {
      database.close();
    }
  } catch {
    return null;
  }
}

export class BudgetLedger {
  readonly #paths: StatePaths;
  readonly #database: Database.Database;
  readonly #lock: Lock;
  readonly #run: number;
  #known: Look = { fraction: 0, others: [] };

  private constructor(
    private readonly options: LedgerOptions,
    paths: StatePaths,
    database: Database.Database,
    { lock, run }: { readonly lock: Lock; readonly run: number },
    /** Absolute path to which a damaged file was moved; null: the file was not damaged. */
    readonly putAside: string | null,
  ) {
    this.#paths = paths;
    this.#database = database;
    this.#lock = lock;
    this.#run = run;
  }

  /**
   * Joins the runs that share the budget.
   * @throws FerryError E_STATE_IO, E_STATE_LOCKED; E_STATE_CORRUPT where another run uses a damaged ledger
   */
  static join(options: LedgerOptions): BudgetLedger {
    const { folder } = options;
    const paths = pathsIn(folder);
    return guarded(paths, () => {
      makeFolder(folder);
      return inTurn(paths, OPEN_WAIT_MS, () => {
        const { database, putAside } = freshLedger(paths, OPEN_WAIT_MS, () => liveRuns(paths));
        try {
          return BudgetLedger.#enter(options, paths, database, putAside);
        } catch (error) {
          database.close();
          throw error;
        }
      });
    });
  }

  static #enter(
    options: LedgerOptions,
    paths: StatePaths,
    database: Database.Database,
    putAside: string | null,
  ): BudgetLedger {
    const taken = takeRun(paths);
    try {
      const ledger = new BudgetLedger(options, paths, database, taken, putAside);
      ledger.#within(() => {
        // The lock of this number was free, so the run that had it before has ended.
        bury(database, taken.run, options.restMs);
        ledger.#buryGone();
      });
      database.pragma(`busy_timeout = ${LOOK_WAIT_MS}`);
      return ledger;
    } catch (error) {
      taken.lock.release();
      throw error;
    }
  }

  /**
   * Records how much this run uses, and returns how much it may use. Callers repeat it all the time. It throws nothing.
   * @param inUse the largest fraction of the whole budget that the run may be spending now
   * @param wants false while no shard of the run is to spend anything: then the run keeps only what is still in use
   */
  look(inUse: number, wants = true): Look {
    try {
      // The part counts only once the ledger has recorded it for all runs.
      this.#known = this.#within(() => {
        this.#buryGone();
        return wants ? this.#share(inUse) : this.#giveUp(inUse);
      });
    } catch {
      // The file is locked, or the disk fails. The run continues with its known part, which no other run takes while
      // its lock exists.
    }
    return this.#known;
  }

  /** Leaves the ledger. Other runs may take its part after the rest. */
  leave(): void {
    try {
      this.#within(() => bury(this.#database, this.#run, this.options.restMs));
    } catch {
      // The lock is released below, and other runs then see that this run has ended.
    }
    this.#database.close();
    this.#lock.release();
  }

  /** Takes the run's part. The entry of a run is there from now on, so that the others count this run. */
  #share(inUse: number): Look {
    const { resource } = this.options;
    const { rows, others, mine } = this.#rows();
    const resting =
      this.#database
        .prepare<[string], number>('SELECT total(held) FROM resting WHERE resource = ?')
        .pluck()
        .get(resource) ?? 0;
    const equal = 1 / (others.length + 1);
    const free = 1 - resting - rows.reduce((sum, { held }) => sum + held, 0);
    const had = mine ?? 0;
    const held = had > equal ? Math.max(equal, Math.min(had, inUse)) : had + Math.max(0, Math.min(equal - had, free));
    this.#hold(held, mine);
    return { fraction: Math.min(held, equal), others: others.map(({ pid }) => pid) };
  }

  /** Keeps what is still in use, and without anything in use no entry. So the others share as if this run had left. */
  #giveUp(inUse: number): Look {
    const { others, mine } = this.#rows();
    const held = Math.min(mine ?? 0, inUse);
    if (held > ROUNDING) this.#hold(held, mine);
    else this.#database.prepare('DELETE FROM runs WHERE run = ?').run(this.#run);
    return { fraction: 0, others: others.map(({ pid }) => pid) };
  }

  #rows(): { readonly rows: readonly Row[]; readonly others: readonly Row[]; readonly mine: number | null } {
    const rows = this.#database
      .prepare<[string], Row>('SELECT run, pid, held FROM runs WHERE resource = ?')
      .all(this.options.resource);
    const mine = rows.find(({ run }) => run === this.#run)?.held ?? null;
    return { rows, others: rows.filter(({ run }) => run !== this.#run), mine };
  }

  /** @param recorded the part that the ledger has now; null: the run has no entry */
  #hold(held: number, recorded: number | null): void {
    if (recorded === null) {
      this.#database
        .prepare('INSERT INTO runs (run, resource, pid, held) VALUES (?, ?, ?, ?)')
        .run(this.#run, this.options.resource, process.pid, held);
    } else if (Math.abs(held - recorded) > ROUNDING) {
      this.#database.prepare('UPDATE runs SET held = ? WHERE run = ?').run(held, this.#run);
    }
  }

  #buryGone(): void {
    buryGone(this.#database, this.#paths, this.#run, this.options.restMs);
  }

  #within<T>(work: () => T): T {
    return this.#database.transaction(work).immediate();
  }
}

/** Removes the runs that have ended. @param own the run that asks, which is alive */
function buryGone(database: Database.Database, paths: StatePaths, own: number | null, restMs: number): void {
  const now = bootMonotonic();
  // Where nothing distinguishes one start of the machine from another, no part rests for longer than `restMs`.
  database.prepare('DELETE FROM resting WHERE until <= ? OR until > ?').run(now, now + restMs);
  for (const run of database.prepare<[], number>('SELECT run FROM runs').pluck().all()) {
    if (run !== own && !isLocked(lockFile(paths, run), paths)) bury(database, run, restMs);
  }
}

function bury(database: Database.Database, run: number, restMs: number): void {
  database
    .prepare(
      'INSERT INTO resting (resource, held, until) SELECT resource, held, ? FROM runs WHERE run = ? AND held > 0',
    )
    .run(bootMonotonic() + restMs, run);
  database.prepare('DELETE FROM runs WHERE run = ?').run(run);
}
