/**
 * Text cells hold text or bytes: they are copied byte by byte, and text that has no exact form in UTF-8 is refused.
 */
import { isUtf8 } from 'node:buffer';
import type { ColumnInfo } from '../../core/model.js';
import { cellOf, transportOf } from '../../core/row-block.js';
import { emptyMembers } from '../../core/set-members.js';
import { BadValue } from './bad-value.js';
import type { CellWriter } from './cell-writer.js';
import type { ColumnKind } from './column-kind.js';
import { MAX_ITEM_BYTES, type SizeCounter } from './item-size.js';

export function isTextual(kind: ColumnKind): boolean {
  return kind === 'text' || kind === 'json' || kind === 'set';
}

/** Refuses bytes instead of text: they have no exact form in UTF-8. */
export function exactly(
  column: ColumnInfo,
  encode: (text: string, size: SizeCounter) => string,
): (cell: string | Buffer, size: SizeCounter) => string {
  const inexact = inexactText(column);
  return (cell, size) => {
    if (typeof cell !== 'string') throw inexact;
    return encode(cell, size);
  };
}

export function inexactText(column: ColumnInfo): BadValue {
  return new BadValue(
    column.name,
    'text that has no exact form in UTF-8',
    storesUtf8(column)
      ? 'keep its bytes with `type: B`, or correct the row at the source'
      : 'correct the row at the source, or exclude it with `where`',
  );
}

function storesUtf8(column: ColumnInfo): boolean {
  return column.charset === null || column.charset.startsWith('utf8');
}

/** Returns the fault of a value that fits no item, whatever else the item has; it names the column. */
function tooLarge(column: ColumnInfo): BadValue {
  return new BadValue(
    column.name,
    `a value larger than the ${MAX_ITEM_BYTES} bytes of a whole item`,
    'drop the column, and store such values elsewhere',
  );
}

/** Returns a writer that copies the cell's UTF-8 byte by byte, with JSON's escapes, and makes no string. */
export function textWriter(column: ColumnInfo, kind: ColumnKind): CellWriter {
  const large = tooLarge(column);
  const inexact =
    kind === 'bytes'
      ? new BadValue(column.name, 'bytes that are not UTF-8 text', 'map the column with `type: B`')
      : inexactText(column);
  const ascii = transportOf(column) === 'ascii';
  return {
    open: '{"S":"',
    close: '"}',
    write(source, from, to, out) {
      if (to - from > MAX_ITEM_BYTES) throw large;
      if (!out.escaped(source, from, to) && (ascii || !isUtf8(source.subarray(from, to)))) throw inexact;
      out.bytes += to - from;
    },
  };
}

const COMMA = ','.charCodeAt(0);

/**
 * Returns a writer for a SET with an empty member. It writes the text that MySQL prints, without the leading commas
 * that dynaferry added (set-members.ts).
 */
export function asPrinted(column: ColumnInfo, writer: CellWriter): CellWriter {
  if (emptyMembers(column).length === 0) return writer;
  return {
    ...writer,
    write(source, from, to, out) {
      let at = from;
      while (at < to && source[at] === COMMA) at += 1;
      writer.write(source, at, to, out);
    },
  };
}

/**
 * Returns a writer of bytes in base64. For a text it writes the UTF-8; if the column itself stores UTF-8, ill-formed
 * text keeps its bytes.
 */
export function bytesWriter(column: ColumnInfo, kind: ColumnKind): CellWriter {
  const large = tooLarge(column);
  const inexact = isTextual(kind) && !storesUtf8(column) ? inexactText(column) : null;
  const transport = transportOf(column);
  return {
    open: '{"B":"',
    close: '"}',
    write(source, from, to, out) {
      if (to - from > MAX_ITEM_BYTES) throw large;
      if (inexact !== null && typeof cellOf(source, from, to, transport) !== 'string') throw inexact;
      out.bytes += to - from;
      out.ascii(source.toString('base64', from, to));
    },
  };
}
