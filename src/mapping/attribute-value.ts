/**
 * One column's cell into the text of a DynamoDB attribute value, exactly, with its billed size on the way. What cannot be
 * represented as asked throws BadValue; nothing is rounded, cut, trimmed or turned into NULL.
 */
import { isUtf8 } from 'node:buffer';
import type { ColumnRule } from '../config/model.js';
import type { ColumnInfo } from '../core/model.js';
import { BadValue } from './bad-value.js';
import { columnKind, type ColumnKind } from './column-kind.js';
import { epochText, epochTime, isoText } from './datetime.js';
import { jsonAttributeText } from './json-attribute.js';
import { MAX_ITEM_BYTES, type SizeCounter } from './item-size.js';
import { isPlain } from './json-text.js';
import { bitText, normalizeNumber, numberBytes } from './numbers.js';

/** A non-NULL cell to `{"S":"..."}` or its like. @throws BadValue */
export type EncodeCell = (cell: string | Buffer, size: SizeCounter) => string;

/** The rule asks for something that the column's type cannot give. */
export class RuleFault extends Error {
  override readonly name = 'RuleFault';
}

/** @throws RuleFault */
export function encoderFor(column: ColumnInfo, rule: Pick<ColumnRule, 'type' | 'format'>): EncodeCell {
  const kind = columnKind(column);
  if (kind === null) throw new RuleFault(`type ${column.dataType} is not known to this version; drop the column`);
  const isTime = kind === 'date' || kind === 'datetime';
  if (rule.format !== null && !isTime) throw new RuleFault(`format is for dates and times, not for ${column.dataType}`);
  if (isTime) return timeEncoder(column, kind, rule);
  const type = rule.type ?? defaultType(kind);
  switch (type) {
    case 'S':
      if (kind === 'bytes') return strictUtf8Encoder(column.name);
      if (kind === 'bit') return (cell, size) => stringValue(bitText(asBuffer(cell)), size);
      return isTextual(kind) ? textEncoder(column, withinItem(column.name, stringValue)) : encodeText;
    case 'N':
      return numberEncoder(column, kind);
    case 'B':
      if (kind === 'bytes' || kind === 'bit') return withinItem(column.name, encodeBytes);
      return isTextual(kind) ? textBytesEncoder(column) : unsupported(column, type);
    case 'BOOL':
      return kind === 'integer' || kind === 'bit' ? booleanEncoder(column.name, kind) : unsupported(column, type);
    case 'SS':
      return kind === 'set' ? textEncoder(column, setEncoder(column.name)) : unsupported(column, type);
    case 'JSON':
      return kind === 'json' || kind === 'text'
        ? textEncoder(column, (text, size) => jsonAttributeText(text, column.name, size))
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

/** `{"S":"text"}`; the size is the text's in UTF-8. */
export function stringValue(text: string, size: SizeCounter): string {
  if (isPlain(text)) {
    size.bytes += text.length;
    return `{"S":"${text}"}`;
  }
  size.bytes += Buffer.byteLength(text);
  return `{"S":${JSON.stringify(text)}}`;
}

/** `{"N":"digits"}` of a text that is normalised already. */
export function numberValue(normalized: string, size: SizeCounter): string {
  size.bytes += numberBytes(normalized);
  return `{"N":"${normalized}"}`;
}

function asText(cell: string | Buffer): string {
  return typeof cell === 'string' ? cell : cell.toString('utf8');
}

function asBuffer(cell: string | Buffer): Buffer {
  return typeof cell === 'string' ? Buffer.from(cell, 'utf8') : cell;
}

function encodeText(cell: string | Buffer, size: SizeCounter): string {
  return stringValue(asText(cell), size);
}

function encodeBytes(cell: string | Buffer, size: SizeCounter): string {
  const bytes = asBuffer(cell);
  size.bytes += bytes.length;
  return `{"B":"${bytes.toString('base64')}"}`;
}

function isTextual(kind: ColumnKind): boolean {
  return kind === 'text' || kind === 'json' || kind === 'set';
}

/** Refuses bytes in the place of text: what has no exact form in UTF-8. */
function textEncoder(column: ColumnInfo, encode: (text: string, size: SizeCounter) => string): EncodeCell {
  const inexact = new BadValue(
    column.name,
    'text that has no exact form in UTF-8',
    storesUtf8(column)
      ? 'keep its bytes with `type: B`, or correct the row at the source'
      : 'correct the row at the source, or leave it out with `where`',
  );
  return (cell, size) => {
    if (typeof cell !== 'string') throw inexact;
    return encode(cell, size);
  };
}

/** The text's UTF-8. Where the column itself stores UTF-8, ill-formed text keeps its bytes. */
function textBytesEncoder(column: ColumnInfo): EncodeCell {
  const encode = withinItem(column.name, encodeBytes);
  return storesUtf8(column) ? encode : textEncoder(column, encode);
}

function storesUtf8(column: ColumnInfo): boolean {
  return column.charset === null || column.charset.startsWith('utf8');
}

/** Names the column that no item has room for, before base64 or escapes make a text of it that V8 could not hold. */
function withinItem<C extends string | Buffer>(column: string, encode: (cell: C, size: SizeCounter) => string) {
  const large = new BadValue(
    column,
    `a value larger than the ${MAX_ITEM_BYTES} bytes of a whole item`,
    'drop the column, and keep such values elsewhere',
  );
  return (cell: C, size: SizeCounter): string => {
    if (cell.length > MAX_ITEM_BYTES) throw large;
    return encode(cell, size);
  };
}

function strictUtf8Encoder(column: string): EncodeCell {
  const foreign = new BadValue(column, 'bytes that are not UTF-8 text', 'keep the column as B');
  const encode = withinItem<Buffer>(column, (bytes, size) => {
    if (!isUtf8(bytes)) throw foreign;
    return stringValue(bytes.toString('utf8'), size);
  });
  return (cell, size) => encode(asBuffer(cell), size);
}

function numberEncoder(column: ColumnInfo, kind: ColumnKind): EncodeCell {
  if (kind === 'bytes' || kind === 'time' || kind === 'set') return unsupported(column, 'N');
  const name = column.name;
  if (kind === 'bit') return (cell, size) => numberValue(bitText(asBuffer(cell)), size);
  const encode = (text: string, size: SizeCounter): string => {
    const normalized = normalizeNumber(text);
    if ('fault' in normalized) throw new BadValue(name, normalized.fault, 'map the column with `type: S`');
    return numberValue(normalized.text, size);
  };
  return isTextual(kind) ? textEncoder(column, encode) : (cell, size) => encode(asText(cell), size);
}

function booleanEncoder(column: string, kind: ColumnKind): EncodeCell {
  return (cell, size) => {
    // By the number, since a ZEROFILL column prints 1 as `001`.
    const number = Number(kind === 'bit' ? bitText(asBuffer(cell)) : asText(cell));
    const value = number === 0 ? 'false' : number === 1 ? 'true' : null;
    if (value === null) throw new BadValue(column, 'neither 0 nor 1, so not a BOOL', 'map the column with `type: N`');
    size.bytes += 1;
    return `{"BOOL":${value}}`;
  };
}

function setEncoder(column: string): (text: string, size: SizeCounter) => string {
  const empty = new BadValue(column, 'an empty set, which DynamoDB cannot store', 'map the column with `type: S`');
  // Outside strict mode, MySQL lets a SET declare a member twice.
  const repeated = new BadValue(
    column,
    'a set that names one member twice, which DynamoDB cannot store',
    'map the column with `type: S`',
  );
  return (text, size) => {
    if (text === '') throw empty;
    const members = text.split(',').sort();
    if (members.some((member, index) => member === members[index - 1])) throw repeated;
    return `{"SS":[${members.map((member) => stringValue(member, size).slice('{"S":'.length, -1)).join(',')}]}`;
  };
}

function timeEncoder(
  column: ColumnInfo,
  kind: 'date' | 'datetime',
  rule: Pick<ColumnRule, 'type' | 'format'>,
): EncodeCell {
  const format = rule.format ?? 'iso';
  const epoch = format.startsWith('epoch');
  if (rule.type !== null && rule.type !== (epoch ? 'N' : 'S')) {
    throw new RuleFault(`a ${column.dataType} in format ${format} is ${epoch ? 'N' : 'S'}, not ${rule.type}`);
  }
  if (format === 'text') return encodeText;
  const bad = new BadValue(
    column.name,
    kind === 'date'
      ? 'a zero date, or a day the calendar does not have'
      : 'a zero date-time, or a day the calendar does not have',
    'map the column with `format: text`',
  );
  if (format === 'iso') {
    return (cell, size) => {
      const iso = isoText(asText(cell));
      if (iso === null) throw bad;
      // Digits and separators: nothing to escape, a byte a character.
      size.bytes += iso.length;
      return `{"S":"${iso}"}`;
    };
  }
  const decimals = format === 'epoch-s' ? 0 : format === 'epoch-ms' ? 3 : 6;
  return (cell, size) => {
    const time = epochTime(asText(cell));
    if (time === null) throw bad;
    return numberValue(epochText(time, decimals), size);
  };
}
