/**
 * What came of a request of the item writer, and what follows from it for each of its items: acknowledged; parked for
 * its backoff and sent again; told to be refused; or given up, and the run with it. Budget, feedback on the rate and
 * patience hear of it here.
 *
 * A request that may have been applied is told to `onSuspects` before anything of it is sent again.
 */
import type { FerryError } from '../../core/errors.js';
import { asFerryError } from '../../core/thrown.js';
import type { Backlog } from './backlog.js';
import { type Patience, retryDelay } from '../failures/backoff.js';
import { BelievableUnits, writeBounds } from '../http/believable-units.js';
import { blamedOn, comparesNothing, refusedItem } from './item-faults.js';
import type { QueuedItem } from './partition-queue.js';
import type { OpenWrites } from './pending-write.js';
import { RequestFailure, unavailable } from '../failures/service-errors.js';
import type { CostFactor } from '../capacity/unit-estimate.js';
import type { WriteFeedback } from './write-feedback.js';
import type { WriteAnswer, WriteFormat, WriteOutcome } from './write-format.js';
import type { ItemWriterOptions } from './writer-options.js';

/** Of the writer whose requests these are. */
export interface WriterParts {
  readonly options: ItemWriterOptions;
  readonly format: WriteFormat;
  readonly backlog: Backlog;
  readonly writes: OpenWrites;
  readonly feedback: WriteFeedback;
  readonly patience: Patience;
  readonly cost: CostFactor;
  /** Ends the run. */
  readonly fail: (error: FerryError) => void;
  /** Drops what waits for writes that have failed. */
  readonly dropFailed: () => void;
}

/** One request, after it was sent. */
export interface SentBatch {
  readonly items: readonly QueuedItem[];
  /** Units that the budget was debited with. */
  readonly debited: number;
  /** performance.now() */
  readonly sentAt: number;
}

const UNPROCESSED = 'UnprocessedItems';

export class WriteOutcomes {
  readonly #parts: WriterParts;
  readonly #units: BelievableUnits;
  #warned = false;

  constructor(parts: WriterParts) {
    this.#parts = parts;
    const { options, format } = parts;
    this.#units = new BelievableUnits(options.emitter, options.shard, format.operation);
  }

  take(sent: SentBatch, outcome: WriteOutcome): void {
    if (outcome.kind === 'answered') this.#answered(sent, outcome.answer);
    else this.#failed(sent, outcome);
  }

  // -------------------------------------------------------------------------------------------------------- answered

  #answered({ items: batch, debited, sentAt }: SentBatch, answer: WriteAnswer): void {
    const { shard, table, budget, emitter, retryTimeoutSeconds } = this.#parts.options;
    const now = performance.now();
    const { unprocessed, newer } = answer;
    const written = unprocessed.size === 0 ? batch : batch.filter((queued) => !unprocessed.has(queued));
    const computed = sumUnits(written);
    const consumed = this.#units.of(
      answer.units,
      writeBounds(written.length, batch.length, this.#parts.options.indexes),
    );
    const units = consumed ?? computed;
    if (consumed !== null && answer.indexed) this.#parts.cost.learn(units, computed);
    if (answer.incomparable) this.#warnOfIncomparable();
    // What was refused stays debited: it cost no unit, but attempts for nothing would else go out at any rate.
    const tried = sumUnits(batch);
    budget.settle((consumed ?? computed * this.#parts.cost.factor) - debited * (computed / tried));
    this.#parts.feedback.note({ batch, units: tried, refused: unprocessed, hotKeyRange: false, sentAt }, now);
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
    if (written.length === 0 && this.#parts.patience.exhaustedBy(now)) {
      const failure = new RequestFailure(UNPROCESSED, 200, true);
      this.#giveUp(batch, unavailable(this.#parts.format.operation, table, failure, retryTimeoutSeconds));
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
    if (written.length > 0) this.#parts.patience.progress();
    let computedSoFar = 0;
    let givenSoFar = 0;
    for (const queued of written) {
      computedSoFar += queued.units;
      const given = Math.round((units * computedSoFar) / computed);
      this.#parts.backlog.remove(queued);
      queued.write.acknowledged(given - givenSoFar, newer.has(queued));
      givenSoFar = given;
      this.#parts.writes.forgetSettled(queued.write);
    }
  }

  #warnOfIncomparable(): void {
    if (this.#warned) return;
    this.#warned = true;
    const { shard, table, condition, emitter } = this.#parts.options;
    emitter.emit('shard.warning', { shard, ...comparesNothing(table, condition?.attribute ?? '') });
  }

  // ---------------------------------------------------------------------------------------- not answered, or refused

  #failed({ items: batch, debited, sentAt }: SentBatch, outcome: FailedBatch): void {
    const { shard, table, budget, emitter, retryTimeoutSeconds } = this.#parts.options;
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
    } else if (this.#parts.patience.exhaustedBy(now)) {
      this.#giveUp(batch, unavailable(this.#parts.format.operation, table, failure, retryTimeoutSeconds));
    } else {
      if (outcome.kind === 'throttled') {
        this.#parts.feedback.note({ batch, units: sumUnits(batch), refused: new Set(batch), hotKeyRange, sentAt }, now);
        emitter.emit('target.throttled', { shard, items: batch.length, reasons: failure.throttlingReasons });
      }
      const throttled = outcome.kind === 'throttled';
      this.#retry(batch, failure.reason, { progressed: false, throttled, hotKeyRange, ambiguous });
    }
  }

  /** @returns false where they could not be recorded: then nothing of them may be sent again, and the run has failed */
  #recordSuspects(batch: readonly QueuedItem[]): boolean {
    try {
      this.#parts.options.onSuspects(batch.map((queued) => queued.item.keyText));
      return true;
    } catch (thrown) {
      this.#giveUp(batch, asFerryError(thrown, 'recording what may have been written'));
      return false;
    }
  }

  #retry(batch: readonly QueuedItem[], reason: string, how: RetryCircumstances): void {
    let attempt = 0;
    for (const queued of batch) {
      if (!how.progressed) queued.attempts++;
      attempt = Math.max(attempt, queued.attempts);
    }
    const { shard, emitter, random = Math.random } = this.#parts.options;
    const delayMs = retryDelay(attempt, random, how.hotKeyRange);
    emitter.emit('request.retried', {
      shard,
      operation: this.#parts.format.operation,
      reason,
      attempt,
      delayMs,
      throttled: how.throttled,
      ambiguous: how.ambiguous,
    });
    this.#parts.backlog.putBack(batch, delayMs);
    for (const queued of batch) queued.write.returned();
    this.#parts.dropFailed();
  }

  /** One bad item makes the service refuse a whole batch: halves of it find the one. */
  #bisect(batch: readonly QueuedItem[], failure: RequestFailure): void {
    const [first] = batch;
    if (batch.length === 1 && first !== undefined) {
      this.#refuse(first, failure);
    } else {
      this.#parts.backlog.putBackHalves(batch);
      for (const queued of batch) queued.write.returned();
    }
    this.#parts.dropFailed();
  }

  /** Where its row is to blame, the rest of its write goes on; else its write alone fails at once. */
  #refuse(queued: QueuedItem, failure: RequestFailure): void {
    const error = refusedItem(this.#parts.format.operation, this.#parts.options.table, {
      row: queued.item.row,
      failure,
    });
    if (blamedOn(error) === null) {
      queued.write.fail(error);
      this.#parts.backlog.remove(queued);
      queued.write.returned();
    } else {
      this.#parts.backlog.remove(queued);
      queued.write.refused(error);
    }
  }

  #giveUp(batch: readonly QueuedItem[], error: FerryError): void {
    for (const queued of batch) {
      queued.write.fail(error);
      queued.write.returned();
      this.#parts.backlog.remove(queued);
    }
    this.#parts.fail(error);
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

export function sumUnits(batch: readonly QueuedItem[]): number {
  let sum = 0;
  for (const queued of batch) sum += queued.units;
  return sum;
}
