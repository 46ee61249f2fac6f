/**
 * The item writer: writes until every item is acknowledged, within one budget, with bounded memory. In batches, or one
 * by one on a condition where an application writes the same items: the format is all that differs.
 *
 *   write() --> queued (by partition key) --> in flight --> acknowledged
 *                  ^                             |
 *                  +--- parked for its backoff <-+  unprocessed, throttled, unavailable
 *
 * An item is in exactly one of these places, and the backlog knows its key throughout: no two requests race for one
 * key. A request that may have been applied is told to `onSuspects` before anything of it is sent again
 * (`write-outcomes.ts`).
 */
import { setMaxListeners } from 'node:events';
import { ageOf, thisMoment } from '../../core/time/age.js';
import { interrupted, type FerryError } from '../../core/errors.js';
import type { MappedItem } from '../../core/model.js';
import type { ItemWriter, WriteReceipt } from '../../core/ports/ports.js';
import { Admission } from './admission.js';
import { Backlog } from './backlog.js';
import { Patience } from '../failures/backoff.js';
import { BatchWriteFormat } from './batch-write.js';
import { ConditionalPutFormat } from './conditional-put.js';
import { Gate } from '../../core/async/wake-up.js';
import { rowsTooOld, sharedKey } from './item-faults.js';
import type { QueuedItem } from './partition-queue.js';
import { OpenWrites, PendingWrite } from './pending-write.js';
import { RequestChannel } from '../http/request-channel.js';
import { DEFAULT_TIMEOUTS } from '../http/timeouts.js';
import { CostFactor } from '../capacity/unit-estimate.js';
import { WriteFeedback } from './write-feedback.js';
import { sendBatch, type WriteFormat } from './write-format.js';
import { sumUnits, WriteOutcomes } from './write-outcomes.js';
import type { ItemWriterOptions } from './writer-options.js';

/** How long `close` waits for what is in flight: a healthy request takes tens of ms. */
const CLOSE_WITHIN_MS = 2_000;

export function openItemWriter(options: ItemWriterOptions): ItemWriter {
  return new QueueingItemWriter(options);
}

class QueueingItemWriter implements ItemWriter {
  readonly #options: ItemWriterOptions;
  readonly #channel: RequestChannel;
  readonly #format: WriteFormat;
  readonly #backlog: Backlog;
  readonly #writes = new OpenWrites();
  readonly #feedback: WriteFeedback;
  readonly #patience: Patience;
  readonly #cost: CostFactor;
  readonly #outcomes: WriteOutcomes;
  readonly #stop = new AbortController();
  /** Ends the wait for answers. */
  readonly #cutOff = new AbortController();
  readonly #admission = new Admission(() => this.#backlog.hasRoom);
  readonly #answers = new Gate();
  #failure: FerryError | null = null;
  #inFlight = 0;
  #pumpPlanned = false;
  #waitsForBudget = false;

  constructor(options: ItemWriterOptions) {
    const { connection, maxInFlightRequests, timeouts = DEFAULT_TIMEOUTS } = options;
    this.#options = options;
    this.#channel = new RequestChannel(connection.signer, connection.endpoint, {
      connections: maxInFlightRequests,
      ...timeouts,
    });
    const { table, keyNames, condition = null } = options;
    this.#format =
      condition === null ? new BatchWriteFormat(table, keyNames) : new ConditionalPutFormat(table, keyNames, condition);
    setMaxListeners(0, this.#cutOff.signal); // one for each request in flight
    this.#feedback = new WriteFeedback(options.budget, performance.now());
    this.#backlog = new Backlog(maxInFlightRequests, this.#format.maxItems, this.#feedback.hot, () => this.#pump());
    this.#patience = new Patience(options.retryTimeoutSeconds);
    // Until an answer says what items cost, as if each had an entry in every index: what is debited too much comes back
    // with the answer.
    this.#cost = new CostFactor(1 + (options.indexes ?? 0));
    this.#outcomes = new WriteOutcomes({
      options,
      format: this.#format,
      backlog: this.#backlog,
      writes: this.#writes,
      feedback: this.#feedback,
      patience: this.#patience,
      cost: this.#cost,
      fail: (error) => this.#fail(error),
      dropFailed: () => this.#dropFailed(),
    });
  }

  // -------------------------------------------------------------------------------------------- the way in

  async ready(signal: AbortSignal): Promise<void> {
    for (;;) {
      if (this.#failure !== null) throw this.#failure;
      if (signal.aborted) throw interrupted();
      if (this.#backlog.hasRoom) return;
      await this.#admission.wait(signal);
    }
  }

  write(items: readonly MappedItem[], readAt = thisMoment()): Promise<WriteReceipt> {
    if (this.#failure !== null) return Promise.reject(this.#failure);
    if (items.length === 0) return Promise.resolve({ items: 0, newer: 0, units: 0 });
    const write = new PendingWrite(items.length, readAt);
    this.#writes.add(write);
    for (const item of items) {
      const holder = this.#backlog.holder(item);
      if (holder !== null) return this.#refuseShared(holder, item, write);
      this.#backlog.add(item, write);
    }
    this.#planPump();
    return write.receipt;
  }

  /** What has no answer by then is given up: its items are suspects, as after any other lost answer. */
  async close(): Promise<void> {
    this.#fail(interrupted());
    const timer = setTimeout(() => this.#cutOff.abort(), CLOSE_WITHIN_MS);
    while (this.#inFlight > 0) await this.#answers.wait();
    clearTimeout(timer);
    await this.#channel.close();
  }

  /**
   * Neither row may win: both writes fail, and whoever asked can name both rows. Both are told once nothing of the
   * first is in flight: where the two are one row that moved, what is written next must not race with it.
   */
  #refuseShared(holder: QueuedItem, item: MappedItem, write: PendingWrite): Promise<WriteReceipt> {
    const { shard, table } = this.#options;
    const error = sharedKey(shard, table, { first: holder.item.row, second: item.row });
    const refused = (): Promise<WriteReceipt> => write.receipt;
    // It is listened to only later.
    refused().catch(() => undefined);
    holder.write.fail(error);
    write.fail(error);
    this.#dropFailed();
    // What was dropped left room, and nothing may be in flight whose answer would say so.
    this.#admission.admit();
    return holder.write.receipt.then(refused, refused);
  }

  // -------------------------------------------------------------------------------------------- the way out

  /** Writes of one turn of the event loop share their batches. */
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
      const batch = this.#backlog.take(this.#options.budget.smallDebit / this.#cost.factor);
      if (this.#tooOld(batch)) this.#fail(rowsTooOld(this.#options.shard, this.#options.table));
      else if (batch.length > 0) void this.#send(batch);
    }
  }

  /**
   * An item that was deleted meanwhile may have lost its tombstone by now, and the condition would let it come back.
   */
  #tooOld(batch: readonly QueuedItem[]): boolean {
    const { rowLifeMs = null } = this.#options;
    return rowLifeMs !== null && batch.some(({ write }) => ageOf(write.readAt) > rowLifeMs);
  }

  #waitForBudget(): void {
    // What is under way is the target's to answer; where nothing is, its failures do not go on.
    if (this.#inFlight === 0) this.#patience.heldBack(performance.now());
    if (this.#waitsForBudget) return;
    this.#waitsForBudget = true;
    this.#options.budget.take(0, this.#stop.signal).then(
      () => {
        this.#waitsForBudget = false;
        this.#patience.released(performance.now());
        this.#pump();
      },
      () => undefined, // stopped: nothing is sent any more
    );
  }

  async #send(batch: readonly QueuedItem[]): Promise<void> {
    const { shard, budget, emitter } = this.#options;
    const debited = sumUnits(batch) * this.#cost.factor;
    budget.tryTake(debited); // the pump saw it open
    budget.sent(debited);
    this.#inFlight++;
    for (const queued of batch) queued.write.sent();
    const sentAt = performance.now();
    emitter.emit('batch.sent', { shard, items: batch.length, units: debited });
    const outcome = await sendBatch(this.#channel, this.#format, batch, this.#cutOff.signal);
    budget.ended(debited);
    this.#outcomes.take({ items: batch, debited, sentAt }, outcome);
    this.#inFlight--;
    this.#pump();
    this.#admission.admit();
    this.#answers.wake();
  }

  // -------------------------------------------------------------------------------------------- the end

  /** Ends the run: nothing more is sent; what is in flight is still heard out. The first failure stands. */
  #fail(error: FerryError): void {
    this.#failure ??= error;
    this.#stop.abort();
    this.#backlog.stop();
    this.#dropFailed();
    this.#admission.end();
  }

  /**
   * Drops what waits for writes that have failed; once the run has failed, that is every write with something waiting.
   */
  #dropFailed(): void {
    if (this.#writes.sweep(this.#failure)) this.#backlog.dropFailed();
  }
}
