/**
 * How many bytes one answer of a server may have. Rows come as large as their columns allow, up to 1 GB each, and
 * nobody knows before; so an answer is measured while it arrives, by what the socket has received, and given up where
 * it is too large: the driver holds a row whole before it hands it on, so that counting rows would be too late. Whoever
 * asked for several rows asks for fewer; one row that is larger than the machine can take is refused, with what to do.
 *
 * How far the kind was followed ("memory for what others have stored"): scans, look-ups by key (`at`, `find`,
 * `matching`), samples, whole tables; each statement of a session has a bound. LENGTH() is not asked for: MySQL reads a
 * LOB whole to tell its length, so that the source would read every one twice.
 */
import { constants } from 'node:buffer';
import { readFileSync } from 'node:fs';
import { totalmem } from 'node:os';
import { controlGroupFolders, limitIn } from '../../core/control-groups.js';
import { FerryError } from '../../core/errors.js';

/**
 * Ends a statement whose answer has come to too many bytes. Its code is for one row: there is no smaller part to ask
 * for.
 */
export class AnswerTooLarge extends FerryError {
  constructor(shard: string, bytes: number) {
    super(
      'E_ROW_TOO_LARGE',
      `shard ${shard}: MySQL sent a row of more than ${mebibytes(bytes)} MiB, the limit for this machine's memory`,
      'drop its largest column in the mapping (`drop`), or exclude the row with `where`; or give the process more memory: a row needs about eight times its size',
    );
  }
}

/** Of a row beyond its cells, in an answer: the packet's header, the marker, the length of each cell. */
const ROW_OVERHEAD_BYTES = 64;
const CELL_OVERHEAD_BYTES = 9;
/** Of TLS: a record of 16 KiB has about 30 bytes of its own, and small ones come too. */
const TLS_SHARE = 1.1;

/**
 * Bytes that rows with such cells take on their way at most.
 * @param cells sum of their lengths
 * @param width cells a row
 */
export function answerBytes(cells: number, rows: number, width: number): number {
  return (cells + rows * (ROW_OVERHEAD_BYTES + CELL_OVERHEAD_BYTES * width)) * TLS_SHARE;
}

let mostBytesOfOneRow: number | undefined;

/**
 * Bytes of an answer that one row may have, with all else that comes with it. The limit is that of the first call: the
 * kernel reads some ten files for it, and each statement asks.
 */
export function mostOfOneRow(): number {
  return (mostBytesOfOneRow ??= largestRow());
}

function mebibytes(bytes: number): number {
  return Math.floor(bytes / 2 ** 20);
}

/** Bytes of memory that this process may have, of the machine, of its container or of a control group around that. */
export function memoryLimit(read: (file: string) => string = contentOf): number {
  // 0 or beyond the machine's: there is no limit (Node, process.constrainedMemory). It looks at no group above the
  // process's own.
  const constrained = process.constrainedMemory();
  const groups = controlGroupFolders(read('/proc/self/cgroup'), 'memory').flatMap((folder) => [
    limitIn(read(`${folder}/memory.max`)) ?? Infinity,
    limitIn(read(`${folder}/memory.limit_in_bytes`)) ?? Infinity,
  ]);
  return Math.min(totalmem(), constrained > 0 ? constrained : Infinity, ...groups);
}

function contentOf(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return '';
  }
}

/**
 * Copies of a row that are in memory at once while it is read and mapped: the driver's packets and their sum, the
 * block, its cells as text and the bytes that prove the text exact; and as much again for all else. An estimate on the
 * safe side: a dry run of four rows of 300 MiB had 1,068 MiB at its peak.
 */
const COPIES_OF_A_ROW = 8;

/** Cells are read as strings, of which V8 has none longer: `buffer.constants.MAX_STRING_LENGTH`, 512 MiB. */
const LONGEST_TEXT = constants.MAX_STRING_LENGTH;

/**
 * Bytes of the largest row, as MySQL sends it, that a process with so much memory takes; larger ones are refused, with
 * E_ROW_TOO_LARGE.
 */
export function largestRow(memory: number = memoryLimit()): number {
  return Math.min(LONGEST_TEXT, Math.floor(memory / COPIES_OF_A_ROW));
}
