/**
 * Limits how many bytes one answer of a server may have. Rows are as large as their columns allow, up to 1 GB each, and
 * their size is not known in advance. So dynaferry counts the bytes that the socket has received while the answer
 * arrives, and gives up an answer that is too large. Counting rows would be too late, since the driver holds a row
 * whole before it passes it on. A caller that asked for several rows then asks for fewer. If a single row is larger
 * than this machine can take, dynaferry refuses it, and says what to do.
 *
 * The limit applies to each statement of a session: scans, look-ups by key (`at`, `find`, `matching`), samples and
 * whole tables. We do not ask for LENGTH(): MySQL reads a whole LOB to get its length, so the source would read every
 * LOB twice.
 */
import { constants } from 'node:buffer';
import { readFileSync } from 'node:fs';
import { totalmem } from 'node:os';
import { controlGroupFolders, limitIn } from '../../core/machine/control-groups.js';
import { FerryError } from '../../core/errors.js';

/** Reports that an answer has grown to too many bytes. Its code is for one row: no smaller part is left to ask for. */
export class AnswerTooLarge extends FerryError {
  constructor(shard: string, bytes: number) {
    super(
      'E_ROW_TOO_LARGE',
      `shard ${shard}: MySQL sent a row of more than ${mebibytes(bytes)} MiB, the limit for this machine's memory`,
      'drop its largest column in the mapping (`drop`), or exclude the row with `where`. Or give the process more memory: a row needs about eight times its size',
    );
  }
}

/** Bytes of a row besides its cells, in an answer: the packet's header, the marker, the length of each cell. */
const ROW_OVERHEAD_BYTES = 64;
const CELL_OVERHEAD_BYTES = 9;
/** Share that TLS adds: a record of 16 KiB has about 30 bytes of its own, and some records are smaller. */
const TLS_SHARE = 1.1;

/**
 * Returns the most bytes that rows with such cells take on the network.
 * @param cells sum of the cells' lengths, in bytes
 * @param width cells a row
 */
export function answerBytes(cells: number, rows: number, width: number): number {
  return (cells + rows * (ROW_OVERHEAD_BYTES + CELL_OVERHEAD_BYTES * width)) * TLS_SHARE;
}

let mostBytesOfOneRow: number | undefined;

/**
 * Returns the most bytes that an answer with one row may have, all overhead included. The first call fixes the limit:
 * the kernel reads some ten files for it, and each statement asks.
 */
export function mostOfOneRow(): number {
  return (mostBytesOfOneRow ??= largestRow());
}

function mebibytes(bytes: number): number {
  return Math.floor(bytes / 2 ** 20);
}

/**
 * Returns the bytes of memory that this process may use: the limit of the machine, the container or an outer control
 * group.
 */
export function memoryLimit(read: (file: string) => string = contentOf): number {
  // 0, or more than the machine has, means that there is no limit (Node, process.constrainedMemory). Node does not look
  // at groups above the process's own.
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
 * Copies of a row that are in memory at once while dynaferry reads and maps it. They are the driver's packets and their
 * sum, the block, its cells as text and the bytes that prove the text exact. Everything else needs as much again. This
 * is an estimate on the safe side: a dry run of four rows of 300 MiB had 1,068 MiB at its peak.
 */
const COPIES_OF_A_ROW = 8;

/** Cells become strings, and V8 has no longer string: `buffer.constants.MAX_STRING_LENGTH`, 512 MiB. */
const LONGEST_TEXT = constants.MAX_STRING_LENGTH;

/**
 * Returns the size in bytes, as MySQL sends it, of the largest row that a process with this much memory takes.
 * dynaferry refuses larger rows with E_ROW_TOO_LARGE.
 */
export function largestRow(memory: number = memoryLimit()): number {
  return Math.min(LONGEST_TEXT, Math.floor(memory / COPIES_OF_A_ROW));
}
