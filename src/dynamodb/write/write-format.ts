/**
 * How the writer speaks to the service: what a request looks like and what its answer says. The writer itself is the
 * same for all: queueing, budget, retries and suspects do not depend on it.
 */
import { asFerryError } from '../../core/thrown.js';
import { UnreadableAnswer } from '../http/answer-shape.js';
import type { QueuedOperation } from './queued-operation.js';
import type { RequestChannel } from '../http/request-channel.js';
import { judge, RequestFailure, type Verdict } from '../failures/service-errors.js';

export interface WriteFormat {
  /** `BatchWriteItem` */
  readonly operation: string;
  readonly table: string;
  /** Items in one request, at most. */
  readonly maxItems: number;
  /** Whether a delete can be sent that takes away nothing but what it is meant for. */
  readonly takesDeletes: boolean;
  body(batch: readonly QueuedOperation[]): Buffer;
  /**
   * A body whose request was answered may be written over: nobody sends it again, and its signature fits no other
   * bytes.
   */
  release(body: Buffer): void;
  /**
   * @throws UnreadableAnswer where it has another shape, or speaks of items that were not sent: then nothing counts as
   * written
   */
  answer(json: string, batch: readonly QueuedOperation[]): WriteAnswer;
  /** The most that an answer to this request may have. */
  answerBytes(body: Buffer): number;
  /**
   * What an error answer says of the items; null where it is a failure, to be judged like any other.
   * @throws UnreadableAnswer as `answer` does
   */
  conditionFailed(failure: RequestFailure, batch: readonly QueuedOperation[]): WriteAnswer | null;
}

/** All of the batch but `unprocessed` is acknowledged. */
export interface WriteAnswer {
  readonly unprocessed: ReadonlySet<QueuedOperation>;
  /** Acknowledged, but not written: the target holds another item there that must not be overwritten. */
  readonly newer: ReadonlySet<QueuedOperation>;
  /** Of those that are `newer`, some only cannot be told to be older. */
  readonly incomparable: boolean;
  /** Write units of table and indexes; null where the service does not say. */
  readonly units: number | null;
  /** Whether the indexes took part in that: what its condition refused does not reach them. */
  readonly indexed: boolean;
}

export const NONE: ReadonlySet<QueuedOperation> = new Set();

/** What came of one request: an answer, or what its failure means. */
export type WriteOutcome =
  { readonly kind: 'answered'; readonly answer: WriteAnswer } | (Verdict & { readonly failure: RequestFailure });

/**
 * Sends one batch, once. Never rejects.
 * @param signal ends the wait for an answer: the batch may have been applied then
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

/** Whoever answered so may have done anything: the request may have been applied, and nothing says that it was. */
function ambiguous({ message }: UnreadableAnswer): WriteOutcome {
  return { kind: 'unavailable', ambiguous: true, failure: new RequestFailure(message, 200, true) };
}
