/**
 * Turns answers of the hot operations into facts. If an answer has another shape than the API's model, or another table
 * than requested, it is not from DynamoDB: nothing in it counts.
 *
 * The checks are hand-written, since most of them compare with the request (tables, keys, duplicates), which a schema
 * cannot know. They take 0.2 us of the 700 us of a batch; zod would cost as much. Each rare call has a schema
 * (`call-answers.ts`).
 *
 * Covered is every output that dynaferry reads. Hot: BatchWriteItem, BatchGetItem, PutItem and the item of its failed
 * condition. Through the SDK: CreateTable, DescribeTable, DescribeTimeToLive, UpdateTimeToLive. Nothing here sends a
 * Query or a Scan. Only the checksum shows a false statement in the right shape (`answer-seal.ts`).
 */
import { ANSWER_FAULTS } from '../failures/answer-faults.js';

/** An answer that lacks its operation's shape, or does not fit the request. */
export class UnreadableAnswer extends Error {
  constructor(message = ANSWER_FAULTS.unreadable, options?: ErrorOptions) {
    super(message, options);
  }
}

export type JsonObject = Readonly<Record<string, unknown>>;

export function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** @throws UnreadableAnswer */
export function objectIn(value: unknown): JsonObject {
  if (!isObject(value)) throw new UnreadableAnswer();
  return value;
}

/**
 * Returns the value as a list. In AWS's model, a list in a map by tables has at least one member. @throws
 * UnreadableAnswer
 */
export function listIn(value: unknown, least = 1): readonly unknown[] {
  if (!Array.isArray(value) || value.length < least) throw new UnreadableAnswer();
  return value;
}

/**
 * Returns what a map by tables holds for the requested table.
 * @returns undefined if the map is empty
 * @throws UnreadableAnswer if it is not a map, or has another table
 */
export function ofTable(map: unknown, table: string): unknown {
  const entries = Object.entries(objectIn(map));
  const [first] = entries;
  if (first === undefined) return undefined;
  if (entries.length > 1 || !isTable(first[0], table)) throw new UnreadableAnswer();
  return first[1];
}

/**
 * Compares tables by name. AWS answers with the name or the ARN, `arn:aws:dynamodb:eu-west-1:1:table/name`, as the
 * request named it.
 */
export function isTable(answered: unknown, asked: string): boolean {
  return typeof answered === 'string' && (answered === asked || nameIn(answered) === nameIn(asked));
}

function nameIn(table: string): string {
  return table.startsWith('arn:') ? table.slice(table.lastIndexOf('/') + 1) : table;
}

/**
 * Returns the CapacityUnits of one ConsumedCapacity: the sum of table and indexes. It is the same whether the service
 * honours `INDEXES` or answers with `TOTAL`. `believable-units.ts` judges whether they can be true.
 * @throws UnreadableAnswer
 */
export function unitsIn(capacity: unknown, table: string): number {
  const { TableName, CapacityUnits } = objectIn(capacity);
  if (typeof CapacityUnits !== 'number') throw new UnreadableAnswer();
  if (TableName !== undefined && !isTable(TableName, table)) throw new UnreadableAnswer();
  return CapacityUnits;
}

/**
 * Sums the CapacityUnits of a list, as the batch operations answer it; null if the answer has none.
 * @throws UnreadableAnswer
 */
export function unitsInList(capacities: unknown, table: string): number | null {
  if (capacities === undefined) return null;
  const list = listIn(capacities, 0);
  return list.length === 0 ? null : list.reduce<number>((sum, capacity) => sum + unitsIn(capacity, table), 0);
}

/**
 * @returns what `read` makes of the answer
 * @throws UnreadableAnswer for whatever `read` throws: it fails on what no service sends
 */
export function orUnreadable<T>(read: () => T): T {
  try {
    return read();
  } catch (thrown) {
    throw thrown instanceof UnreadableAnswer
      ? thrown
      : new UnreadableAnswer(ANSWER_FAULTS.unreadable, { cause: thrown });
  }
}
