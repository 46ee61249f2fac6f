/** Computes the capacity units that reading and writing an item costs, from its size as billed. */

const BYTES_PER_WRITE_UNIT = 1024;
const BYTES_PER_READ_UNIT = 4096;

/**
 * Returns the write units of one item in the base table: whole KB, rounded up for each item (AWS, write capacity
 * units).
 */
export function writeUnits(itemBytes: number): number {
  return Math.max(1, Math.ceil(itemBytes / BYTES_PER_WRITE_UNIT));
}

/**
 * Returns the read units of one strongly consistent read: 4 KB each, rounded up for each item (AWS, read capacity
 * units).
 */
export function readUnits(itemBytes: number): number {
  return Math.max(1, Math.ceil(itemBytes / BYTES_PER_READ_UNIT));
}
