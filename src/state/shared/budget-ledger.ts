/**
 * Which run of this machine has how much of a table's budget: beside the state, so that all runs on one state folder
 * see it. Fractions, whose sum is never more than one. A run takes what is free, and no more than an equal part; it
 * gives up the rest of what it has once others are there, and notes that only when nobody of it spends more any longer.
 * What a run leaves, in order or not, rests before another may have it (`core/capacity/budget-shares.ts` says why).
 *
 * Who is gone is told by a lock, which the kernel drops with the process; one that is stopped keeps its lock and its
 * part. No wait for the file holds anybody up: whoever finds it locked, as by a process that was stopped in the midst
 * of its look, goes on with what it has.
 *
 * The file is worth nothing once nobody runs, so nothing in it is synced, and after a power failure it may be anything.
 * One that SQLite refuses, or that is of an earlier start of the machine, is made new by whoever joins
 * (`fresh-ledger.ts`); never while another run has it.
 */
import Database from 'better-sqlite3';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { FerryError } from '../../core/errors.js';
import { bootMonotonic } from '../home/clocks.js';
import { makeFolder, type StatePaths } from '../sqlite/files.js';
import { freshLedger, inTurn } from './fresh-ledger.js';
import { acquireLock, isLocked, type Lock } from '../sqlite/lock.js';
import { lockHolders } from '../sqlite/lock-holder.js';
import { guarded } from '../sqlite/errors.js';

/** Not so many runs at once on one state folder. */
const MOST_RUNS = 100;
const OPEN_WAIT_MS = 2_000;
const LOOK_WAIT_MS = 20;
/** Fractions that sum up to one do not do so exactly. */
const ROUNDING = 1e-9;

export interface LedgerOptions {
  readonly folder: string;
  /** What the budget is of: `write messages`. */
  readonly resource: string;
  /** How long what a run leaves stays free of others, in ms. */
  readonly restMs: number;
}

export interface Look {
  /**
   * What may be spent, of the whole: as much as that from now on, or, where it is less than before, as soon as can be.
   */
  readonly fraction: number;
  /** Processes of the other runs that share it, as they noted themselves: for whom to name, ask `runsWithPart`. */
  readonly others: readonly number[];
}

interface Row {
  readonly run: number;
  readonly pid: number;
  readonly held: number;
}

const FILE = 'budget.ledger';

/** Whether any run of this machine ever shared a budget in that folder. */
export function hasLedger(folder: string): boolean {
  return existsSync(join(folder, FILE));
}

/**
 * Notes which runs are gone by now, so that what they had rests from now on: a run that follows a killed one looks at
 * its shards first, and need not wait then. Whatever is wrong with the ledger, `join` says.
 */
export function noteGoneRuns({ folder, restMs }: Omit<LedgerOptions, 'resource'>): void {
  if (!hasLedger(folder)) return;
  const paths = pathsIn(folder);
  try {
    // In turn, as it may be put aside.
    inTurn(paths, LOOK_WAIT_MS, () => {
      const database = new Database(paths.file, { fileMustExist: true, timeout: LOOK_WAIT_MS });
      try {
        database.transaction(() => buryGone(database, paths, null, restMs)).immediate();
      } finally {
        database.close();
      }
    });
  } catch {
    // Locked, damaged or unreadable.
  }
}

/**
 * Processes of the runs that have a part of it now, the asking one's own run among them where it has one. The kernel
 * says which they are, where it does: what a run wrote down of itself may be the id of another one here, as of its own
 * container's. One that cannot be seen from here is left out.
 * @returns null where the ledger does not say: there is none, or it cannot be read
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
    /** Where the file went that was damaged, by its absolute path; null: it was none. */
    readonly putAside: string | null,
  ) {
    this.#paths = paths;
    this.#database = database;
    this.#lock = lock;
    this.#run = run;
  }

  /** @throws FerryError E_STATE_IO, E_STATE_LOCKED; E_STATE_CORRUPT where another run has a ledger that is damaged */
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
        // Whoever had this number before is gone.
        bury(database, taken.run, options.restMs);
        ledger.#buryGone();
        database
          .prepare('INSERT INTO runs (run, resource, pid, held) VALUES (?, ?, ?, 0)')
          .run(taken.run, options.resource, process.pid);
      });
      database.pragma(`busy_timeout = ${LOOK_WAIT_MS}`);
      return ledger;
    } catch (error) {
      taken.lock.release();
      throw error;
    }
  }

  /**
   * Notes what this run uses, and says what it may use. To be asked again and again.
   * @param inUse the most that it may be spending now, of the whole
   */
  look(inUse: number): Look {
    try {
      // Taken only once it is noted for all.
      this.#known = this.#within(() => {
        this.#buryGone();
        return this.#share(inUse);
      });
    } catch {
      // Locked, or the disk fails: the run goes on with what it has, which nobody else takes while its lock is there.
    }
    return this.#known;
  }

  /** What it had is others' soon. */
  leave(): void {
    try {
      this.#within(() => bury(this.#database, this.#run, this.options.restMs));
    } catch {
      // Its lock goes with it, and says the same.
    }
    this.#database.close();
    this.#lock.release();
  }

  #share(inUse: number): Look {
    const { resource } = this.options;
    const rows = this.#database
      .prepare<[string], Row>('SELECT run, pid, held FROM runs WHERE resource = ?')
      .all(resource);
    const others = rows.filter(({ run }) => run !== this.#run);
    const mine = rows.find(({ run }) => run === this.#run)?.held ?? 0;
    const resting =
      this.#database
        .prepare<[string], number>('SELECT total(held) FROM resting WHERE resource = ?')
        .pluck()
        .get(resource) ?? 0;
    const equal = 1 / (others.length + 1);
    const free = 1 - resting - rows.reduce((sum, { held }) => sum + held, 0);
    const held =
      mine > equal ? Math.max(equal, Math.min(mine, inUse)) : mine + Math.max(0, Math.min(equal - mine, free));
    if (Math.abs(held - mine) > ROUNDING)
      this.#database.prepare('UPDATE runs SET held = ? WHERE run = ?').run(held, this.#run);
    return { fraction: Math.min(held, equal), others: others.map(({ pid }) => pid) };
  }

  #buryGone(): void {
    buryGone(this.#database, this.#paths, this.#run, this.options.restMs);
  }

  #within<T>(work: () => T): T {
    return this.#database.transaction(work).immediate();
  }
}

/** @param own run that asks: it is there */
function buryGone(database: Database.Database, paths: StatePaths, own: number | null, restMs: number): void {
  const now = bootMonotonic();
  // Where nobody tells one start of the machine from another, none rests for longer than it may.
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

function pathsIn(folder: string): StatePaths {
  return {
    subject: 'the ledger of the budget',
    file: join(folder, FILE),
    putBack: null,
    remedy: 'make sure that no dynaferry runs on this state folder, and delete that file: it holds nothing that lasts',
  };
}

function lockFile({ file }: StatePaths, run: number): string {
  return `${file}-${run}.lock`;
}

/** Lock files of the runs that are there, this process's own among them. */
function liveRuns(paths: StatePaths): readonly string[] {
  return Array.from({ length: MOST_RUNS }, (_, index) => lockFile(paths, index + 1)).filter((file) =>
    isLocked(file, paths),
  );
}

function takeRun(paths: StatePaths): { readonly lock: Lock; readonly run: number } {
  for (let run = 1; run <= MOST_RUNS; run++) {
    const lock = acquireLock(lockFile(paths, run), paths, 0);
    if (lock !== null) return { lock, run };
  }
  throw new FerryError(
    'E_STATE_LOCKED',
    `${paths.subject}: ${MOST_RUNS} runs share it already`,
    'wait until one of them has ended, or name several shards in one run',
  );
}
