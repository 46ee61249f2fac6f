/**
 * A cell writer turns one column's cell into the text of a DynamoDB attribute value, exactly, and counts its billed
 * size. It throws BadValue for a value that cannot be represented as the rule asks. It rounds, cuts or trims nothing,
 * and turns nothing into NULL.
 */
import { isUtf8 } from 'node:buffer';
import type { ColumnRule } from '../../config/model.js';
import type { ColumnInfo } from '../../core/model.js';
import { cellOf, transportOf } from '../../core/row-block.js';
import { emptyMembers, membersOf } from '../../core/set-members.js';
import { BadValue } from './bad-value.js';
import { columnKind, type ColumnKind } from './column-kind.js';
import { copyIso, epochText, epochTime } from './datetime.js';
import type { ItemBuffer } from '../item/item-buffer.js';
import { jsonAttributeText } from './json-attribute.js';
import { MAX_ITEM_BYTES, type SizeCounter } from './item-size.js';
import { isPlain } from './json-text.js';
import { bitText, copyNumber, normalizeNumber, numberBytes, writeBits } from './numbers.js';

/**
 * Writes a non-NULL cell, `{"S":"..."}` or similar, and counts its billed bytes. `open` and `close` hold what surrounds
 * every value of the column; the caller writes them.
 */
export interface CellWriter {
  readonly open: string;
  readonly close: string;
  /** Writes the cell's bytes in `source`, from `from` to `to`. @throws BadValue */
  readonly write: (source: Buffer, from: number, to: number, out: ItemBuffer) => void;
}

/** Reports that the rule asks for something that the column's type cannot give. */
export class RuleFault extends Error {
  override readonly name = 'RuleFault';
}

/** Returns the writer for a column. @throws RuleFault */
export function cellWriter(column: ColumnInfo, rule: Pick<ColumnRule, 'type' | 'format'>): CellWriter {
  const kind = columnKind(column);
  if (kind === null) throw new RuleFault(`this version does not know type ${column.dataType}; drop the column`);
  const isTime = kind === 'date' || kind === 'datetime';
  if (rule.format !== null && !isTime) throw new RuleFault(`format is for dates and times, not for ${column.dataType}`);
  if (isTime) return timeWriter(column, kind, rule);
  const type = rule.type ?? defaultType(kind);
  switch (type) {
    case 'S':
      return kind === 'bit' ? bitWriter('S') : asPrinted(column, textWriter(column, kind));
    case 'N':
      return kind === 'bit' ? bitWriter('N') : numberWriter(column, kind);
    case 'B':
      return kind === 'bytes' || kind === 'bit' || isTextual(kind)
        ? asPrinted(column, bytesWriter(column, kind))
        : unsupported(column, type);
    case 'BOOL':
      return kind === 'integer' || kind === 'bit'
        ? throughText(column, booleanText(column.name))
        : unsupported(column, type);
    case 'SS':
      return kind === 'set' ? throughText(column, exactly(column, setText(column.name))) : unsupported(column, type);
    case 'JSON':
      return kind === 'json' || kind === 'text'
        ? throughText(
            column,
            exactly(column, (text, size) => jsonAttributeText(text, column.name, size)),
          )
        : unsupported(column, type);
  }
}

function defaultType(kind: ColumnKind): 'S' | 'N' | 'B' {
  switch (kind) {
    case 'integer':
    case 'decimal':
    case 'float':
    case 'bit':
    case 'year':
      return 'N';
    case 'bytes':
      return 'B';
    default:
      return 'S';
  }
}

function unsupported(column: ColumnInfo, type: string): never {
  throw new RuleFault(`a ${column.dataType} column cannot become ${type}`);
}

/** Returns `{"S":"text"}`; the size is the text's in UTF-8. */
export function stringValue(text: string, size: SizeCounter): string {
  if (isPlain(text)) {
    size.bytes += text.length;
    return `{"S":"${text}"}`;
  }
  size.bytes += Buffer.byteLength(text);
  return `{"S":${JSON.stringify(text)}}`;
}

/** Returns `{"N":"digits"}` for a text that is already normalised. */
export function numberValue(normalized: string, size: SizeCounter): string {
  size.bytes += numberBytes(Buffer.from(normalized));
  return `{"N":"${normalized}"}`;
}

/** Returns a writer for types that need their cell as a string: rare types, and those that do more than copy bytes. */
function throughText(column: ColumnInfo, encode: (cell: string | Buffer, size: SizeCounter) => string): CellWriter {
  const transport = transportOf(column);
  return {
    open: '',
    close: '',
    write(source, from, to, out) {
      out.text(encode(cellOf(source, from, to, transport), out));
    },
  };
}

function isTextual(kind: ColumnKind): boolean {
  return kind === 'text' || kind === 'json' || kind === 'set';
}

/** Refuses bytes instead of text: they have no exact form in UTF-8. */
function exactly(
  column: ColumnInfo,
  encode: (text: string, size: SizeCounter) => string,
): (cell: string | Buffer, size: SizeCounter) => string {
  const inexact = inexactText(column);
  return (cell, size) => {
    if (typeof cell !== 'string') throw inexact;
    return encode(cell, size);
  };
}

function inexactText(column: ColumnInfo): BadValue {
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
function textWriter(column: ColumnInfo, kind: ColumnKind): CellWriter {
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
function asPrinted(column: ColumnInfo, writer: CellWriter): CellWriter {
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
function bytesWriter(column: ColumnInfo, kind: ColumnKind): CellWriter {
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

function bitWriter(type: 'N' | 'S'): CellWriter {
  return {
    open: `{"${type}":"`,
    close: '"}',
    write(source, from, to, out) {
      const begun = out.at - out.start;
      writeBits(source, from, to, out);
      out.bytes += type === 'N' ? numberBytes(out.buffer, out.start + begun, out.at) : out.at - out.start - begun;
    },
  };
}

function numberWriter(column: ColumnInfo, kind: ColumnKind): CellWriter {
  if (kind === 'bytes' || kind === 'time' || kind === 'set') return unsupported(column, 'N');
  const { name } = column;
  const transport = transportOf(column);
  const inexact = inexactText(column);
  const normalized = (cell: string | Buffer): string => {
    if (typeof cell !== 'string') throw inexact;
    const number = normalizeNumber(cell);
    if ('fault' in number) throw new BadValue(name, number.fault, 'map the column with `type: S`');
    return number.text;
  };
  return {
    open: '{"N":"',
    close: '"}',
    write(source, from, to, out) {
      const begun = out.at - out.start;
      if (!copyNumber(source, from, to, out)) out.ascii(normalized(cellOf(source, from, to, transport)));
      out.bytes += numberBytes(out.buffer, out.start + begun, out.at);
    },
  };
}

function booleanText(column: string): (cell: string | Buffer, size: SizeCounter) => string {
  return (cell, size) => {
    // Compares the number, since a ZEROFILL column prints 1 as `001`.
    const number = Number(typeof cell === 'string' ? cell : bitText(cell));
    const value = number === 0 ? 'false' : number === 1 ? 'true' : null;
    if (value === null) throw new BadValue(column, 'neither 0 nor 1, so not a BOOL', 'map the column with `type: N`');
    size.bytes += 1;
    return `{"BOOL":${value}}`;
  };
}

function setText(column: string): (text: string, size: SizeCounter) => string {
  const empty = new BadValue(column, 'an empty set, which DynamoDB cannot store', 'map the column with `type: S`');
  // Outside strict mode, MySQL lets a SET declare a member twice.
  const repeated = new BadValue(
    column,
    'a set that has one member twice, which DynamoDB cannot store',
    'map the column with `type: S`',
  );
  return (text, size) => {
    const members = [...membersOf(text)].sort();
    if (members.length === 0) throw empty;
    if (members.some((member, index) => member === members[index - 1])) throw repeated;
    return `{"SS":[${members.map((member) => stringValue(member, size).slice('{"S":'.length, -1)).join(',')}]}`;
  };
}

function timeWriter(
  column: ColumnInfo,
  kind: 'date' | 'datetime',
  rule: Pick<ColumnRule, 'type' | 'format'>,
): CellWriter {
  const format = rule.format ?? 'iso';
  const epoch = format.startsWith('epoch');
  if (rule.type !== null && rule.type !== (epoch ? 'N' : 'S')) {
    throw new RuleFault(`a ${column.dataType} in format ${format} is ${epoch ? 'N' : 'S'}, not ${rule.type}`);
  }
  if (format === 'text') return textWriter(column, kind);
  const bad = new BadValue(
    column.name,
    kind === 'date'
      ? 'a zero date, or a day that is not in the calendar'
      : 'a zero date-time, or a day that is not in the calendar',
    'map the column with `format: text`',
  );
  if (format === 'iso') {
    return {
      open: '{"S":"',
      close: '"}',
      write(source, from, to, out) {
        const begun = out.at - out.start;
        if (!copyIso(source, from, to, out)) throw bad;
        // Digits and separators take one byte a character.
        out.bytes += out.at - out.start - begun;
      },
    };
  }
  const decimals = format === 'epoch-s' ? 0 : format === 'epoch-ms' ? 3 : 6;
  return throughText(column, (cell, size) => {
    const time = epochTime(String(cell));
    if (time === null) throw bad;
    return numberValue(epochText(time, decimals), size);
  });
}
