/**
 * The item reader: strongly consistent BatchGetItem until no key is unprocessed, within one budget of read units. Reading
 * twice does no harm, so every failure that may pass is simply tried again.
 */
import { readUnits } from '../core/capacity-units.js';
import { setMaxListeners } from 'node:events';
import pLimit from 'p-limit';
import type { LimitFunction } from 'p-limit';
import type { Emitter } from '../core/events.js';
import type { ItemRead, ItemReader } from '../core/ports.js';
import { Patience, retryDelay } from './backoff.js';
import { consumedUnits } from './batch-write.js';
import type { TokenBucket } from './budget.js';
import type { TargetConnection } from './client.js';
import type { ItemAttributes, KeyNames } from './key-text.js';
import { keyTextOf } from './key-text.js';
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
  readonly #feedback: ThrottleFeedback;
  readonly #patience: Patience;
  /** Read units for each key asked for. */
  readonly #cost = new CostFactor();
  readonly #reads = new Set<() => void>();
  #closed = false;

  constructor(options: ItemReaderOptions) {
    const { connection, requestsInFlight, timeouts = DEFAULT_TIMEOUTS } = options;
    this.#options = options;
    this.#channel = new RequestChannel(connection.signer, connection.endpoint, {
      connections: requestsInFlight,
      ...timeouts,
    });
    this.#limit = pLimit(requestsInFlight);
    this.#head = `{"RequestItems":{${JSON.stringify(options.table)}:{"ConsistentRead":true,"Keys":[`;
    this.#feedback = new ThrottleFeedback(options.budget, performance.now());
    this.#patience = new Patience(options.patienceSeconds);
  }

  async read(keyTexts: readonly string[], signal: AbortSignal): Promise<ItemRead> {
    const distinct = [...new Set(keyTexts)];
    const batches: (readonly string[])[] = [];
    for (let i = 0; i < distinct.length; i += MAX_KEYS) batches.push(distinct.slice(i, i + MAX_KEYS));
    const texts = new Map<string, string>();
    const read = this.#begin(signal);
    const parts = batches.map((batch) => this.#limit(() => this.#readBatch(batch, texts, read.signal)));
    try {
      const units = await Promise.all(parts);
      return { texts, units: units.reduce((sum, part) => sum + part, 0) };
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
  async #readBatch(batch: readonly string[], texts: Map<string, string>, signal: AbortSignal): Promise<number> {
    let keys = batch;
    let units = 0;
    for (let attempt = 0; keys.length > 0;) {
      throwIfInterrupted(signal);
      const outcome = await this.#ask(keys, texts, signal);
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
  async #ask(keys: readonly string[], texts: Map<string, string>, signal: AbortSignal): Promise<Outcome> {
    const { shard, table, budget, emitter, patienceSeconds } = this.#options;
    const debited = keys.length * this.#cost.factor;
    await budget.take(debited, signal);
    const sentAt = performance.now();
    try {
      const body = `${this.#head}${keys.join(',')}]}},"ReturnConsumedCapacity":"TOTAL"}`;
      const json = await this.#channel.post(OPERATION, body, signal);
      const answer = parseAnswer(json);
      if (answer === null) throw new RequestFailure('unreadable answer', 200, true);
      const computed = this.#collect(answer.items, texts);
      const unprocessed = answer.unprocessed.map((attributes) => this.#keyText(attributes));
      const answered = keys.length - unprocessed.length;
      // A key without an item costs one unit as well.
      const units = answer.units ?? computed + Math.max(0, answered - answer.items.length);
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
    }
  }

  /** @returns read units by the length of the items' JSON: somewhat more than their size as billed, for want of better */
  #collect(items: readonly ItemAttributes[], texts: Map<string, string>): number {
    let units = 0;
    for (const item of items) {
      const text = this.#options.canonicalText(item);
      texts.set(this.#keyText(item), text);
      units += readUnits(text.length);
    }
    return units;
  }

  #keyText(attributes: ItemAttributes): string {
    const text = keyTextOf(attributes, this.#options.keyNames);
    if (text === null) throw new RequestFailure('answer without item keys', 200, true);
    return text;
  }
}

interface Outcome {
  readonly units: number;
  readonly unprocessed: readonly string[];
  readonly reason: string;
  readonly throttled: boolean;
}

interface Answer {
  readonly items: readonly ItemAttributes[];
  readonly unprocessed: readonly ItemAttributes[];
  readonly units: number | null;
}

interface RawAnswer {
  readonly Responses?: Readonly<Record<string, readonly ItemAttributes[]>>;
  readonly UnprocessedKeys?: Readonly<Record<string, { readonly Keys?: readonly ItemAttributes[] }>>;
  readonly ConsumedCapacity?: readonly { readonly CapacityUnits?: number }[];
}

/** DynamoDB JSON holds its numbers as strings, so parsing rounds none. @returns null where it is no JSON */
function parseAnswer(json: string): Answer | null {
  try {
    const raw = JSON.parse(json) as RawAnswer;
    return {
      items: Object.values(raw.Responses ?? {}).flat(),
      unprocessed: Object.values(raw.UnprocessedKeys ?? {}).flatMap((part) => part.Keys ?? []),
      units: consumedUnits(raw.ConsumedCapacity),
    };
  } catch {
    return null;
  }
}
