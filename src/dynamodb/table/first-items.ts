/**
 * Looks whether a table holds items, and reads the keys of the first ones. It is for a table that this migration has
 * not written to yet.
 *
 * It sends one Scan of one item, and if the table is not empty, a Scan of one page. Both are eventually consistent, so
 * an item of the last seconds may be missing.
 */
import { ScanCommand, type AttributeValue } from '@aws-sdk/client-dynamodb';
import type { TargetConnection } from '../client.js';
import type { TableKeys } from './describe-table.js';
import { callService } from './sdk-call.js';

/** The most items of the page. Their keys fit into an answer (`call-answers.ts`), whatever characters they have. */
const PAGE_ITEMS = 50;

/** The text keys of an item; null: the attribute is not of type S. They are row values, so no message shows them. */
export interface ItemKeys {
  readonly partitionKey: string | null;
  readonly sortKey: string | null;
}

/** Contents of a table: nothing, the keys of its first items, or `denied`, if the role may not Scan it. */
export type FirstItems = 'none' | 'denied' | readonly ItemKeys[];

/** @throws FerryError E_TARGET_*, E_INTERRUPTED */
export async function lookForItems(
  connection: TargetConnection,
  table: string,
  keys: TableKeys,
  signal: AbortSignal,
): Promise<FirstItems> {
  const one = await scan(connection, table, keys, 1, signal);
  if (one === 'none' || one === 'denied') return one;
  const page = await scan(connection, table, keys, PAGE_ITEMS, signal);
  return page === 'none' || page === 'denied' ? one : page;
}

async function scan(
  connection: TargetConnection,
  table: string,
  { partitionKey, sortKey }: TableKeys,
  limit: number,
  signal: AbortSignal,
): Promise<FirstItems> {
  const names = [partitionKey, ...(sortKey === null ? [] : [sortKey])].map(({ name }, index) => [`#k${index}`, name]);
  const command = new ScanCommand({
    TableName: table,
    Limit: limit,
    ProjectionExpression: names.map(([placeholder]) => placeholder).join(', '),
    ExpressionAttributeNames: Object.fromEntries(names) as Record<string, string>,
  });
  const send = async (): Promise<FirstItems> => {
    const { Items: items = [], LastEvaluatedKey: last } = await connection.client.send(command, {
      abortSignal: signal,
    });
    // A page may be empty although the table is not: then the key at which the service stopped is an item's.
    if (items.length === 0) return last === undefined ? 'none' : [keysOf(last)];
    return items.map(keysOf);
  };
  const keysOf = (item: Readonly<Record<string, AttributeValue>>): ItemKeys => ({
    partitionKey: item[partitionKey.name]?.S ?? null,
    sortKey: sortKey === null ? null : (item[sortKey.name]?.S ?? null),
  });
  return await callService('Scan', table, signal, send, { AccessDeniedException: () => 'denied' });
}
