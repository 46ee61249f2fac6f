/**
 * WriteFormat is how the writer speaks to the service: what a request looks like, and what its answer says. Queueing,
 * budget, retries and ambiguous writes do not depend on it.
 */
import { asFerryError } from '../../core/thrown.js';
import { UnreadableAnswer } from '../http/answer-shape.js';
import type { QueuedOperation } from './queued-operation.js';
import type { RequestChannel } from '../http/request-channel.js';
import { judge, RequestFailure, type Verdict } from '../failures/service-errors.js';

export interface WriteFormat {
  /** Such as `BatchWriteItem`. */
  readonly operation: string;
  readonly table: string;
  /** The most operations in one request. */
  readonly maxItems: number;
  /** True if the format can send a delete that removes only the item that it is meant for. */
  readonly takesDeletes: boolean;
  body(batch: readonly QueuedOperation[]): Buffer;
  /** Takes back a body whose request was answered. Nothing sends it again, and its signature fits no other bytes. */
  release(body: Buffer): void;
  /**
   * @throws UnreadableAnswer if it has another shape, or names operations that were not sent: then no operation counts
   *   as written
   */
  answer(json: string, batch: readonly QueuedOperation[]): WriteAnswer;
  /** @returns the most bytes that an answer to this request may have */
  answerBytes(body: Buffer): number;
  /**
   * Reads an error answer that says that a condition failed.
   * @returns null if it is another failure
   * @throws UnreadableAnswer as `answer` does
   */
  conditionFailed(failure: RequestFailure, batch: readonly QueuedOperation[]): WriteAnswer | null;
}

/** Every operation of the batch is acknowledged, except `unprocessed`. */
export interface WriteAnswer {
  readonly unprocessed: ReadonlySet<QueuedOperation>;
  /** Acknowledged, but not written: the target has another item at the key that must not be overwritten. */
  readonly newer: ReadonlySet<QueuedOperation>;
  /** Some of the `newer` ones have no version that compares. */
  readonly incomparable: boolean;
  /** Write units of table and indexes; null: the service reports none. */
  readonly units: number | null;
  /** True if indexes took part: a write whose condition failed does not reach them. */
  readonly indexed: boolean;
}

export const NONE: ReadonlySet<QueuedOperation> = new Set();

/** The outcome of one request: an answer, or what its failure means. */
export type WriteOutcome =
  { readonly kind: 'answered'; readonly answer: WriteAnswer } | (Verdict & { readonly failure: RequestFailure });

/**
 * Sends one batch, once. It never rejects.
 * @param signal ends the wait for an answer; the service may have applied the batch
 */
export async function sendBatch(
  channel: RequestChannel,
  format: WriteFormat,
  batch: readonly QueuedOperation[],
  signal: AbortSignal | null = null,
): Promise<WriteOutcome> {
  try {
    const body = format.body(batch);
    const json = await channel.post(format.operation, body, { maxAnswerBytes: format.answerBytes(body), signal });
    const answer = format.answer(json.toString('utf8'), batch);
    format.release(body);
    return { kind: 'answered', answer };
  } catch (thrown) {
    if (thrown instanceof UnreadableAnswer) return ambiguous(thrown);
    if (thrown instanceof RequestFailure) return failed(thrown, format, batch);
    const error = asFerryError(thrown, `${format.operation} on table ${format.table}`);
    return { kind: 'fatal', error, failure: new RequestFailure(error.code, 0, false) };
  }
}

function failed(failure: RequestFailure, format: WriteFormat, batch: readonly QueuedOperation[]): WriteOutcome {
  try {
    const answer = format.conditionFailed(failure, batch);
    if (answer !== null) return { kind: 'answered', answer };
  } catch (thrown) {
    if (thrown instanceof UnreadableAnswer) return ambiguous(thrown);
    throw thrown;
  }
  return { ...judge(failure, format.operation, format.table), failure };
}

/** Returns the outcome of a request that may have been applied: the answer does not show it. */
function ambiguous({ message }: UnreadableAnswer): WriteOutcome {
  return { kind: 'unavailable', ambiguous: true, failure: new RequestFailure(message, 200, true) };
}
