/**
 * The item reader asks with strongly consistent BatchGetItem until no key is unprocessed, within one budget of read
 * units. Reading twice does no harm, so it tries again after every failure that may pass.
 *
 * An answer may cost a hundred times what its keys suggest (400 KB are 100 units). So the reader debits the expected
 * sizes before it sends a request. It also cuts each request so small that it does not show in the consumption of ten
 * seconds. If no answer came, what may have been read stays debited, and so does a throttled request
 * (`throttle-feedback.ts`). The rest returns to the budget.
 */
import { setMaxListeners } from 'node:events';
import type { MappedItem } from '../../core/model.js';
import type { ItemRead, ItemReader } from '../../core/ports/target-ports.js';
import { RequestedItems } from './requested-items.js';
import { NoProgressDeadline, retryDelay } from '../failures/backoff.js';
import { UnreadableAnswer } from '../http/answer-shape.js';
import { answerBytesOf } from '../http/answer-size.js';
import { BatchGetAnswers, type AnsweredItem, type BatchGetAnswer } from './batch-get.js';
import { BelievableUnits, readBounds } from '../http/believable-units.js';
import type { ItemChannelOptions } from '../channel-options.js';
import type { ItemAttributes } from '../key-text.js';
import { type RequestedKey, type KeyBatch, KeysToRead } from './keys-to-read.js';
import { Permits } from '../../core/async/permits.js';
import { pause, throwIfInterrupted } from '../../core/async/sleep.js';
import { RequestChannel } from '../http/request-channel.js';
import { DEFAULT_TIMEOUTS } from '../http/timeouts.js';
import { judge, invalidRequest, RequestFailure, unavailable } from '../failures/service-errors.js';
import { ThrottleFeedback } from '../capacity/throttle-feedback.js';
import { ReadEstimate } from '../capacity/cost-factor.js';

export interface ItemReaderOptions extends ItemChannelOptions {
  /** Makes the canonical text of an item as the service answered it (DynamoDB JSON, parsed). */
  readonly canonicalText: (attributes: ItemAttributes) => string;
}

const OPERATION = 'BatchGetItem';
const UNPROCESSED = 'UnprocessedKeys';
/** An answer of so many bytes leaves keys unprocessed because it is full (16 MB), not for lack of capacity. */
const FULL_ANSWER_BYTES = 15_000_000;

export function openItemReader(options: ItemReaderOptions): ItemReader {
  return new BatchItemReader(options);
}

class BatchItemReader implements ItemReader {
  readonly #options: ItemReaderOptions;
  readonly #channel: RequestChannel;
  readonly #places: Permits;
  readonly #head: string;
  readonly #answers: BatchGetAnswers;
  readonly #feedback: ThrottleFeedback;
  readonly #deadline: NoProgressDeadline;
  readonly #estimate = new ReadEstimate();
  readonly #units: BelievableUnits;
  readonly #reads = new Set<() => void>();
  #closed = false;
  #inFlight = 0;
  /** Requests that the budget holds back. */
  #waiting = 0;

  constructor(options: ItemReaderOptions) {
    const { connection, timeouts = DEFAULT_TIMEOUTS } = options;
    const maxInFlightRequests = (): number => options.maxInFlightRequests;
    this.#options = options;
    this.#channel = new RequestChannel(connection.signer, connection.endpoint, {
      connections: maxInFlightRequests,
      ...timeouts,
    });
    this.#places = new Permits(maxInFlightRequests);
    this.#head = `{"RequestItems":{${JSON.stringify(options.table)}:{"ConsistentRead":true,"Keys":[`;
    this.#answers = new BatchGetAnswers(options.table, options.keyNames, options.canonicalText);
    this.#units = new BelievableUnits(options.emitter, options.shard, OPERATION);
    this.#feedback = new ThrottleFeedback(options.budget, performance.now());
    this.#deadline = new NoProgressDeadline(() => options.retryTimeoutSeconds);
  }

  async read(items: readonly MappedItem[], signal: AbortSignal): Promise<ItemRead> {
    const requested = new RequestedItems(items);
    const keys = new KeysToRead(requested.keys);
    const read = this.#begin(signal);
    const requests = Math.min(this.#options.maxInFlightRequests, requested.keys.length);
    const parts = Array.from({ length: requests }, () => this.#readInTurn(keys, requested, read.signal));
    try {
      const units = await Promise.all(parts);
      return { found: requested.found(), units: units.reduce((sum, part) => sum + part, 0) };
    } catch (thrown) {
      read.abort();
      await Promise.allSettled(parts);
      throw thrown;
    } finally {
      read.end();
    }
  }

  async close(): Promise<void> {
    this.#closed = true;
    for (const abort of this.#reads) abort();
    await this.#channel.close();
  }

  /**
   * A signal for one read, aborted with the caller's, by `close`, or by a part that failed. Not AbortSignal.any: on a
   * signal that lives for weeks, Node 20 keeps something of each combined one.
   */
  #begin(signal: AbortSignal): { readonly signal: AbortSignal; abort(): void; end(): void } {
    const own = new AbortController();
    const abort = (): void => own.abort();
    setMaxListeners(0, own.signal); // each part under way adds one listener
    if (signal.aborted || this.#closed) abort();
    signal.addEventListener('abort', abort);
    this.#reads.add(abort);
    const end = (): void => {
      signal.removeEventListener('abort', abort);
      this.#reads.delete(abort);
    };
    return { signal: own.signal, abort, end };
  }

  /** Waits for its turn among all reads of this reader, then reads. @returns read units consumed */
  async #readInTurn(keys: KeysToRead, requested: RequestedItems, signal: AbortSignal): Promise<number> {
    await this.#places.take(signal);
    try {
      return await this.#readPart(keys, requested, signal);
    } finally {
      this.#places.give();
    }
  }

  /** Reads batch after batch, until no keys are left. @returns read units consumed */
  async #readPart(keys: KeysToRead, requested: RequestedItems, signal: AbortSignal): Promise<number> {
    const { shard, emitter, random = Math.random } = this.#options;
    const unprocessed = new KeysToRead([]);
    let units = 0;
    for (let attempt = 0; ;) {
      throwIfInterrupted(signal);
      const batch = await this.#nextBatch(unprocessed.empty ? keys : unprocessed, signal);
      if (batch === null) return units;
      const outcome = await this.#ask(batch, requested, signal);
      units += outcome.units;
      attempt = outcome.unprocessed.length < batch.keys.length ? 0 : attempt + 1;
      if (outcome.unprocessed.length === 0) continue;
      unprocessed.putBack(outcome.unprocessed);
      const delayMs = retryDelay(attempt, random);
      emitter.emit('request.retried', {
        shard,
        operation: OPERATION,
        reason: outcome.reason,
        attempt,
        delayMs,
        throttled: outcome.throttled,
        ambiguous: false,
      });
      await pause(delayMs, signal);
    }
  }

  /**
   * Waits for the budget before it cuts, since the estimate of what keys cost may change while it waits.
   * @returns keys that count as under way, and are to be requested at once; null if no keys are left
   */
  async #nextBatch(keys: KeysToRead, signal: AbortSignal): Promise<KeyBatch | null> {
    const { budget } = this.#options;
    while (!keys.empty) {
      if (budget.open) {
        const batch = keys.take(budget.smallDebit, this.#estimate);
        budget.tryTake(batch.debit);
        budget.sent(batch.debit);
        // Counted as under way at once. Otherwise, callers that were served together and find the budget spent would
        // believe that no request is under way.
        this.#inFlight += 1;
        this.#deadline.released(performance.now());
        return batch;
      }
      await this.#afford(signal);
    }
    return null;
  }

  /**
   * Sends one request, of a batch that counts as under way. After a failure that may pass, it returns the keys as
   * unprocessed, with the reason.
   */
  async #ask({ keys, debit }: KeyBatch, requested: RequestedItems, signal: AbortSignal): Promise<Outcome> {
    const { shard, table, budget, emitter } = this.#options;
    const sentAt = performance.now();
    try {
      const body = `${this.#head}${keys.map(({ text }) => text).join(',')}]}},"ReturnConsumedCapacity":"TOTAL"}`;
      const request = requested.ask(keys);
      const bytes = await this.#channel.post(OPERATION, body, { maxAnswerBytes: answerBytesOf(keys.length), signal });
      const answer = this.#understood(bytes, requested, request);
      const unprocessed = ofPlaces(keys, answer.unprocessed);
      for (const { place, found } of answer.items) requested.setFound(place, found);
      const answered = keys.length - unprocessed.length;
      // A key without an item costs one unit as well.
      const units =
        this.#units.of(answer.units, readBounds(keys.length)) ??
        unitsOf(answer.items) + Math.max(0, answered - answer.items.length);
      this.#estimate.learn(units, sumUnits(keys) - sumUnits(unprocessed));
      const throttled = unprocessed.length > 0 && bytes.length < FULL_ANSWER_BYTES;
      budget.settle(units + (throttled ? this.#likely(unprocessed) : 0) - debit);
      budget.noteConsumed(units);
      this.#feedback.note(answered, throttled ? unprocessed.length : 0, sentAt, performance.now());
      if (throttled) emitter.emit('target.throttled', { shard, items: unprocessed.length, reasons: [] });
      if (answered > 0) this.#deadline.progress();
      else this.#bear(new RequestFailure(UNPROCESSED, 200, true));
      return { units, unprocessed, reason: UNPROCESSED, throttled };
    } catch (thrown) {
      if (!(thrown instanceof RequestFailure)) throw thrown;
      throwIfInterrupted(signal);
      const verdict = judge(thrown, OPERATION, table);
      const throttled = verdict.kind === 'throttled';
      const mayHaveBeenRead = verdict.kind === 'unavailable' && verdict.ambiguous;
      budget.settle((throttled || mayHaveBeenRead ? this.#likely(keys) : 0) - debit);
      if (verdict.kind === 'fatal') throw verdict.error;
      if (verdict.kind === 'invalid') throw invalidRequest(OPERATION, table, thrown);
      if (throttled) {
        this.#feedback.note(0, verdict.hotKeyRange ? 0 : keys.length, sentAt, performance.now());
        emitter.emit('target.throttled', { shard, items: keys.length, reasons: thrown.throttlingReasons });
      }
      this.#bear(thrown);
      return { units: 0, unprocessed: keys, reason: thrown.reason, throttled };
    } finally {
      budget.ended(debit);
      this.#inFlight -= 1;
      if (this.#inFlight === 0 && this.#waiting > 0) this.#deadline.heldBack(performance.now());
    }
  }

  /** Waits for the budget. While no request is under way, that time is not a failure of the target. */
  async #afford(signal: AbortSignal): Promise<void> {
    if (this.#inFlight === 0) this.#deadline.heldBack(performance.now());
    this.#waiting += 1;
    try {
      await this.#options.budget.take(0, signal);
    } finally {
      this.#waiting -= 1;
    }
  }

  /** @throws FerryError once failures have lasted longer than the deadline */
  #bear(failure: RequestFailure): void {
    const { table, retryTimeoutSeconds } = this.#options;
    if (this.#deadline.exhaustedBy(performance.now()))
      throw unavailable(OPERATION, table, failure, retryTimeoutSeconds);
  }

  #likely(keys: readonly RequestedKey[]): number {
    return keys.reduce((sum, { units }) => sum + this.#estimate.likely(units), 0);
  }

  #understood(bytes: Buffer, requested: RequestedItems, request: number): BatchGetAnswer {
    try {
      return this.#answers.read(bytes, requested, request);
    } catch (thrown) {
      if (thrown instanceof UnreadableAnswer) throw new RequestFailure(thrown.message, 200, true);
      throw thrown;
    }
  }
}

interface Outcome {
  readonly units: number;
  readonly unprocessed: readonly RequestedKey[];
  readonly reason: string;
  readonly throttled: boolean;
}

function ofPlaces(keys: readonly RequestedKey[], places: readonly number[]): readonly RequestedKey[] {
  if (places.length === 0) return [];
  const wanted = new Set(places);
  return keys.filter(({ place }) => wanted.has(place));
}

function unitsOf(items: readonly AnsweredItem[]): number {
  return items.reduce((sum, { units }) => sum + units, 0);
}

function sumUnits(keys: readonly RequestedKey[]): number {
  return keys.reduce((sum, { units }) => sum + units, 0);
}
