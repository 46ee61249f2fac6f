/**
 * Turns answers of the hot operations into facts. An answer of another shape than the API's model gives, or about a
 * table that was not requested, is not from DynamoDB: nothing in it counts.
 *
 * The checks are hand-written, since most of them are about the request (tables, keys, doubles), which a schema cannot
 * know. They take 0.2 us of the 700 us of a batch; zod would cost as much. The rare calls have a schema each
 * (`call-answers.ts`).
 *
 * Covered: every output that is read, hot (BatchWriteItem, BatchGetItem, PutItem and the item of its failed condition)
 * or through the SDK (CreateTable, DescribeTable, DescribeTimeToLive, UpdateTimeToLive). Nothing here sends a Query or
 * a Scan. A false statement in the right shape shows in the checksum alone (`answer-seal.ts`).
 */
import { ANSWER_FAULTS } from '../failures/answer-faults.js';

/** An answer that is not of its operation's shape, or does not fit the request. */
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

/** AWS's model: lists in maps by table have a member at least. @throws UnreadableAnswer */
export function listIn(value: unknown, least = 1): readonly unknown[] {
  if (!Array.isArray(value) || value.length < least) throw new UnreadableAnswer();
  return value;
}

/**
 * What a map by tables holds for the one that was asked for.
 * @returns undefined where it has none @throws UnreadableAnswer where it is no map, or has another table
 */
export function ofTable(map: unknown, table: string): unknown {
  const entries = Object.entries(objectIn(map));
  const [first] = entries;
  if (first === undefined) return undefined;
  if (entries.length > 1 || !isTable(first[0], table)) throw new UnreadableAnswer();
  return first[1];
}

/**
 * AWS answers a table by its name or by its ARN, `arn:aws:dynamodb:eu-west-1:1:table/name`, whichever it was asked by.
 */
export function isTable(answered: unknown, asked: string): boolean {
  return typeof answered === 'string' && (answered === asked || nameIn(answered) === nameIn(asked));
}

function nameIn(table: string): string {
  return table.startsWith('arn:') ? table.slice(table.lastIndexOf('/') + 1) : table;
}

/**
 * The CapacityUnits of one ConsumedCapacity: the whole of table and indexes, whether `INDEXES` is honoured or answered
 * as `TOTAL`. Whether they can be true is another question: `believable-units.ts`.
 * @throws UnreadableAnswer
 */
export function unitsIn(capacity: unknown, table: string): number {
  const { TableName, CapacityUnits } = objectIn(capacity);
  if (typeof CapacityUnits !== 'number') throw new UnreadableAnswer();
  if (TableName !== undefined && !isTable(TableName, table)) throw new UnreadableAnswer();
  return CapacityUnits;
}

/**
 * Sums the CapacityUnits of a list, as the batch operations answer it; null where the service does not say.
 * @throws UnreadableAnswer
 */
export function unitsInList(capacities: unknown, table: string): number | null {
  if (capacities === undefined) return null;
  const list = listIn(capacities, 0);
  return list.length === 0 ? null : list.reduce<number>((sum, capacity) => sum + unitsIn(capacity, table), 0);
}

/**
 * @returns what `read` makes of the answer
 * @throws UnreadableAnswer whatever `read` throws: it trips over what no service sends
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
