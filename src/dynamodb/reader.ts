/**
 * The item reader: strongly consistent BatchGetItem until no key is unprocessed, within one budget of read units. Reading
 * twice does no harm, so every failure that may pass is simply tried again.
 */
import { setMaxListeners } from 'node:events';
import pLimit from 'p-limit';
import type { LimitFunction } from 'p-limit';
import type { Emitter } from '../core/events.js';
import type { MappedItem } from '../core/model.js';
import type { ItemRead, ItemReader } from '../core/ports.js';
import { AskedItems } from './asked-items.js';
import { Patience, retryDelay } from './backoff.js';
import { BatchGetAnswers, UnreadableAnswer, type AnsweredItem, type BatchGetAnswer } from './batch-get.js';
import type { TokenBucket } from './budget.js';
import type { TargetConnection } from './client.js';
import type { ItemAttributes, KeyNames } from './key-text.js';
import { pause, throwIfInterrupted } from './pause.js';
import { RequestChannel } from './request-channel.js';
import { type ChannelTimeouts, DEFAULT_TIMEOUTS } from './timeouts.js';
import { judge, refused, RequestFailure, unavailable } from './service-errors.js';
import { ThrottleFeedback } from './throttle-feedback.js';
import { CostFactor } from './unit-estimate.js';

export interface ItemReaderOptions {
  readonly connection: TargetConnection;
  readonly shard: string;
  readonly table: string;
  readonly keyNames: KeyNames;
  /** In read units per second. */
  readonly budget: TokenBucket;
  readonly requestsInFlight: number;
  /** How long failures may last without any progress. */
  readonly patienceSeconds: number;
  readonly emitter: Emitter;
  /** The canonical text of an item as the service answered it (DynamoDB JSON, parsed). */
  readonly canonicalText: (attributes: ItemAttributes) => string;
  /** In [0, 1); Math.random unless a test wants its own. */
  readonly random?: () => number;
  readonly timeouts?: ChannelTimeouts;
}

const OPERATION = 'BatchGetItem';
/** AWS, BatchGetItem: at most 100 keys; an answer beyond 16 MB leaves the rest in UnprocessedKeys. */
const MAX_KEYS = 100;

export function openItemReader(options: ItemReaderOptions): ItemReader {
  return new BatchItemReader(options);
}

class BatchItemReader implements ItemReader {
  readonly #options: ItemReaderOptions;
  readonly #channel: RequestChannel;
  readonly #limit: LimitFunction;
  readonly #head: string;
  readonly #answers: BatchGetAnswers;
  readonly #feedback: ThrottleFeedback;
  readonly #patience: Patience;
  /** Read units for each key asked for. */
  readonly #cost = new CostFactor();
  readonly #reads = new Set<() => void>();
  #closed = false;
  #inFlight = 0;
  /** Requests that the budget holds back. */
  #waiting = 0;

  constructor(options: ItemReaderOptions) {
    const { connection, requestsInFlight, timeouts = DEFAULT_TIMEOUTS } = options;
    this.#options = options;
    this.#channel = new RequestChannel(connection.signer, connection.endpoint, {
      connections: requestsInFlight,
      ...timeouts,
    });
    this.#limit = pLimit(requestsInFlight);
    this.#head = `{"RequestItems":{${JSON.stringify(options.table)}:{"ConsistentRead":true,"Keys":[`;
    this.#answers = new BatchGetAnswers(options.keyNames, options.canonicalText);
    this.#feedback = new ThrottleFeedback(options.budget, performance.now());
    this.#patience = new Patience(options.patienceSeconds);
  }

  async read(items: readonly MappedItem[], signal: AbortSignal): Promise<ItemRead> {
    const asked = new AskedItems(items);
    const { keyTexts } = asked;
    const batches: (readonly string[])[] = [];
    for (let i = 0; i < keyTexts.length; i += MAX_KEYS) batches.push(keyTexts.slice(i, i + MAX_KEYS));
    const read = this.#begin(signal);
    const parts = batches.map((batch) => this.#limit(() => this.#readBatch(batch, asked, read.signal)));
    try {
      const units = await Promise.all(parts);
      return { held: asked.held(), units: units.reduce((sum, part) => sum + part, 0) };
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
    setMaxListeners(0, own.signal); // one for each part under way
    if (signal.aborted || this.#closed) abort();
    signal.addEventListener('abort', abort);
    this.#reads.add(abort);
    const end = (): void => {
      signal.removeEventListener('abort', abort);
      this.#reads.delete(abort);
    };
    return { signal: own.signal, abort, end };
  }

  /** @returns read units consumed */
  async #readBatch(batch: readonly string[], asked: AskedItems, signal: AbortSignal): Promise<number> {
    let keys = batch;
    let units = 0;
    for (let attempt = 0; keys.length > 0;) {
      throwIfInterrupted(signal);
      const outcome = await this.#ask(keys, asked, signal);
      units += outcome.units;
      if (outcome.unprocessed.length === 0) break;
      attempt = outcome.unprocessed.length < keys.length ? 0 : attempt + 1;
      keys = outcome.unprocessed;
      const delayMs = retryDelay(attempt, this.#options.random ?? Math.random);
      const { shard, emitter } = this.#options;
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
    return units;
  }

  /** One request. What failed but may pass comes back as unprocessed, with its reason. */
  async #ask(keys: readonly string[], asked: AskedItems, signal: AbortSignal): Promise<Outcome> {
    const { shard, table, budget, emitter, patienceSeconds } = this.#options;
    const debited = keys.length * this.#cost.factor;
    await this.#afford(debited, signal);
    const sentAt = performance.now();
    this.#inFlight += 1;
    try {
      const body = `${this.#head}${keys.join(',')}]}},"ReturnConsumedCapacity":"TOTAL"}`;
      const answer = this.#understood(await this.#channel.post(OPERATION, body, signal), asked);
      const { items, unprocessed } = answer;
      for (const { place, held } of items) if (place !== undefined) asked.found(place, held);
      const answered = keys.length - unprocessed.length;
      // A key without an item costs one unit as well.
      const units = answer.units ?? unitsOf(items) + Math.max(0, answered - items.length);
      this.#cost.learn(units, answered);
      // What was refused stays debited, as `throttle-feedback.ts` says.
      budget.settle(units - debited * (answered / keys.length));
      budget.noteConsumed(units);
      this.#feedback.note(answered, unprocessed.length, sentAt, performance.now());
      if (answered > 0) this.#patience.progress();
      if (unprocessed.length > 0) emitter.emit('target.throttled', { shard, items: unprocessed.length, reasons: [] });
      return { units, unprocessed, reason: 'UnprocessedKeys', throttled: true };
    } catch (thrown) {
      if (!(thrown instanceof RequestFailure)) throw thrown;
      throwIfInterrupted(signal);
      const verdict = judge(thrown, OPERATION, table);
      if (verdict.kind !== 'throttled') budget.settle(-debited);
      if (verdict.kind === 'fatal') throw verdict.error;
      if (verdict.kind === 'invalid') throw refused(OPERATION, table, thrown);
      const now = performance.now();
      if (verdict.kind === 'throttled') {
        this.#feedback.note(0, verdict.hotKeyRange ? 0 : keys.length, sentAt, now);
        emitter.emit('target.throttled', { shard, items: keys.length, reasons: thrown.throttlingReasons });
      }
      if (this.#patience.exhaustedBy(now)) throw unavailable(OPERATION, table, thrown, patienceSeconds);
      return { units: 0, unprocessed: keys, reason: thrown.reason, throttled: verdict.kind === 'throttled' };
    } finally {
      this.#inFlight -= 1;
      if (this.#inFlight === 0 && this.#waiting > 0) this.#patience.heldBack(performance.now());
    }
  }

  /** Waits for the budget. Where nothing is under way meanwhile, that time is no failure of the target. */
  async #afford(units: number, signal: AbortSignal): Promise<void> {
    if (this.#inFlight === 0) this.#patience.heldBack(performance.now());
    this.#waiting += 1;
    try {
      await this.#options.budget.take(units, signal);
    } finally {
      this.#waiting -= 1;
    }
    this.#patience.released(performance.now());
  }

  #understood(bytes: Buffer, asked: AskedItems): BatchGetAnswer {
    try {
      return this.#answers.read(bytes, asked);
    } catch (thrown) {
      if (thrown instanceof UnreadableAnswer) throw new RequestFailure(thrown.message, 200, true);
      throw thrown;
    }
  }
}

interface Outcome {
  readonly units: number;
  readonly unprocessed: readonly string[];
  readonly reason: string;
  readonly throttled: boolean;
}

function unitsOf(items: readonly AnsweredItem[]): number {
  return items.reduce((sum, { units }) => sum + units, 0);
}
