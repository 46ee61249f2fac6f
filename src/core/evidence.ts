/**
 * What a verification vouches for, and for how long: when it compared, and which end of the backfill it saw. A verdict
 * never says more than its comparisons did, at the time they were made.
 */

/** When something was compared: just before its rows were asked for, since what was true then may be true no longer. */
export interface ComparisonTime {
  /** ms since the epoch by the wall clock: people read it. */
  readonly at: number;
  /** `StateClock.latest`: ages are judged by it. null: nobody can tell how long ago it was. */
  readonly steady: number | null;
}

/** A time for people, and how long ago it was. */
export interface Age {
  /** ms since the epoch by the wall clock */
  readonly at: number;
  /**
   * By whichever clock says more; null: nobody can tell, since the clock was set back meanwhile, or another machine
   * wrote it.
   */
  readonly ms: number | null;
}

/** The one that is longest ago; what is of unknown age is older than all. */
export function oldestOf(ages: readonly Age[]): Age | null {
  const ms = (age: Age): number => age.ms ?? Infinity;
  return ages.reduce<Age | null>((oldest, age) => (oldest === null || ms(age) > ms(oldest) ? age : oldest), null);
}

/**
 * What the newest verification of a table is worth:
 * - `none`: there is none
 * - `before-retry`: it has not seen what a retry of bad rows moved since, or goes by a mapping that is another by now
 * - `before-backfill`: it has not seen all that the backfill wrote
 * - `backfill-unfinished`: it has seen what there is, but rows are still to be moved: it proves nothing
 * - `stands`: finished or not, it is about the finished backfill
 */
export type Standing = 'none' | 'before-retry' | 'before-backfill' | 'backfill-unfinished' | 'stands';

/** A verification that is not gone on with, and the comparisons of it that count for nothing. */
export interface Abandoned {
  /**
   * `aged`: its newest comparison is too long ago, or nobody can tell how long. `late-writes`: late writes could land
   * under it. `ttl-changed`: items of it that were taken for deleted by TTL may be missing.
   */
  readonly reason: 'aged' | 'late-writes' | 'ttl-changed' | 'before-retry' | 'before-backfill';
  readonly rows: number;
  /** Its newest comparison; null: it had none. */
  readonly lastActive: Age | null;
}
