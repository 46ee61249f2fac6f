/**
 * Which run of this machine has how much of a table's budget: beside the state, so that all runs on one state folder see it. Fractions, whose
 * sum is never more than one. A run takes what is free, and no more than an equal part; it gives up the rest of what it has once others are
 * there, and notes that only when nobody of it spends more any longer. What a run leaves, in order or not, rests before another may
 * have it (`core/budget-shares.ts` says why).
 *
 * Who is gone is told by a lock, which the kernel drops with the process; one that is stopped keeps its lock and its part. The file is worth
 * nothing once nobody runs, so nothing in it is synced. No wait for it holds anybody up: whoever finds it locked, as by a process that
 * was stopped in the midst of its look, goes on with what it has.
 */
import Database from 'better-sqlite3';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { FerryError } from '../core/errors.js';
import { makeFile, makeFolder, type StatePlace } from './files.js';
import { acquireLock, isLocked, type Lock } from './lock.js';
import { guarded } from './sqlite-errors.js';

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
  /** What may be spent, of the whole: as much as that from now on, or, where it is less than before, as soon as can be. */
  readonly fraction: number;
  /** Processes of the other runs that have a part. */
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
 * Notes which runs are gone by now, so that what they had rests from now on: a run that follows a killed one looks at its shards first, and
 * need not wait then. Whatever is wrong with the ledger, `join` says.
 */
export function noteGoneRuns({ folder, restMs }: Omit<LedgerOptions, 'resource'>): void {
  if (!hasLedger(folder)) return;
  const place = placeIn(folder);
  try {
    const database = new Database(place.file, { fileMustExist: true, timeout: LOOK_WAIT_MS });
    try {
      database.transaction(() => buryGone(database, place, null, restMs)).immediate();
    } finally {
      database.close();
    }
  } catch {
    // Locked, damaged or unreadable.
  }
}

/**
 * Processes of the runs that have a part of it now, the asking one's own run among them where it has one.
 * @returns null where the ledger does not say: there is none, or it cannot be read
 */
export function runsWithPart({ folder, resource }: Omit<LedgerOptions, 'restMs'>): readonly number[] | null {
  if (!hasLedger(folder)) return null;
  const place = placeIn(folder);
  try {
    const database = new Database(place.file, { readonly: true, fileMustExist: true, timeout: LOOK_WAIT_MS });
    try {
      const rows = database
        .prepare<[string], Row>('SELECT run, pid, held FROM runs WHERE resource = ? AND held > 0')
        .all(resource);
      return rows.filter(({ run }) => isLocked(lockFile(place, run), place)).map(({ pid }) => pid);
    } finally {
      database.close();
    }
  } catch {
    return null;
  }
}

export class BudgetLedger {
  readonly #place: StatePlace;
  readonly #database: Database.Database;
  readonly #lock: Lock;
  readonly #run: number;
  #known: Look = { fraction: 0, others: [] };

  private constructor(
    private readonly options: LedgerOptions,
    place: StatePlace,
    database: Database.Database,
    { lock, run }: { readonly lock: Lock; readonly run: number },
  ) {
    this.#place = place;
    this.#database = database;
    this.#lock = lock;
    this.#run = run;
  }

  /** @throws FerryError E_STATE_IO, E_STATE_CORRUPT, E_STATE_LOCKED */
  static join(options: LedgerOptions): BudgetLedger {
    const { folder, resource } = options;
    const place = placeIn(folder);
    return guarded(place, () => {
      makeFolder(folder);
      makeFile(place.file);
      const taken = takeRun(place);
      try {
        const database = new Database(place.file, { fileMustExist: true, timeout: OPEN_WAIT_MS });
        database.pragma('journal_mode = WAL');
        database.pragma('synchronous = OFF');
        database.exec(
          `BEGIN IMMEDIATE;
           CREATE TABLE IF NOT EXISTS runs (run INTEGER PRIMARY KEY, resource TEXT NOT NULL, pid INTEGER NOT NULL, held REAL NOT NULL);
           CREATE TABLE IF NOT EXISTS resting (resource TEXT NOT NULL, held REAL NOT NULL, boot TEXT NOT NULL, until REAL NOT NULL);
           COMMIT`,
        );
        const ledger = new BudgetLedger(options, place, database, taken);
        // Whoever had this number before is gone.
        ledger.#within(() => {
          bury(database, taken.run, options.restMs);
          ledger.#buryGone();
          database.prepare('INSERT INTO runs VALUES (?, ?, ?, 0)').run(taken.run, resource, process.pid);
        });
        database.pragma(`busy_timeout = ${LOOK_WAIT_MS}`);
        return ledger;
      } catch (error) {
        taken.lock.release();
        throw error;
      }
    });
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
    buryGone(this.#database, this.#place, this.#run, this.options.restMs);
  }

  #within<T>(work: () => T): T {
    return this.#database.transaction(work).immediate();
  }
}

/** @param own run that asks: it is there */
function buryGone(database: Database.Database, place: StatePlace, own: number | null, restMs: number): void {
  const now = steadyMs();
  database.prepare('DELETE FROM resting WHERE boot <> ? OR until <= ? OR until > ?').run(bootId(), now, now + restMs);
  for (const run of database.prepare<[], number>('SELECT run FROM runs').pluck().all()) {
    if (run !== own && !isLocked(lockFile(place, run), place)) bury(database, run, restMs);
  }
}

function bury(database: Database.Database, run: number, restMs: number): void {
  database
    .prepare('INSERT INTO resting SELECT resource, held, ?, ? FROM runs WHERE run = ? AND held > 0')
    .run(bootId(), steadyMs() + restMs, run);
  database.prepare('DELETE FROM runs WHERE run = ?').run(run);
}

function placeIn(folder: string): StatePlace {
  return {
    subject: 'the ledger of the budget',
    file: join(folder, FILE),
    putBack: null,
    remedy: 'make sure that no dynaferry runs on this state folder, and delete that file: it holds nothing that lasts',
  };
}

function lockFile({ file }: StatePlace, run: number): string {
  return `${file}-${run}.lock`;
}

function takeRun(place: StatePlace): { readonly lock: Lock; readonly run: number } {
  for (let run = 1; run <= MOST_RUNS; run++) {
    const lock = acquireLock(lockFile(place, run), place, 0);
    if (lock !== null) return { lock, run };
  }
  throw new FerryError(
    'E_STATE_LOCKED',
    `${place.subject}: ${MOST_RUNS} runs share it already`,
    'wait until one of them has ended, or name several shards in one run',
  );
}

/** The same for all processes of a machine, and nobody sets it. */
function steadyMs(): number {
  return Number(process.hrtime.bigint() / 1_000n) / 1_000;
}

function bootId(): string {
  try {
    return readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
  } catch {
    return 'unknown';
  }
}
