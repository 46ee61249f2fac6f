/**
 * The item writer: writes until every item is acknowledged, within one budget, with bounded memory. In batches, or one by one on a
 * condition where an application writes the same items: the format is all that differs.
 *
 *   write() --> queued (by partition key) --> in flight --> acknowledged
 *                  ^                             |
 *                  +--- parked for its backoff <-+  unprocessed, throttled, unavailable
 *
 * An item is in exactly one of these places, and the backlog knows its key throughout: no two requests race for one key.
 * A request that may have been applied is told to `onSuspects` before anything of it is sent again.
 */
import { setMaxListeners } from 'node:events';
import { ageOf, thisMoment } from '../core/age.js';
import { asFerryError, interrupted, type FerryError } from '../core/errors.js';
import type { Emitter } from '../core/events.js';
import type { MappedItem } from '../core/model.js';
import type { ItemWriter, WriteReceipt } from '../core/ports.js';
import { Admission } from './admission.js';
import { Backlog } from './backlog.js';
import { Patience, retryDelay } from './backoff.js';
import { BatchWriteFormat } from './batch-write.js';
import { BelievableUnits, writeBounds } from './believable-units.js';
import type { TokenBucket } from './budget.js';
import type { TargetConnection } from './client.js';
import { ConditionalPutFormat, type WriteCondition } from './conditional-put.js';
import { Gate } from './gate.js';
import { blamedOn, comparesNothing, refusedItem, rowsTooOld, sharedKey } from './item-faults.js';
import type { KeyNames } from './key-text.js';
import type { QueuedItem } from './partition-queue.js';
import { OpenWrites, PendingWrite } from './pending-write.js';
import { RequestChannel } from './request-channel.js';
import { type ChannelTimeouts, DEFAULT_TIMEOUTS } from './timeouts.js';
import { RequestFailure, unavailable } from './service-errors.js';
import { CostFactor } from './unit-estimate.js';
import { WriteFeedback } from './write-feedback.js';
import { sendBatch, type WriteAnswer, type WriteFormat, type WriteOutcome } from './write-format.js';

export interface ItemWriterOptions {
  readonly connection: TargetConnection;
  readonly shard: string;
  readonly table: string;
  readonly keyNames: KeyNames;
  readonly budget: TokenBucket;
  readonly requestsInFlight: number;
  /** How long failures may last without any progress. */
  readonly patienceSeconds: number;
  readonly emitter: Emitter;
  /** null: nobody else writes these items, so they go in batches, whatever is there. */
  readonly condition?: WriteCondition | null;
  /** Rows that were read longer ago, in ms, are not written any more; null: no limit. */
  readonly rowLifeMs?: number | null;
  /** Takes the keys of items whose request may have been applied, durably, before it returns. */
  readonly onSuspects: (keyTexts: readonly string[]) => void;
  /** In [0, 1); Math.random unless a test wants its own. */
  readonly random?: () => number;
  readonly timeouts?: ChannelTimeouts;
  /** Of the table, global and local: bounds what a write can cost. As many as AWS allows, unless known. */
  readonly indexes?: number | null;
}

/** How long `close` waits for what is in flight: a healthy request takes tens of ms. */
const CLOSE_WITHIN_MS = 2_000;

const UNPROCESSED = 'UnprocessedItems';

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
  readonly #cost = new CostFactor();
  readonly #units: BelievableUnits;
  readonly #stop = new AbortController();
  /** Ends the wait for answers. */
  readonly #cutOff = new AbortController();
  readonly #admission = new Admission(() => this.#backlog.hasRoom);
  readonly #answers = new Gate();
  #failure: FerryError | null = null;
  #inFlight = 0;
  #pumpPlanned = false;
  #waitsForBudget = false;
  #warned = false;

  constructor(options: ItemWriterOptions) {
    const { connection, requestsInFlight, timeouts = DEFAULT_TIMEOUTS } = options;
    this.#options = options;
    this.#channel = new RequestChannel(connection.signer, connection.endpoint, {
      connections: requestsInFlight,
      ...timeouts,
    });
    const { table, keyNames, condition = null } = options;
    this.#format =
      condition === null ? new BatchWriteFormat(table, keyNames) : new ConditionalPutFormat(table, keyNames, condition);
    this.#units = new BelievableUnits(options.emitter, options.shard, this.#format.operation);
    setMaxListeners(0, this.#cutOff.signal); // one for each request in flight
    this.#feedback = new WriteFeedback(options.budget, performance.now());
    this.#backlog = new Backlog(requestsInFlight, this.#format.maxItems, this.#feedback.hot, () => this.#pump());
    this.#patience = new Patience(options.patienceSeconds);
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
   * Neither row may win: both writes fail, and whoever asked can name both rows. Both are told once nothing of the first is in flight:
   * where the two are one row that moved, what is written next must not race with it.
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
    while (this.#failure === null && this.#inFlight < this.#options.requestsInFlight && !this.#backlog.idle) {
      if (!this.#options.budget.open) {
        this.#waitForBudget();
        return;
      }
      const batch = this.#backlog.take(this.#options.budget.smallDebit / this.#cost.factor);
      if (this.#tooOld(batch)) this.#fail(rowsTooOld(this.#options.shard, this.#options.table));
      else if (batch.length > 0) void this.#send(batch);
    }
  }

  /** An item that was deleted meanwhile may have lost its tombstone by now, and the condition would let it come back. */
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
    this.#inFlight++;
    for (const queued of batch) queued.write.sent();
    const sentAt = performance.now();
    emitter.emit('batch.sent', { shard, items: batch.length, units: debited });
    const outcome = await sendBatch(this.#channel, this.#format, batch, this.#cutOff.signal);
    if (outcome.kind === 'answered') this.#answered(batch, outcome.answer, debited, sentAt);
    else this.#failed(batch, outcome, debited, sentAt);
    this.#inFlight--;
    this.#pump();
    this.#admission.admit();
    this.#answers.wake();
  }

  #answered(batch: readonly QueuedItem[], answer: WriteAnswer, debited: number, sentAt: number): void {
    const { shard, table, budget, emitter, patienceSeconds } = this.#options;
    const now = performance.now();
    const { unprocessed, newer } = answer;
    const written = unprocessed.size === 0 ? batch : batch.filter((queued) => !unprocessed.has(queued));
    const computed = sumUnits(written);
    const consumed = this.#units.of(answer.units, writeBounds(written.length, batch.length, this.#options.indexes));
    const units = consumed ?? computed;
    if (consumed !== null && answer.indexed) this.#cost.learn(units, computed);
    if (answer.incomparable) this.#warnOfIncomparable();
    // What was refused stays debited: it cost no unit, but attempts for nothing would else go out at any rate.
    const tried = sumUnits(batch);
    budget.settle((consumed ?? computed * this.#cost.factor) - debited * (computed / tried));
    this.#feedback.note({ batch, units: tried, refused: unprocessed, hotKeyRange: false, sentAt }, now);
    budget.noteConsumed(units);
    this.#acknowledge(written, newer, units, computed);
    const elapsedMs = now - sentAt;
    emitter.emit('batch.acknowledged', {
      shard,
      items: written.length,
      newer: newer.size,
      unprocessed: unprocessed.size,
      units,
      elapsedMs,
    });
    if (unprocessed.size === 0) return;
    emitter.emit('target.throttled', { shard, items: unprocessed.size, reasons: [] });
    // A service that takes nothing may say so in a success as well: the reader does not bear that for ever either.
    if (written.length === 0 && this.#patience.exhaustedBy(now)) {
      const failure = new RequestFailure(UNPROCESSED, 200, true);
      this.#giveUp(batch, unavailable(this.#format.operation, table, failure, patienceSeconds));
      return;
    }
    this.#retry([...unprocessed], UNPROCESSED, {
      progressed: written.length > 0,
      throttled: true,
      hotKeyRange: false,
      ambiguous: false,
    });
  }

  /** Gives each item its whole-numbered part of what the request consumed; the parts add up exactly. */
  #acknowledge(written: readonly QueuedItem[], newer: ReadonlySet<QueuedItem>, units: number, computed: number): void {
    if (written.length > 0) this.#patience.progress();
    let computedSoFar = 0;
    let givenSoFar = 0;
    for (const queued of written) {
      computedSoFar += queued.units;
      const given = Math.round((units * computedSoFar) / computed);
      this.#backlog.remove(queued);
      queued.write.acknowledged(given - givenSoFar, newer.has(queued));
      givenSoFar = given;
      this.#writes.forgetSettled(queued.write);
    }
  }

  #warnOfIncomparable(): void {
    if (this.#warned) return;
    this.#warned = true;
    const { shard, table, condition, emitter } = this.#options;
    emitter.emit('shard.warning', { shard, ...comparesNothing(table, condition?.attribute ?? '') });
  }

  // -------------------------------------------------------------------------------------------- the way back

  #failed(batch: readonly QueuedItem[], outcome: FailedBatch, debited: number, sentAt: number): void {
    const { shard, table, budget, emitter, patienceSeconds } = this.#options;
    const { failure } = outcome;
    const now = performance.now();
    const ambiguous = outcome.kind === 'unavailable' && outcome.ambiguous;
    const hotKeyRange = outcome.kind === 'throttled' && outcome.hotKeyRange;
    if (!ambiguous) {
      // Not applied, so not consumed; a refusal for lack of capacity stays debited, as above.
      if (outcome.kind !== 'throttled') budget.settle(-debited);
    } else if (!this.#recordSuspects(batch)) return;
    if (outcome.kind === 'fatal') {
      this.#giveUp(batch, outcome.error);
    } else if (outcome.kind === 'invalid') {
      this.#bisect(batch, failure);
    } else if (this.#patience.exhaustedBy(now)) {
      this.#giveUp(batch, unavailable(this.#format.operation, table, failure, patienceSeconds));
    } else {
      if (outcome.kind === 'throttled') {
        this.#feedback.note({ batch, units: sumUnits(batch), refused: new Set(batch), hotKeyRange, sentAt }, now);
        emitter.emit('target.throttled', { shard, items: batch.length, reasons: failure.throttlingReasons });
      }
      const throttled = outcome.kind === 'throttled';
      this.#retry(batch, failure.reason, { progressed: false, throttled, hotKeyRange, ambiguous });
    }
  }

  /** @returns false where they could not be recorded: then nothing of them may be sent again, and the run has failed */
  #recordSuspects(batch: readonly QueuedItem[]): boolean {
    try {
      this.#options.onSuspects(batch.map((queued) => queued.item.keyText));
      return true;
    } catch (thrown) {
      this.#giveUp(batch, asFerryError(thrown));
      return false;
    }
  }

  #retry(batch: readonly QueuedItem[], reason: string, how: RetryCircumstances): void {
    let attempt = 0;
    for (const queued of batch) {
      if (!how.progressed) queued.attempts++;
      attempt = Math.max(attempt, queued.attempts);
    }
    const { shard, emitter, random = Math.random } = this.#options;
    const delayMs = retryDelay(attempt, random, how.hotKeyRange);
    emitter.emit('request.retried', {
      shard,
      operation: this.#format.operation,
      reason,
      attempt,
      delayMs,
      throttled: how.throttled,
      ambiguous: how.ambiguous,
    });
    this.#backlog.putBack(batch, delayMs);
    for (const queued of batch) queued.write.returned();
    this.#dropFailed();
  }

  /** One bad item makes the service refuse a whole batch: halves of it find the one. */
  #bisect(batch: readonly QueuedItem[], failure: RequestFailure): void {
    const [first] = batch;
    if (batch.length === 1 && first !== undefined) {
      this.#refuse(first, failure);
    } else {
      this.#backlog.putBackHalves(batch);
      for (const queued of batch) queued.write.returned();
    }
    this.#dropFailed();
  }

  /** Where its row is to blame, the rest of its write goes on; else its write alone fails at once. */
  #refuse(queued: QueuedItem, failure: RequestFailure): void {
    const error = refusedItem(this.#format.operation, this.#options.table, { row: queued.item.row, failure });
    if (blamedOn(error) === null) {
      queued.write.fail(error);
      this.#backlog.remove(queued);
      queued.write.returned();
    } else {
      this.#backlog.remove(queued);
      queued.write.refused(error);
    }
  }

  #giveUp(batch: readonly QueuedItem[], error: FerryError): void {
    for (const queued of batch) {
      queued.write.fail(error);
      queued.write.returned();
      this.#backlog.remove(queued);
    }
    this.#fail(error);
  }

  /** Ends the run: nothing more is sent; what is in flight is still heard out. The first failure stands. */
  #fail(error: FerryError): void {
    this.#failure ??= error;
    this.#stop.abort();
    this.#backlog.stop();
    this.#dropFailed();
    this.#admission.end();
  }

  /** Drops what waits for writes that have failed; once the run has failed, that is every write with something waiting. */
  #dropFailed(): void {
    if (this.#writes.sweep(this.#failure)) this.#backlog.dropFailed();
  }
}

type FailedBatch = Exclude<WriteOutcome, { readonly kind: 'answered' }>;

interface RetryCircumstances {
  /** Something of the batch was written: then this was no failed try. */
  readonly progressed: boolean;
  readonly throttled: boolean;
  readonly hotKeyRange: boolean;
  readonly ambiguous: boolean;
}

function sumUnits(batch: readonly QueuedItem[]): number {
  let sum = 0;
  for (const queued of batch) sum += queued.units;
  return sum;
}
