/**
 * The ports to the target. The engine depends on the ports alone. Each port has one contract test suite in
 * `test/contract` that every implementation passes. Every method that waits takes an AbortSignal and rejects with
 * E_INTERRUPTED when it aborts.
 *
 * `E_TARGET_*` below stands for E_TARGET_CREDENTIALS, E_TARGET_ACCESS, E_TARGET_CONNECT, E_TARGET_REQUEST,
 * E_TARGET_UNAVAILABLE and E_TARGET_GONE.
 */
import type { Instant } from '../time/age.js';
import type { FoundItem } from '../item/found-item.js';
import type { MappedItem } from '../model.js';
import type { WriteOperation } from '../item/write-operation.js';

/** A token bucket of capacity units per second. It fills evenly and holds at most one second's worth. */
export interface Budget {
  /** Units per second. */
  readonly limit: number;
  /** Sets the limit. @throws RangeError where it is not a finite number, 0 or more */
  setLimit(unitsPerSecond: number): void;
  /**
   * Waits until the bucket is not in debt, then debits `units`. A debit may exceed the level; the next debit waits
   * until the debt is paid.
   * @throws FerryError E_INTERRUPTED when the signal aborts: then nothing was debited
   */
  take(units: number, signal: AbortSignal): Promise<void>;
  /**
   * Corrects a debit after the service has reported the consumed units (positive: more than was debited). It throws
   * nothing.
   */
  settle(difference: number): void;
}

/** The results of one write's operations. `items` counts each operation, and the other counts are parts of it. */
export interface WriteReceipt {
  /** Operations of the write, puts and deletes, without those that the target refused. */
  readonly items: number;
  /** Items that the target has in a newer version, or in one that cannot be compared: they stay as they are. */
  readonly newer: number;
  /**
   * Operations that were never sent, because a later operation on the same item key replaced them and was acknowledged.
   * The later one's own receipt has its result, units included.
   */
  readonly superseded: number;
  /** Write units as the service reported them, index units included; computed where it reports no units. */
  readonly units: number;
}

/**
 * Writes and deletes items until each operation is acknowledged, with bounded memory and one budget.
 *
 * A writer never has two requests in flight for one item key. The only exception is a request without an answer, whose
 * operation may land later. The writer records its key as ambiguous before it sends anything for that key again.
 *
 * Two operations may meet on one item key while the earlier one is not acknowledged, in the same call or in another.
 * The policy that the writer was opened with (`KeyConflictPolicy`) says what happens then. With `supersede`, in the
 * order of the calls and of the operations within a call:
 *
 * - The earlier one is queued, or waits for a retry (unprocessed, throttled, connection refused): the later one
 *   replaces it. The earlier write counts it as `superseded` once the later one is acknowledged. If the later one is
 *   refused or fails, the earlier write fails for the same reason.
 * - The earlier one is in flight: the later one waits until the request has ended. If the earlier one was acknowledged,
 *   it counts as written. If it was not applied, the later one replaces it as above. If it was refused, its own write
 *   rejects, and the later one goes on.
 * - The earlier one had no answer: the writer records its key as ambiguous, and then sends the later one in its place.
 *   The key stays ambiguous, since the earlier request may still land after the later one.
 * - Several follow each other: the last one replaces all that are not in flight, and each of them waits for its
 *   acknowledgement.
 *
 * So a caller may advance its position when a receipt resolves: the target then holds that operation, or a later one.
 */
export interface ItemWriter {
  /**
   * Waits until there is room for more operations. Callers await it before `write`.
   * @throws FerryError E_INTERRUPTED when the signal aborts or the writer is closed; E_TARGET_*, E_LIVE_WRITER, and any
   * other fault that ended the writer
   */
  waitForRoom(signal: AbortSignal): Promise<void>;
  /**
   * Queues operations and resolves once DynamoDB has acknowledged every one of them (`UnprocessedItems` empty).
   * @param operations puts are mapped items; the caller may release their memory once the write has settled
   * @param readAt when the SELECT was sent that read their rows; by default now
   * @throws FerryError E_TARGET_*: then the caller may mark nothing of the set as done.
   * E_ITEM_KEY_SHARED, with the policy `reject`: two operations want one item key. Both writes reject, once no request
   * of either is in flight.
   * E_TARGET_REQUEST whose cause has `all` and `written`: the target refused some operations. `all` has the fault of
   * each one's row, and `written` the receipt of all others, which were acknowledged.
   * E_LIVE_WRITER: a delete beside a live writer, which is never sent, or rows that waited too long.
   * E_INTERRUPTED: the writer was closed.
   */
  write(operations: readonly WriteOperation[], readAt?: Instant): Promise<WriteReceipt>;
  /**
   * Waits a short time for requests in flight, drops queued operations, and frees sockets. The write of a dropped
   * operation rejects with E_INTERRUPTED, as do the writes that it superseded. A request that has no answer after the
   * wait leaves its keys ambiguous. It throws nothing.
   */
  close(): Promise<void>;
}

export interface ItemRead {
  /** The target's item at each key, in the order of the requested items. */
  readonly found: readonly FoundItem[];
  /** Read units consumed, as reported or as computed. */
  readonly units: number;
}

/** The target's answer to a question about its TTL. */
export interface TtlLook {
  /** The attribute, in epoch seconds, by which TTL deletes items; null: TTL is off, or the role may not ask. */
  readonly deletesBy: string | null;
  /** Returns seconds since the epoch by the target's clock, never ahead of it. */
  readonly seconds: () => number;
}

export interface ItemReader {
  /**
   * Reads the target's items at the given keys, strongly consistently, and retries until no key is unprocessed.
   * @throws FerryError E_TARGET_*; E_INTERRUPTED when the signal aborts or the reader is closed
   */
  read(items: readonly MappedItem[], signal: AbortSignal): Promise<ItemRead>;
  /** Aborts the reads under way and frees sockets. It throws nothing. */
  close(): Promise<void>;
}

/**
 * Watches that the target is still the table that the shard's state is bound to. Another table may take its place under
 * the same name. The state's record and a verdict must never cover that other table.
 */
export interface TargetGuard {
  /**
   * Checks the table before a checkpoint is recorded, if the last check is some time ago. If DescribeTable gives no
   * answer within two seconds, the checkpoint passes. It is bound to the table, and the verdict waits for an answer.
   * @throws FerryError E_TARGET_GONE, E_TARGET_NOT_ACTIVE, E_TARGET_ACCESS, E_TARGET_REQUEST; nothing where the signal
   * has aborted
   */
  atCheckpoint(signal: AbortSignal): Promise<void>;
  /**
   * Checks the table in any case, before a verdict is recorded and after all that it rests on.
   * @throws FerryError E_TARGET_NOT_ACTIVE, E_TARGET_*, E_INTERRUPTED
   */
  confirm(signal: AbortSignal): Promise<void>;
  /**
   * Checks why the target says that the table does not exist. It throws nothing itself.
   * @returns the error of that check in place of E_TARGET_GONE; else `thrown`
   */
  explained(thrown: unknown, signal: AbortSignal): Promise<unknown>;
}

/** The guard of a dry run, which has no target. It accepts everything. */
export const NO_TARGET: TargetGuard = {
  atCheckpoint: () => Promise.resolve(),
  confirm: () => Promise.resolve(),
  explained: (thrown) => Promise.resolve(thrown),
};
