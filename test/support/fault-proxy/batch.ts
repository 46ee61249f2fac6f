/** The hot requests, taken apart: BatchWriteItem, BatchGetItem, and PutItem as a batch of one. */

export interface Batch {
  readonly table: string;
  readonly entries: readonly unknown[];
  /** The body of the same request with these entries alone. */
  withEntries(entries: readonly unknown[]): string;
}

interface Body {
  readonly TableName?: string;
  readonly Item?: unknown;
  readonly RequestItems?: Record<string, unknown[] | { Keys: unknown[] }>;
}

const HOT_OPERATIONS: ReadonlySet<string> = new Set(['BatchWriteItem', 'BatchGetItem', 'PutItem']);

/** @returns null for all other operations */
export function parseBatch(operation: string, body: string): Batch | null {
  if (!HOT_OPERATIONS.has(operation)) return null;
  const request = JSON.parse(body) as Body;
  if (operation === 'PutItem') {
    const entry = { PutRequest: { Item: request.Item } };
    return { table: request.TableName ?? '', entries: [entry], withEntries: () => body };
  }
  const [table = '', operations = []] = Object.entries(request.RequestItems ?? {})[0] ?? [];
  const wrap = (entries: readonly unknown[]): unknown =>
    Array.isArray(operations) ? entries : { ...operations, Keys: entries };
  return {
    table,
    entries: Array.isArray(operations) ? operations : operations.Keys,
    withEntries: (entries) => JSON.stringify({ ...request, RequestItems: { [table]: wrap(entries) } }),
  };
}
