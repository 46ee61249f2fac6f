/**
 * Limits how long after its read a row may be written beside a live writer. The application puts a tombstone when it
 * deletes, and no older item replaces the tombstone. Once the tombstone is gone, a row that was read before the delete
 * would bring the item back. So the write must land within the tombstone's life:
 *
 *   read, of a replica that lags -> queued, throttled, tried again -> sent -> landed at last
 *   |--------- lag ------------|---------- the row's life --------|----- late write -----|
 */

import { LATE_WRITE_WINDOW_MS } from './late-writes.js';

/**
 * Covers clocks that differ, the time to fetch credentials, and an application that deletes in MySQL a little later.
 */
const MARGIN_SECONDS = 5 * 60;

/** Returns seconds; zero or less: no row could ever be written. */
export function rowLifeSeconds(tombstoneRetentionSeconds: number, maxReplicaLagSeconds: number): number {
  return tombstoneRetentionSeconds - MARGIN_SECONDS - LATE_WRITE_WINDOW_MS / 1_000 - maxReplicaLagSeconds;
}

/** Returns the shortest time to keep tombstones, in seconds, so that a row outlives the wait for a target. */
export function leastTombstoneSeconds(retryTimeoutSeconds: number, maxReplicaLagSeconds: number): number {
  return retryTimeoutSeconds - rowLifeSeconds(0, maxReplicaLagSeconds);
}
