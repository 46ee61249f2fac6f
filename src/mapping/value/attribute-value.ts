/**
 * A cell writer turns one column's cell into the text of a DynamoDB attribute value, exactly, and counts its billed
 * size. It throws BadValue for a value that cannot be represented as the rule asks. It rounds, cuts or trims nothing,
 * and turns nothing into NULL.
 */
import type { ColumnRule } from '../../config/model.js';
import type { ColumnInfo } from '../../core/model.js';
import { cellOf, transportOf } from '../../core/row-block.js';
import { membersOf } from '../../core/set-members.js';
import { BadValue } from './bad-value.js';
import type { CellWriter } from './cell-writer.js';
import { columnKind, type ColumnKind } from './column-kind.js';
import { copyIso, epochText, epochTime } from './datetime.js';
import { jsonAttributeText } from './json-attribute.js';
import type { SizeCounter } from './item-size.js';
import { isPlain } from './json-text.js';
import { bitText, copyNumber, normalizeNumber, numberBytes, writeBits } from './numbers.js';
import { asPrinted, bytesWriter, exactly, inexactText, isTextual, textWriter } from './text-cells.js';

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
