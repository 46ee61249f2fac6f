/**
 * PutItem on a condition, for a table that an application writes too: an item goes where there is none, or an older one
 * by the attribute that holds the version. What is as new, newer, or without a comparable version stays as it is; the
 * refusal brings it along, so that an item of our own that is there already is told from one of the application's.
 *
 * Nothing is deleted this way. A condition on the version could spare newer items, but no condition keeps what was
 * deleted away: once the application's tombstone is gone, or the item that it would replace, any older put that lands
 * late finds nothing there, and brings the item back.
 */
import { writeUnits } from '../../core/capacity-units.js';
import { versionOrder } from '../../core/item-version.js';
import type { MappedItem } from '../../core/model.js';
import { isDelete } from '../../core/write-operation.js';
import { objectIn, orUnreadable, UnreadableAnswer, unitsIn } from '../http/answer-shape.js';
import { answerBytesOf } from '../http/answer-size.js';
import { keyTextOf, type ItemAttributes, type KeyNames } from '../key-text.js';
import type { QueuedOperation } from './queued-operation.js';
import type { RequestFailure } from '../failures/service-errors.js';
import { NONE, type WriteAnswer, type WriteFormat } from './write-format.js';

export interface WriteCondition {
  /** The attribute that holds the version: a number, or a text of fixed length. Every item has it. */
  readonly attribute: string;
  /** The canonical text of an item as the service answered it. */
  readonly canonicalText: (attributes: ItemAttributes) => string;
  /** Its size as billed. */
  readonly storedBytes: (attributes: ItemAttributes) => number;
}

const CONDITION_FAILED = 'ConditionalCheckFailedException';
const NOT_WRITTEN = { unprocessed: NONE, incomparable: false, indexed: false } as const;

export class ConditionalPutFormat implements WriteFormat {
  readonly operation = 'PutItem';
  readonly maxItems = 1;
  readonly takesDeletes = false;
  readonly #head: string;

  constructor(
    readonly table: string,
    private readonly names: KeyNames,
    private readonly condition: WriteCondition,
  ) {
    const placeholders = JSON.stringify({ '#key': names.partitionKey, '#version': condition.attribute });
    this.#head =
      `{"TableName":${JSON.stringify(table)},"ReturnConsumedCapacity":"INDEXES",` +
      `"ReturnValuesOnConditionCheckFailure":"ALL_OLD","ExpressionAttributeNames":${placeholders},`;
  }

  body([queued]: readonly QueuedOperation[]): Buffer {
    if (queued === undefined) throw new TypeError('an empty batch');
    const { buffer, start, end, text } = itemOf(queued);
    const head = Buffer.from(`${this.#head}${conditionText(this.#versionIn(text))},"Item":`);
    return Buffer.concat([head, buffer.subarray(start, end), CLOSING]);
  }

  release(): void {
    // Each body is made anew: the request around it costs far more.
  }

  /**
   * It asks for what was consumed, so an answer without that is none of the service: nothing else tells one from `{}`.
   */
  answer(json: string): WriteAnswer {
    return orUnreadable(() => {
      const units = unitsIn(objectIn(JSON.parse(json))['ConsumedCapacity'], this.table);
      return { unprocessed: NONE, newer: NONE, incomparable: false, units, indexed: true };
    });
  }

  /** A refusal brings the item that is there. */
  answerBytes(): number {
    return answerBytesOf(1);
  }

  conditionFailed({ reason, item }: RequestFailure, batch: readonly QueuedOperation[]): WriteAnswer | null {
    const [queued] = batch;
    if (reason !== CONDITION_FAILED || queued === undefined) return null;
    // A service that does not say what is there (dynalite): it is some item that must not be overwritten.
    if (item === undefined) return { ...NOT_WRITTEN, newer: new Set(batch), units: queued.units };
    return orUnreadable(() => this.#keptBy(objectIn(item), queued));
  }

  /**
   * No table holds what is no attribute value, a version that is no number, or another key than the one that was
   * written to: such an item is none of the application's that could be left alone, but an answer of something else, of
   * which nothing is believed.
   */
  #keptBy(item: ItemAttributes, queued: QueuedOperation): WriteAnswer {
    const text = this.condition.canonicalText(item);
    if (keyTextOf(JSON.parse(text) as ItemAttributes, this.names) !== queued.operation.keyText)
      throw new UnreadableAnswer();
    const sent = itemOf(queued).text;
    const ours = text === sent;
    const order = versionOrder(this.#versionIn(text), this.#versionIn(sent));
    return {
      ...NOT_WRITTEN,
      newer: ours ? NONE : new Set([queued]),
      incomparable: order === 'incomparable',
      // AWS: a refused write consumes by the larger of both items, of the table alone.
      units: Math.max(queued.units, writeUnits(this.condition.storedBytes(item))),
    };
  }

  #versionIn(text: string): unknown {
    return (JSON.parse(text) as ItemAttributes)[this.condition.attribute];
  }
}

const CLOSING = Buffer.from('}');

/** @throws TypeError for a delete, which the writer refuses before it is queued */
function itemOf({ operation }: QueuedOperation): MappedItem {
  if (isDelete(operation)) throw new TypeError('a delete has no condition');
  return operation;
}

/**
 * A missing or differently typed version makes `<` false, so that such an item is not overwritten; texts also of one
 * length only.
 */
function conditionText(version: unknown): string {
  const text = typeof version === 'object' && version !== null && 'S' in version ? String(version.S) : null;
  const expression =
    text === null
      ? 'attribute_not_exists(#key) OR #version < :version'
      : 'attribute_not_exists(#key) OR (#version < :version AND size(#version) = :length)';
  const values = {
    ':version': version,
    ...(text === null ? {} : { ':length': { N: String(Buffer.byteLength(text)) } }),
  };
  return `"ConditionExpression":${JSON.stringify(expression)},"ExpressionAttributeValues":${JSON.stringify(values)}`;
}
