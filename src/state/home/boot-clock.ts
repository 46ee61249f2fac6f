/**
 * The clock for waits. Its times are ms since the epoch: the wall clock's time when the file was created, plus the time
 * that has certainly passed since. So a change of the wall clock, forward or back, neither shortens nor prolongs a
 * wait.
 *
 * The time that has certainly passed is the shorter one by two clocks that nobody sets. Their readings do not compare
 * with the last ones after another start of the machine, on another machine, or after a clock went back. Then the time
 * between is unknown and counts as none. Every wait starts again, and `anchor` reports that. The file's time never goes
 * back, so a verification that started after a window stays after it. The table in README.md has each case.
 *
 * Ages of comparisons err to the other side. The age is the largest of three: by the wall clock, and by each of the two
 * clocks that nobody sets. After a restart of the machine only the wall clock is left. If a comparison from before the
 * restart is then later than the restart by that clock, somebody set the clock back. The comparison's age is unknown
 * from then on. The same holds for a file from another machine, if its comparisons are later than the start of this
 * machine. Nothing compares the clocks of two machines.
 */
import type { Database, Statement } from 'better-sqlite3';
import type { Age, ComparisonTime } from '../../core/evidence.js';
import { LATE_WRITE_WINDOW_MS } from '../../core/time/late-writes.js';
import { lateWriteNames } from './late-write-names.js';
import { SYSTEM_CLOCKS, type Clocks } from './clocks.js';

interface Anchor {
  /** The run of the clocks to which the readings below belong. */
  readonly boot: string | null;
  /**
   * Only in files of versions up to 9: when that boot started, in ms since the epoch. Their time was this plus the
   * uptime.
   */
  readonly bootedAt: number | null;
  /**
   * The file's time when the clocks below were read, in ms since the epoch; null: no run has opened it since version 9.
   */
  readonly at: number | null;
  /** ms as `Clocks` returns them; the next two fields too. */
  readonly uptime: number;
  readonly monotonic: number;
  readonly wall: number;
}

/**
 * Tolerance in ms for readings of one run of the clocks. Such readings do not decrease, and a decrease up to this is no
 * sign of another run.
 */
const TOLERATED_MS = 1_000;

/** Returns SQL for the latest time that the file has on record. */
function latestSeen(database: Database): string {
  const { ambiguousWrites, crashedAt } = lateWriteNames(database);
  return `SELECT max(coalesce(clock_seen, 0), coalesce(clock_at, 0), coalesce(${crashedAt}, 0),
                     coalesce((SELECT max(since) FROM ${ambiguousWrites}), 0),
                     coalesce((SELECT max(started_at) FROM passes), 0)) FROM meta`;
}

export class BootClock {
  readonly #read: Statement<[], Anchor>;
  readonly #seen: Statement<[], number>;
  /**
   * The anchor that this process holds since it started to work on the file: from then on, its clocks are the same
   * ones.
   */
  #held: Anchor | null = null;

  constructor(
    readonly database: Database,
    private readonly clocks: Clocks = SYSTEM_CLOCKS,
  ) {
    this.#read = database.prepare(
      `SELECT boot, booted_at AS bootedAt, clock_at AS at, clock_uptime AS uptime, clock_monotonic AS monotonic, clock_wall AS wall
         FROM meta`,
    );
    this.#seen = database.prepare<[], number>(latestSeen(database)).pluck();
  }

  /**
   * Returns the file's time in ms since the epoch. If its clock cannot continue from the stored readings, it returns
   * the time from which the clock would start again.
   */
  now(): number {
    if (this.#held?.at != null) return this.#held.at + Math.max(0, Math.min(...this.#passed(this.#held)));
    return this.#goesOn() ?? this.#takenUpAt();
  }

  /** Returns the file's time in ms since the epoch, if the longest possible time has passed. */
  latest(): number {
    const anchor = this.#held ?? this.#read.get();
    if (anchor?.at == null || (this.#held === null && this.stoodStill)) return this.now();
    return anchor.at + Math.max(0, ...this.#passed(anchor));
  }

  /** Returns the ms that have certainly passed since `time` of this file. */
  passedSince(time: number): number {
    return Math.max(0, (this.#goesOn() ?? this.#latestSeen()) - time);
  }

  /** Whether the time since the file was last used is unknown. */
  get stoodStill(): boolean {
    return this.#held === null && this.#goesOn() === null;
  }

  /** Returns `since`, the start of a wait, as `anchor` would move it. */
  carried(since: number): number {
    const seen = this.#latestSeen();
    return this.stoodStill && since + LATE_WRITE_WINDOW_MS > seen ? since + this.#takenUpAt() - seen : since;
  }

  age({ at, steady }: ComparisonTime): Age {
    const wall = this.clocks.wall();
    // No process has anchored the clock since the machine started. The answer is the one that `anchor` would lead to.
    const unknown = steady === null || (this.stoodStill && Math.max(at, steady) > this.#latestBefore(wall));
    if (unknown) return { at, ms: null };
    const ms = Math.max(wall - at, this.latest() - steady);
    return { at, ms: ms < 0 ? null : ms };
  }

  /**
   * Lets the clock continue in this process. Call it when the file is opened for work, before anything else writes to
   * it.
   * @returns whether a wait starts again, because it is unknown how much of it has passed
   */
  anchor(): boolean {
    const waits = this.database.transaction(() => this.#takeUp()).immediate();
    this.#held = this.#read.get() ?? null;
    return waits;
  }

  #takeUp(): boolean {
    const goesOn = this.#goesOn();
    if (goesOn !== null && this.#read.get()?.at != null) {
      this.noteSeen();
      return false;
    }
    const seen = this.#latestSeen();
    const at = goesOn ?? this.#takenUpAt();
    const waits = goesOn === null && this.#carryOver(seen, at);
    if (goesOn === null) this.#forgetAges();
    const { run } = this.clocks;
    this.database
      .prepare(
        `UPDATE meta SET boot = ?, booted_at = NULL, clock_at = ?, clock_uptime = ?, clock_monotonic = ?, clock_wall = ?,
                         clock_seen = ?`,
      )
      .run(run, at, this.clocks.uptime(), this.clocks.monotonic(), this.clocks.wall(), at);
    return waits;
  }

  /** Records the time, so that a finished wait stays finished, whatever the clocks do later. */
  noteSeen(): void {
    this.database.prepare('UPDATE meta SET clock_seen = ?').run(this.now());
  }

  /** Returns the file's time now; null: its clock cannot continue from the stored readings. */
  #goesOn(anchor = this.#read.get()): number | null {
    if (anchor === undefined || anchor.boot !== this.clocks.run) return null;
    const now = anchor.at === null ? this.#asBefore(anchor) : anchor.at + Math.min(...this.#passed(anchor));
    if (now === null || (anchor.at !== null && now < anchor.at)) return null;
    return now < this.#latestSeen() - TOLERATED_MS ? null : now;
  }

  /** Returns the time as versions up to 9 computed it. */
  #asBefore({ bootedAt }: Anchor): number | null {
    return bootedAt === null ? null : bootedAt + this.clocks.uptime();
  }

  /** Returns the ms that have passed by each clock. */
  #passed(anchor: Anchor): readonly number[] {
    const { clocks } = this;
    const unset = [clocks.uptime() - anchor.uptime, clocks.monotonic() - anchor.monotonic];
    // Another start of the machine may look like the same one. Only the wall clock can contradict that.
    return clocks.run === null ? [...unset, clocks.wall() - anchor.wall] : unset;
  }

  #latestSeen(): number {
    return this.#seen.get() ?? 0;
  }

  #takenUpAt(): number {
    return Math.max(this.clocks.wall(), this.#latestSeen());
  }

  /** Moves the starts of waits that had not ended when the file was last used: the time since then does not count. */
  #carryOver(seen: number, at: number): boolean {
    const open = { seen, by: at - seen, window: LATE_WRITE_WINDOW_MS };
    const changed = [
      'UPDATE ambiguous_writes SET since = since + @by WHERE since + @window > @seen',
      'UPDATE meta SET crashed_at = crashed_at + @by WHERE crashed_at + @window > @seen',
    ].map((sql) => this.database.prepare(sql).run(open).changes);
    return changed.some((rows) => rows > 0);
  }

  #forgetAges(): void {
    const latest = this.#latestBefore(this.clocks.wall());
    for (const which of ['oldest', 'newest']) {
      this.database
        .prepare(`UPDATE pass_segments SET ${which}_steady = NULL WHERE max(${which}_at, ${which}_steady) > ?`)
        .run(latest);
    }
  }

  /**
   * Returns the latest time at which another boot can have written: the start of this boot, or now if no boot is on
   * record.
   */
  #latestBefore(wall: number): number {
    return this.#read.get()?.boot == null ? wall : wall - this.clocks.uptime();
  }
}
