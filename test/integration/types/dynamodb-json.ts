/** Items as the SDK reads them, as DynamoDB JSON: binary in base64, sets in order of their members. */
import type { AttributeValue } from '@aws-sdk/client-dynamodb';
import type { Item } from '../../support/dynamodb.js';

export type Json = Readonly<Record<string, unknown>>;

export function itemJson(item: Item): Json {
  return Object.fromEntries(Object.entries(item).map(([name, value]) => [name, valueJson(value)]));
}

function valueJson(value: AttributeValue): Json {
  if (value.B !== undefined) return { B: Buffer.from(value.B).toString('base64') };
  if (value.L !== undefined) return { L: value.L.map(valueJson) };
  if (value.M !== undefined) return { M: itemJson(value.M) };
  if (value.SS !== undefined) return { SS: [...value.SS].sort() };
  return { ...value };
}

/** Items by their keys `pk` and `sk`, for a comparison that names what differs. */
export function byKey(items: readonly Json[]): Json {
  const text = (value: unknown): string => (value as { readonly S: string }).S;
  return Object.fromEntries(items.map((item) => [`${text(item['pk'])}: ${text(item['sk'])}`, item]));
}
