/**
 * ConditionalPutFormat speaks PutItem on a condition, for a table that an application writes too. It writes an item if
 * the key has no item, or an older one by the version attribute. An item that is as new or newer, or has no comparable
 * version, stays. The answer of a failed condition contains that item, which distinguishes our own items from the
 * application's.
 *
 * It never deletes. A condition on the version could spare newer items, but nothing would keep the deleted item away.
 * Once the application's tombstone is gone, an older put that lands late finds nothing there, and brings the item back.
 */
import { writeUnits } from '../../core/capacity/capacity-units.js';
import { versionOrder } from '../../core/item/item-version.js';
import type { MappedItem } from '../../core/model.js';
import { isDelete } from '../../core/item/write-operation.js';
import { objectIn, orUnreadable, UnreadableAnswer, unitsIn } from '../http/answer-shape.js';
import { answerBytesOf } from '../http/answer-size.js';
import { keyTextOf, type ItemAttributes, type KeyNames } from '../key-text.js';
import type { QueuedOperation } from './queued-operation.js';
import type { RequestFailure } from '../failures/service-errors.js';
import { NONE, type WriteAnswer, type WriteFormat } from './write-format.js';

export interface WriteCondition {
  /** The attribute that holds the version: a number, or a text of fixed length. Every item has it. */
  readonly attribute: string;
  /** Makes the canonical text of an item as the service answered it. */
  readonly canonicalText: (attributes: ItemAttributes) => string;
  /** Returns the size of an item in bytes, as billed. */
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
    // Keeps nothing for reuse: the request around a new body costs far more.
  }

  /**
   * The request asks for the consumed capacity. So an answer without it is not the service's, and nothing else
   * distinguishes one from `{}`.
   */
  answer(json: string): WriteAnswer {
    return orUnreadable(() => {
      const units = unitsIn(objectIn(JSON.parse(json))['ConsumedCapacity'], this.table);
      return { unprocessed: NONE, newer: NONE, incomparable: false, units, indexed: true };
    });
  }

  /** The answer of a failed condition contains the item that is there. */
  answerBytes(): number {
    return answerBytesOf(1);
  }

  conditionFailed({ reason, item }: RequestFailure, batch: readonly QueuedOperation[]): WriteAnswer | null {
    const [queued] = batch;
    if (reason !== CONDITION_FAILED || queued === undefined) return null;
    // dynalite does not return the item. It is some item that must not be overwritten.
    if (item === undefined) return { ...NOT_WRITTEN, newer: new Set(batch), units: queued.units };
    return orUnreadable(() => this.#keptBy(objectIn(item), queued));
  }

  /**
   * Reads the item that the condition met. A table holds no invalid attribute value, and no version that is not a
   * number or text. It also holds no other key than the key of the write. An answer with one of these comes from
   * something else, and does not count.
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
      // AWS: a write whose condition fails consumes units of the table alone, by the larger of both items.
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
 * Makes the condition. A missing version, or one of another type, makes `<` false: such an item is not overwritten.
 * Texts compare only where they have one length.
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
