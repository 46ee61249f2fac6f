/**
 * WriteOutcomes carries out what the outcome of a request means for each of its operations. An operation is
 * acknowledged; waits for its backoff and is sent again; is refused for good; or fails, and the run with it. Budget,
 * rate feedback and the no-progress deadline get the outcome here.
 *
 * Before an operation that may have been applied is sent again, `onSuspects` has taken its key.
 */
import type { FerryError } from '../../core/errors.js';
import { asFerryError } from '../../core/thrown.js';
import type { Backlog } from './backlog.js';
import { type NoProgressDeadline, retryDelay } from '../failures/backoff.js';
import { BelievableUnits, writeBounds } from '../http/believable-units.js';
import { blamedOn, comparesNothing, refusedItem } from './item-faults.js';
import type { QueuedOperation } from './queued-operation.js';
import type { UnsettledWrites } from './pending-write.js';
import { isDelete } from '../../core/item/write-operation.js';
import { RequestFailure, unavailable } from '../failures/service-errors.js';
import type { WriteCost } from '../capacity/cost-factor.js';
import type { WriteFeedback } from './write-feedback.js';
import type { WriteAnswer, WriteFormat, WriteOutcome } from './write-format.js';
import type { ItemWriterOptions } from './writer-options.js';

/** The parts of the writer that sent the requests. */
export interface WriterParts {
  readonly options: ItemWriterOptions;
  readonly format: WriteFormat;
  readonly backlog: Backlog;
  readonly writes: UnsettledWrites;
  readonly feedback: WriteFeedback;
  readonly deadline: NoProgressDeadline;
  readonly cost: WriteCost;
  /** Ends the run. */
  readonly fail: (error: FerryError) => void;
  /** Drops what waits for writes that have failed. */
  readonly dropFailed: () => void;
}

/** One request, after it was sent. */
export interface SentBatch {
  readonly items: readonly QueuedOperation[];
  /** Write units that the budget was debited. */
  readonly debited: number;
  /** Monotonic ms. */
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
    const { cost } = this.#parts;
    const now = performance.now();
    const { unprocessed, newer } = answer;
    const written = unprocessed.size === 0 ? batch : batch.filter((queued) => !unprocessed.has(queued));
    const computed = sumUnits(written);
    const consumed = this.#units.of(
      answer.units,
      writeBounds(written.length, batch.length, this.#parts.options.indexes),
    );
    const units = consumed ?? computed;
    if (consumed !== null && answer.indexed) {
      const deletes = countDeletes(written);
      cost.learn(units, computed - deletes, deletes);
    }
    if (answer.incomparable) this.#warnOfIncomparable();
    // A throttled operation stays debited. It cost no unit, but attempts that fail must not go out at any rate.
    const estimated = costOf(written, cost);
    const share = unprocessed.size === 0 ? 1 : estimated / costOf(batch, cost);
    budget.settle((consumed ?? estimated) - debited * share);
    this.#parts.feedback.note(
      { batch, units: sumUnits(batch), throttled: unprocessed, hotKeyRange: false, sentAt },
      now,
    );
    budget.noteConsumed(units);
    this.#acknowledge(written, newer, units, estimated);
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
    // A service that takes nothing may answer so with a success too. The deadline counts that as a failure.
    if (written.length === 0 && this.#parts.deadline.exhaustedBy(now)) {
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

  /**
   * Gives each operation its whole-numbered part of what the request consumed, by the estimated costs. The parts add up
   * exactly.
   */
  #acknowledge(
    written: readonly QueuedOperation[],
    newer: ReadonlySet<QueuedOperation>,
    units: number,
    estimated: number,
  ): void {
    const { cost } = this.#parts;
    if (written.length > 0) this.#parts.deadline.progress();
    let estimatedSoFar = 0;
    let givenSoFar = 0;
    for (const queued of written) {
      estimatedSoFar += queued.costBy(cost);
      const given = Math.round((units * estimatedSoFar) / estimated);
      this.#parts.backlog.remove(queued);
      queued.acknowledged(given - givenSoFar, newer.has(queued));
      givenSoFar = given;
      queued.forEachWrite(this.#parts.writes.forgetSettled);
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
      // The request was not applied, so it consumed nothing. A throttled request stays debited, as above.
      if (outcome.kind !== 'throttled') budget.settle(-debited);
    } else if (!this.#recordSuspects(batch)) return;
    if (outcome.kind === 'fatal') {
      this.#giveUp(batch, outcome.error);
    } else if (outcome.kind === 'invalid') {
      this.#bisect(batch, failure);
    } else if (this.#parts.deadline.exhaustedBy(now)) {
      this.#giveUp(batch, unavailable(this.#parts.format.operation, table, failure, retryTimeoutSeconds));
    } else {
      if (outcome.kind === 'throttled') {
        this.#parts.feedback.note(
          { batch, units: sumUnits(batch), throttled: new Set(batch), hotKeyRange, sentAt },
          now,
        );
        emitter.emit('target.throttled', { shard, items: batch.length, reasons: failure.throttlingReasons });
      }
      const throttled = outcome.kind === 'throttled';
      this.#retry(batch, failure.reason, { progressed: false, throttled, hotKeyRange, ambiguous });
    }
  }

  /**
   * @returns false if the keys could not be recorded: then nothing of the batch may be sent again, and the run has
   *   failed
   */
  #recordSuspects(batch: readonly QueuedOperation[]): boolean {
    try {
      this.#parts.options.onSuspects(batch.map((queued) => queued.operation.keyText));
      return true;
    } catch (thrown) {
      this.#giveUp(batch, asFerryError(thrown, 'recording what may have been written'));
      return false;
    }
  }

  #retry(batch: readonly QueuedOperation[], reason: string, how: RetryCircumstances): void {
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
    for (const queued of batch) queued.returned();
    this.#parts.backlog.putBack(batch, delayMs);
    this.#parts.dropFailed();
  }

  /**
   * Splits a batch that the service refused. One bad operation makes it refuse a whole batch, and halves of the batch
   * find it.
   */
  #bisect(batch: readonly QueuedOperation[], failure: RequestFailure): void {
    const [first] = batch;
    if (batch.length === 1 && first !== undefined) {
      this.#refuse(first, failure);
    } else {
      for (const queued of batch) queued.returned();
      this.#parts.backlog.putBackHalves(batch);
    }
    this.#parts.dropFailed();
  }

  /**
   * Refuses one operation. If its row is to blame, the rest of its write continues. Otherwise its write fails at once.
   */
  #refuse(queued: QueuedOperation, failure: RequestFailure): void {
    const error = refusedItem(this.#parts.format.operation, this.#parts.options.table, {
      row: queued.operation.row,
      failure,
    });
    if (blamedOn(error) === null) {
      queued.fail(error);
      this.#parts.backlog.remove(queued);
      queued.returned();
    } else {
      this.#parts.backlog.remove(queued);
      queued.refused(error);
    }
  }

  #giveUp(batch: readonly QueuedOperation[], error: FerryError): void {
    for (const queued of batch) {
      queued.fail(error);
      queued.returned();
      this.#parts.backlog.remove(queued);
    }
    this.#parts.fail(error);
  }
}

type FailedBatch = Exclude<WriteOutcome, { readonly kind: 'answered' }>;

interface RetryCircumstances {
  /** Some operations of the batch were written, so this try did not fail. */
  readonly progressed: boolean;
  readonly throttled: boolean;
  readonly hotKeyRange: boolean;
  readonly ambiguous: boolean;
}

function sumUnits(batch: readonly QueuedOperation[]): number {
  let sum = 0;
  for (const queued of batch) sum += queued.units;
  return sum;
}

/** Returns the units that the batch probably consumes. */
export function costOf(batch: readonly QueuedOperation[], cost: WriteCost): number {
  let sum = 0;
  for (const queued of batch) sum += queued.costBy(cost);
  return sum;
}

function countDeletes(batch: readonly QueuedOperation[]): number {
  let count = 0;
  for (const { operation } of batch) if (isDelete(operation)) count++;
  return count;
}
