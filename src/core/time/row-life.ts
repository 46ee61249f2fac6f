/**
 * How long after it was read a row may still be written beside a live writer. The application puts a tombstone where it
 * deletes, and no older item goes in its place; but once the tombstone is gone, a row that was read before the delete
 * would bring the item back. So the last moment at which its write can land has to lie within the tombstone's life:
 *
 *   read, of a replica that lags -> queued, throttled, tried again -> sent -> landed at last
 *   |--------- lag ------------|---------- the row's life --------|----- late write -----|
 */

import { LATE_WRITE_WINDOW_MS } from './late-writes.js';

/**
 * For clocks that differ, for credentials that are fetched, and for an application that deletes in MySQL a little
 * later.
 */
const MARGIN_SECONDS = 5 * 60;

/** @returns seconds; zero or less where no row could ever be written */
export function rowLifeSeconds(tombstoneRetentionSeconds: number, maxReplicaLagSeconds: number): number {
  return tombstoneRetentionSeconds - MARGIN_SECONDS - LATE_WRITE_WINDOW_MS / 1_000 - maxReplicaLagSeconds;
}

/** The least that tombstones have to be kept, so that a row outlives a target that is waited for. In seconds. */
export function leastTombstoneSeconds(retryTimeoutSeconds: number, maxReplicaLagSeconds: number): number {
  return retryTimeoutSeconds - rowLifeSeconds(0, maxReplicaLagSeconds);
}
