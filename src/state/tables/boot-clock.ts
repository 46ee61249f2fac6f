/**
 * The time that waiting is judged by: ms since the epoch as the wall clock had it when the file was begun, and from
 * there on what has passed for certain. So whoever sets the wall clock, forward or back, ends no waiting early and
 * prolongs none.
 *
 * What has passed for certain is the least that the two clocks say which nobody sets. Where they cannot be compared
 * with an earlier look (another start of the machine, another machine, clocks that went back), nobody knows how much
 * time has passed meanwhile: it counts as none, so that what is waited for is waited for once more, and `anchor` says
 * so. The file's time never goes back: a verification that began after a window stays after it. The table in README.md
 * has each case.
 *
 * Ages of comparisons err to the other side: they are judged by the wall clock and by the most that the unset clocks
 * say, by whichever is more. Over a restart of the machine nothing but the wall clock is left; where that says that a
 * comparison of before the restart came after it, it was set back, and the comparison's age is known to nobody from
 * then on. So it is with a file that came from another machine, where that compared while this one was up already: two
 * clocks that nobody can compare.
 */
import type { Database, Statement } from 'better-sqlite3';
import type { Age, ComparisonTime } from '../../core/evidence.js';
import { LATE_WRITE_WINDOW_MS } from '../../core/time/late-writes.js';
import { lateWriteNames } from './late-write-names.js';
import { SYSTEM_CLOCKS, type Clocks } from '../home/clocks.js';

interface Anchor {
  /** Which run of the clocks the readings below are of. */
  readonly boot: string | null;
  /** Of versions up to 9: when that boot began, as the wall clock had it; their time was this and the uptime. */
  readonly bootedAt: number | null;
  /** The file's time when the clocks below were read; null: it was never opened to work on since version 9. */
  readonly at: number | null;
  readonly uptime: number;
  readonly monotonic: number;
  readonly wall: number;
}

/** Readings of one run are nondecreasing; this much is no sign of another one. */
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
  /** Set once this process works on the file: its clocks cannot become others. */
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

  /** Where the file's clock does not go on, it stands where it would be taken up again. */
  now(): number {
    if (this.#held?.at != null) return this.#held.at + Math.max(0, Math.min(...this.#passed(this.#held)));
    return this.#goesOn() ?? this.#takenUpAt();
  }

  /** As `now`, with the most that may have passed. */
  latest(): number {
    const anchor = this.#held ?? this.#read.get();
    if (anchor?.at == null || (this.#held === null && this.stoodStill)) return this.now();
    return anchor.at + Math.max(0, ...this.#passed(anchor));
  }

  /** ms that have passed for certain since `time` of this file */
  passedSince(time: number): number {
    return Math.max(0, (this.#goesOn() ?? this.#latestSeen()) - time);
  }

  /** Whether the file's clock stood still since it was last looked at: how much time has passed is known to nobody. */
  get stoodStill(): boolean {
    return this.#held === null && this.#goesOn() === null;
  }

  /** What `anchor` will make of the time since which something is waited for, or has made of it. */
  carried(since: number): number {
    const seen = this.#latestSeen();
    return this.stoodStill && since + LATE_WRITE_WINDOW_MS > seen ? since + this.#takenUpAt() - seen : since;
  }

  age({ at, steady }: ComparisonTime): Age {
    const wall = this.clocks.wall();
    // Not anchored yet since the machine started: told as `anchor` will.
    const unknown = steady === null || (this.stoodStill && Math.max(at, steady) > this.#latestBefore(wall));
    if (unknown) return { at, ms: null };
    const ms = Math.max(wall - at, this.latest() - steady);
    return { at, ms: ms < 0 ? null : ms };
  }

  /**
   * Call it when the file is opened to work on, before anything else writes to it.
   * @returns whether something is waited for whose time begins anew, since nobody knows how much of it has passed
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

  /** Notes how far the time has come: what was over by then stays over, whatever becomes of the clocks. */
  noteSeen(): void {
    this.database.prepare('UPDATE meta SET clock_seen = ?').run(this.now());
  }

  /** The file's time now; null: it does not go on from where it was anchored. */
  #goesOn(anchor = this.#read.get()): number | null {
    if (anchor === undefined || anchor.boot !== this.clocks.run) return null;
    const now = anchor.at === null ? this.#asBefore(anchor) : anchor.at + Math.min(...this.#passed(anchor));
    if (now === null || (anchor.at !== null && now < anchor.at)) return null;
    return now < this.#latestSeen() - TOLERATED_MS ? null : now;
  }

  /** As versions up to 9 told it. */
  #asBefore({ bootedAt }: Anchor): number | null {
    return bootedAt === null ? null : bootedAt + this.clocks.uptime();
  }

  /** What each clock says has passed. */
  #passed(anchor: Anchor): readonly number[] {
    const { clocks } = this;
    const unset = [clocks.uptime() - anchor.uptime, clocks.monotonic() - anchor.monotonic];
    // Another start of the machine might read like the same one, which no clock but the wall clock would contradict.
    return clocks.run === null ? [...unset, clocks.wall() - anchor.wall] : unset;
  }

  #latestSeen(): number {
    return this.#seen.get() ?? 0;
  }

  #takenUpAt(): number {
    return Math.max(this.clocks.wall(), this.#latestSeen());
  }

  /** What was still waited for when the file was last looked at has waited no longer now. */
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

  /** What was written under another boot came before this one began; where nobody noted the boot, before now. */
  #latestBefore(wall: number): number {
    return this.#read.get()?.boot == null ? wall : wall - this.clocks.uptime();
  }
}
