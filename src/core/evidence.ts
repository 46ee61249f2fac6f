/**
 * Defines the evidence of a verification: when it compared, and which end of the backfill it saw. A verdict never
 * claims more than its comparisons proved, at the time they were made.
 */

/**
 * When a comparison was made: the time just before its rows were requested, since a row may have changed after that.
 */
export interface ComparisonTime {
  /** ms since the epoch by the wall clock, for people. */
  readonly at: number;
  /** The time by `StateClock.latest`, for computing ages. null: the age of the comparison is unknown. */
  readonly steady: number | null;
}

/** A time for people, and its age. */
export interface Age {
  /** ms since the epoch by the wall clock */
  readonly at: number;
  /**
   * The larger age by two clocks, in ms. null: the age is unknown, since somebody set the clock back or another machine
   * wrote the time.
   */
  readonly ms: number | null;
}

/** Returns the oldest one; an unknown age counts as the oldest. */
export function oldestOf(ages: readonly Age[]): Age | null {
  const ms = (age: Age): number => age.ms ?? Infinity;
  return ages.reduce<Age | null>((oldest, age) => (oldest === null || ms(age) > ms(oldest) ? age : oldest), null);
}

/**
 * What the newest verification of a table proves:
 * - `none`: the table has no verification.
 * - `before-retry`: it has not seen the rows that a retry of bad rows moved since, or its mapping has changed since.
 * - `before-backfill`: it has not seen all rows that the backfill wrote.
 * - `backfill-unfinished`: it has seen all rows so far, but others are still to be moved. It proves nothing.
 * - `stands`: it covers the finished backfill, whether it is finished itself or not.
 */
export type Standing = 'none' | 'before-retry' | 'before-backfill' | 'backfill-unfinished' | 'stands';

/** A verification that is not resumed, and its comparisons that no longer count. */
export interface Abandoned {
  /**
   * `aged`: its newest comparison is too old, or of unknown age. `late-writes`: writes of a killed run could land
   * during it. `ttl-changed`: items that counted as deleted by TTL may be missing.
   */
  readonly reason: 'aged' | 'late-writes' | 'ttl-changed' | 'before-retry' | 'before-backfill';
  readonly rows: number;
  /** Its newest comparison; null: it had no comparison. */
  readonly lastActive: Age | null;
}

/**
 * What earlier states of a shard wrote into the present target, before a restart. `none` stands for
 * nothing. The other values say under which item keys they wrote: the present ones, other ones, or unknown ones.
 */
export type EarlierBackfill = 'none' | 'same-keys' | 'other-keys' | 'unknown-keys';
