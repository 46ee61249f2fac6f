/**
 * The item writer sends puts and deletes until each of them is acknowledged, within one budget, with bounded memory. It
 * sends batches. If an application writes the same items, it sends single puts on a condition: only the format differs.
 *
 *   write() --> queued (by partition key) --> in flight --> acknowledged
 *                  ^                             |
 *                  +--- parked for its backoff <-+  unprocessed, throttled, unavailable
 *
 * An operation is in exactly one of these places, or waits behind one in flight on its key (`queued-operation.ts`). The
 * backlog knows its key throughout, so no two requests race for one key. `onSuspects` takes the key of an operation
 * that may have been applied, before anything is sent for that key again (`write-outcomes.ts`).
 */
import { setMaxListeners } from 'node:events';
import { ageOf, thisInstant } from '../../core/time/age.js';
import { interrupted, type FerryError } from '../../core/errors.js';
import type { ItemWriter, WriteReceipt } from '../../core/ports/target-ports.js';
import { isDelete, type WriteOperation } from '../../core/item/write-operation.js';
import { Backpressure } from './backpressure.js';
import { Backlog } from './backlog.js';
import { NoProgressDeadline } from '../failures/backoff.js';
import { BatchWriteFormat } from './batch-write.js';
import { ConditionalPutFormat } from './conditional-put.js';
import { Gate } from '../../core/async/wake-up.js';
import { deletesBesideLiveWriter, rowsTooOld, sharedKey } from './item-faults.js';
import { UnsettledWrites, PendingWrite } from './pending-write.js';
import type { QueuedOperation } from './queued-operation.js';
import { RequestChannel } from '../http/request-channel.js';
import { DEFAULT_TIMEOUTS } from '../http/timeouts.js';
import { WriteCost } from '../capacity/cost-factor.js';
import { WriteFeedback } from './write-feedback.js';
import { sendBatch, type WriteFormat } from './write-format.js';
import { costOf, WriteOutcomes } from './write-outcomes.js';
import type { ItemWriterOptions } from './writer-options.js';

/** How long `close` waits for requests in flight. A healthy request takes tens of ms. */
const CLOSE_WITHIN_MS = 2_000;

export function openItemWriter(options: ItemWriterOptions): ItemWriter {
  return new QueueingItemWriter(options);
}

class QueueingItemWriter implements ItemWriter {
  readonly #options: ItemWriterOptions;
  readonly #channel: RequestChannel;
  readonly #format: WriteFormat;
  readonly #backlog: Backlog;
  readonly #writes = new UnsettledWrites();
  readonly #feedback: WriteFeedback;
  readonly #deadline: NoProgressDeadline;
  readonly #cost: WriteCost;
  readonly #outcomes: WriteOutcomes;
  readonly #stop = new AbortController();
  /** Aborts the wait for answers. */
  readonly #cutOff = new AbortController();
  readonly #backpressure = new Backpressure(() => this.#backlog.hasCapacity);
  readonly #answers = new Gate();
  #failure: FerryError | null = null;
  #inFlight = 0;
  #pumpPlanned = false;
  #waitsForBudget = false;

  constructor(options: ItemWriterOptions) {
    const { connection, timeouts = DEFAULT_TIMEOUTS } = options;
    const maxInFlightRequests = (): number => options.maxInFlightRequests;
    this.#options = options;
    this.#channel = new RequestChannel(connection.signer, connection.endpoint, {
      connections: maxInFlightRequests,
      ...timeouts,
    });
    const { table, keyNames, condition = null } = options;
    this.#format =
      condition === null ? new BatchWriteFormat(table, keyNames) : new ConditionalPutFormat(table, keyNames, condition);
    setMaxListeners(0, this.#cutOff.signal); // each request in flight adds one listener
    this.#feedback = new WriteFeedback(options.budget, performance.now());
    this.#backlog = new Backlog(maxInFlightRequests, this.#format.maxItems, this.#feedback.hot, () => this.#pump());
    this.#deadline = new NoProgressDeadline(() => options.retryTimeoutSeconds);
    // Until the first answer, an item costs as if it had an entry in every index. The answer corrects that.
    this.#cost = new WriteCost(1 + (options.indexes ?? 0));
    this.#outcomes = new WriteOutcomes({
      options,
      format: this.#format,
      backlog: this.#backlog,
      writes: this.#writes,
      feedback: this.#feedback,
      deadline: this.#deadline,
      cost: this.#cost,
      fail: (error) => this.#fail(error),
      dropFailed: () => this.#dropFailed(),
    });
  }

  // -------------------------------------------------------------------------------------------- the way in

  async waitForRoom(signal: AbortSignal): Promise<void> {
    for (;;) {
      if (this.#failure !== null) throw this.#failure;
      if (signal.aborted) throw interrupted();
      if (this.#backlog.hasCapacity) return;
      await this.#backpressure.wait(signal);
    }
  }

  write(operations: readonly WriteOperation[], readAt = thisInstant()): Promise<WriteReceipt> {
    if (this.#failure !== null) return Promise.reject(this.#failure);
    if (operations.length === 0) return Promise.resolve({ items: 0, newer: 0, superseded: 0, units: 0 });
    const { keyConflicts = 'reject', shard, table } = this.#options;
    if (!this.#format.takesDeletes && operations.some(isDelete)) {
      return Promise.reject(deletesBesideLiveWriter(shard, table));
    }
    const write = new PendingWrite(operations.length, readAt);
    this.#writes.add(write);
    for (const operation of operations) {
      const holder = this.#backlog.holder(operation);
      if (holder === null) this.#backlog.add(operation, write);
      else if (keyConflicts === 'supersede') this.#backlog.supersede(holder, operation, write);
      else return this.#refuseShared(holder, operation, write);
    }
    this.#planPump();
    return write.receipt;
  }

  /**
   * Waits a short time for answers, then gives up the requests without one. Their operations are ambiguous, as after
   * any lost answer.
   */
  async close(): Promise<void> {
    this.#fail(interrupted());
    const timer = setTimeout(() => this.#cutOff.abort(), CLOSE_WITHIN_MS);
    while (this.#inFlight > 0) await this.#answers.wait();
    clearTimeout(timer);
    await this.#channel.close();
  }

  /**
   * Fails both writes, so that neither row wins and the caller can name both. Both reject once nothing of the first is
   * in flight. If the two are one row that moved, the next write must not race with it.
   */
  #refuseShared(holder: QueuedOperation, operation: WriteOperation, write: PendingWrite): Promise<WriteReceipt> {
    const { shard, table } = this.#options;
    const error = sharedKey(shard, table, { first: holder.operation.row, second: operation.row });
    const refused = (): Promise<WriteReceipt> => write.receipt;
    // The caller attaches its handler only later.
    refused().catch(() => undefined);
    holder.write.fail(error);
    write.fail(error);
    this.#dropFailed();
    // The dropped operations left room. Perhaps no request is in flight whose answer would wake the callers.
    this.#backpressure.admit();
    return holder.write.receipt.then(refused, refused);
  }

  // -------------------------------------------------------------------------------------------- the way out

  /** Sends at the end of this turn of the event loop: the writes of one turn share their batches. */
  #planPump(): void {
    if (this.#pumpPlanned) return;
    this.#pumpPlanned = true;
    setImmediate(() => {
      this.#pumpPlanned = false;
      this.#pump();
    });
  }

  #pump(): void {
    while (this.#failure === null && this.#inFlight < this.#options.maxInFlightRequests && !this.#backlog.idle) {
      if (!this.#options.budget.open) {
        this.#waitForBudget();
        return;
      }
      const batch = this.#backlog.take(this.#options.budget.smallDebit, this.#cost);
      if (this.#tooOld(batch)) this.#fail(rowsTooOld(this.#options.shard, this.#options.table));
      else if (batch.length > 0) void this.#send(batch);
    }
  }

  /**
   * Returns whether a row is too old to be written. An item that was deleted since may have lost its tombstone, and the
   * condition would let it come back.
   */
  #tooOld(batch: readonly QueuedOperation[]): boolean {
    const { rowLifeMs = null } = this.#options;
    return rowLifeMs !== null && batch.some(({ write }) => ageOf(write.readAt) > rowLifeMs);
  }

  #waitForBudget(): void {
    // While no request is under way, the target cannot answer, so that time is not a failure of the target.
    if (this.#inFlight === 0) this.#deadline.heldBack(performance.now());
    if (this.#waitsForBudget) return;
    this.#waitsForBudget = true;
    this.#options.budget.take(0, this.#stop.signal).then(
      () => {
        this.#waitsForBudget = false;
        this.#deadline.released(performance.now());
        this.#pump();
      },
      () => undefined, // stopped: the writer sends nothing more
    );
  }

  async #send(batch: readonly QueuedOperation[]): Promise<void> {
    const { shard, budget, emitter } = this.#options;
    const debited = costOf(batch, this.#cost);
    budget.tryTake(debited); // the pump saw it open
    budget.sent(debited);
    this.#inFlight++;
    for (const queued of batch) queued.sent();
    const sentAt = performance.now();
    emitter.emit('batch.sent', { shard, items: batch.length, units: debited });
    const outcome = await sendBatch(this.#channel, this.#format, batch, this.#cutOff.signal);
    budget.ended(debited);
    this.#outcomes.take({ items: batch, debited, sentAt }, outcome);
    this.#inFlight--;
    this.#pump();
    this.#backpressure.admit();
    this.#answers.wake();
  }

  // -------------------------------------------------------------------------------------------- the end

  /** Ends the run: nothing more is sent, and requests in flight still get their answers. The first failure stands. */
  #fail(error: FerryError): void {
    this.#failure ??= error;
    this.#stop.abort();
    this.#backlog.stop();
    this.#dropFailed();
    this.#backpressure.end();
  }

  /**
   * Drops what waits for writes that have failed. Once the run has failed, that is every write with something waiting.
   */
  #dropFailed(): void {
    for (let more = true; more && this.#writes.sweep(this.#failure);) more = this.#backlog.dropFailed();
  }
}
