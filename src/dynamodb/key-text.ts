/**
 * The item key as text, `{"pk":{"S":"..."},"sk":{"N":"..."}}`: partition key first, minimal JSON escapes. It equals
 * MappedItem.keyText for the same key, so items named in an answer find the items that were sent.
 */

export interface KeyNames {
  readonly partitionKey: string;
  /** null: the table has only a partition key. */
  readonly sortKey: string | null;
}

/**
 * Item attributes as JSON.parse gives them from DynamoDB JSON: by name, then by type tag; numbers are strings there.
 */
export type ItemAttributes = Readonly<Record<string, unknown>>;

/** @returns null if the attributes lack a part of the key */
export function keyTextOf(attributes: ItemAttributes, names: KeyNames): string | null {
  const partition = attributes[names.partitionKey];
  if (partition === undefined) return null;
  const partitionText = `{${JSON.stringify(names.partitionKey)}:${JSON.stringify(partition)}`;
  if (names.sortKey === null) return `${partitionText}}`;
  const sort = attributes[names.sortKey];
  if (sort === undefined) return null;
  return `${partitionText},${JSON.stringify(names.sortKey)}:${JSON.stringify(sort)}}`;
}
