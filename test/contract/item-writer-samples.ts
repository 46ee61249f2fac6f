/** Sample items as the mapping would make them, for every test that writes or reads items. */
import type { MappedItem } from '../../src/core/model.js';
import { canonicalItemText } from '../../src/mapping/item/canonical.js';
import { bytesOf } from '../support/mapped-item.js';

export const KEY_NAMES = { partitionKey: 'pk', sortKey: 'sk' } as const;
export const TABLE_KEYS = { partitionKey: { name: 'pk', type: 'S' }, sortKey: { name: 'sk', type: 'S' } } as const;

/** Makes one item of a new row. `body` may be any text. */
export function sampleItem(partition: string, sort: string, body = 'text', version = '1'): MappedItem {
  const pk = { S: partition };
  const sk = { S: sort };
  return {
    ...bytesOf(canonicalItemText({ pk, sk, body: { S: body }, v: { N: version } })),
    // Few hashes: the writer must tell keys apart by more.
    keyHash: sort.length,
    keyText: JSON.stringify({ pk, sk }),
    partition: JSON.stringify(pk),
    // The version is a number of two digits at most.
    bytes: [partition, sort, body, 'pk', 'sk', 'body', 'v', 'NN'].reduce(
      (sum, part) => sum + Buffer.byteLength(part),
      0,
    ),
    expiresAt: null,
    row: [partition, sort, body],
    cell: (column) => [partition, sort, body][column] ?? null,
    sharesCell: () => false,
  };
}

/** `count` items over `partitions` partition keys, in key order of none of them. */
export function sampleItems(count: number, partitions: number, prefix = 'A', body = 'text'): MappedItem[] {
  return Array.from({ length: count }, (_, i) =>
    sampleItem(`${prefix}#${String(i % partitions)}`, String(i).padStart(6, '0'), body),
  );
}
