/**
 * The clock that waiting goes by. Its times are ms since the epoch: the wall clock's time when the file was made, plus
 * the time that has passed for certain since. So nobody who sets the wall clock, forward or back, shortens a wait or
 * prolongs one.
 *
 * The time that has passed for certain is the shorter one of what two clocks say that nobody sets. Their readings
 * cannot be compared with the last ones after another start of the machine, on another machine, or when a clock went
 * back. Then the time between is unknown and counts as none: every wait starts again, and `anchor` says so. The file's
 * time never goes back, so a verification that started after a window stays after it. The table in README.md has each
 * case.
 *
 * Ages of comparisons err to the other side: the age is what the wall clock says, or the longer one of what the two
 * clocks say, whichever is more. After a restart of the machine only the wall clock is left. If it then says that a
 * comparison of before the restart came after it, it was set back, and the comparison's age is unknown from then on.
 * The same holds for a file from another machine whose comparisons came after the start of this one: nothing compares
 * the clocks of two machines.
 */
import type { Database, Statement } from 'better-sqlite3';
import type { Age, ComparisonTime } from '../../core/evidence.js';
import { LATE_WRITE_WINDOW_MS } from '../../core/time/late-writes.js';
import { lateWriteNames } from './late-write-names.js';
import { SYSTEM_CLOCKS, type Clocks } from '../home/clocks.js';

interface Anchor {
  /** Which run of the clocks the readings below are of. */
  readonly boot: string | null;
  /** ms since the epoch, of versions up to 9: when that boot started. Their time was this plus the uptime. */
  readonly bootedAt: number | null;
  /** ms since the epoch, the file's time when the clocks below were read; null: not opened for work since version 9. */
  readonly at: number | null;
  /** ms, as `Clocks` gives them; so are the next two. */
  readonly uptime: number;
  readonly monotonic: number;
  readonly wall: number;
}

/** Readings of one run of the clocks do not decrease. A difference up to this is not a sign of another run. */
const TOLERATED_MS = 1_000;

/** SQL for the latest time that is noted in the file. */
function latestSeen(database: Database): string {
  const { ambiguousWrites, crashedAt } = lateWriteNames(database);
  return `SELECT max(coalesce(clock_seen, 0), coalesce(clock_at, 0), coalesce(${crashedAt}, 0),
                     coalesce((SELECT max(since) FROM ${ambiguousWrites}), 0),
                     coalesce((SELECT max(started_at) FROM passes), 0)) FROM meta`;
}

export class BootClock {
  readonly #read: Statement<[], Anchor>;
  readonly #seen: Statement<[], number>;
  /** Set when this process starts to work on the file: from then on, its clocks are the same ones. */
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
   * Returns the file's time in ms since the epoch. When its clock does not go on, that is the time from which it would
   * go on again.
   */
  now(): number {
    if (this.#held?.at != null) return this.#held.at + Math.max(0, Math.min(...this.#passed(this.#held)));
    return this.#goesOn() ?? this.#takenUpAt();
  }

  /** Returns the file's time if the longest possible time has passed, in ms since the epoch. */
  latest(): number {
    const anchor = this.#held ?? this.#read.get();
    if (anchor?.at == null || (this.#held === null && this.stoodStill)) return this.now();
    return anchor.at + Math.max(0, ...this.#passed(anchor));
  }

  /** Returns the ms that have passed for certain since `time` of this file. */
  passedSince(time: number): number {
    return Math.max(0, (this.#goesOn() ?? this.#latestSeen()) - time);
  }

  /** Whether the time since the last look at the file is unknown. */
  get stoodStill(): boolean {
    return this.#held === null && this.#goesOn() === null;
  }

  /** Returns `since`, the start of a wait, as `anchor` will move it. */
  carried(since: number): number {
    const seen = this.#latestSeen();
    return this.stoodStill && since + LATE_WRITE_WINDOW_MS > seen ? since + this.#takenUpAt() - seen : since;
  }

  age({ at, steady }: ComparisonTime): Age {
    const wall = this.clocks.wall();
    // Not anchored yet since the machine started: the answer is as `anchor` will make it.
    const unknown = steady === null || (this.stoodStill && Math.max(at, steady) > this.#latestBefore(wall));
    if (unknown) return { at, ms: null };
    const ms = Math.max(wall - at, this.latest() - steady);
    return { at, ms: ms < 0 ? null : ms };
  }

  /**
   * Makes the clock go on in this process. Call it when the file is opened for work, before anything else writes to it.
   * @returns whether a wait starts again, since it is unknown how much of it has passed
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

  /** Notes the time: a wait that is over by now stays over, whatever the clocks do later. */
  noteSeen(): void {
    this.database.prepare('UPDATE meta SET clock_seen = ?').run(this.now());
  }

  /** Returns the file's time now; null: it does not go on from the stored readings. */
  #goesOn(anchor = this.#read.get()): number | null {
    if (anchor === undefined || anchor.boot !== this.clocks.run) return null;
    const now = anchor.at === null ? this.#asBefore(anchor) : anchor.at + Math.min(...this.#passed(anchor));
    if (now === null || (anchor.at !== null && now < anchor.at)) return null;
    return now < this.#latestSeen() - TOLERATED_MS ? null : now;
  }

  /** Returns the time as versions up to 9 did. */
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

  /** Moves the starts of waits that were not over at the last look: the time since then does not count. */
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

  /** Returns the latest time at which another boot can have written: the start of this one, or now if none is noted. */
  #latestBefore(wall: number): number {
    return this.#read.get()?.boot == null ? wall : wall - this.clocks.uptime();
  }
}
