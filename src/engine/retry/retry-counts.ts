/** Counts what became of the bad rows that a retry tried. */

/** Results for the bad rows that were recorded when the retry began. */
export interface RetryCounts {
  readonly rows: number;
  /** Rows that were mapped and written. */
  readonly moved: number;
  readonly items: number;
  /** Rows that were deleted in the source, that `where` leaves out now, or that have another key. */
  readonly gone: number;
  /** Rows that are also recorded under another reading of their key (`abc`, `ABC`), and are tried under that one. */
  readonly twice: number;
  readonly expired: number;
  readonly stillBad: number;
  /** Items that stay as they are, because the target has them in a newer version. */
  readonly newerItems: number;
  readonly units: number;
}

export const NOTHING_RETRIED: RetryCounts = {
  rows: 0,
  moved: 0,
  items: 0,
  gone: 0,
  twice: 0,
  expired: 0,
  stillBad: 0,
  newerItems: 0,
  units: 0,
};
