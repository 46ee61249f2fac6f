/**
 * What the machine lets one process have. A container's limit counts, where it is below what the machine has: beyond it the kernel ends
 * the process without a word.
 */
import { constants } from 'node:buffer';
import { totalmem } from 'node:os';

/** Bytes of memory that this process may have, of the machine or of its container. */
export function memoryLimit(): number {
  // 0 or beyond the machine's: there is no limit (Node, process.constrainedMemory).
  const constrained = process.constrainedMemory();
  return constrained > 0 ? Math.min(constrained, totalmem()) : totalmem();
}

/**
 * Copies of a row that are in memory at once while it is read and mapped: the driver's packets and their sum, the block, its cells as
 * text and the bytes that prove the text exact; and as much again for all else. Measured: see test/integration/mysql/large-rows.test.ts.
 */
const COPIES_OF_A_ROW = 8;

/** Cells are read as strings, of which V8 has none longer: `buffer.constants.MAX_STRING_LENGTH`, 512 MiB. */
const LONGEST_TEXT = constants.MAX_STRING_LENGTH;

/** Bytes of the largest row, as MySQL sends it, that a process with so much memory takes; larger ones are refused, with E_ROW_TOO_LARGE. */
export function largestRow(memory: number = memoryLimit()): number {
  return Math.min(LONGEST_TEXT, Math.floor(memory / COPIES_OF_A_ROW));
}
