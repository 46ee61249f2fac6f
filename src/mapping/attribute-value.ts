/**
 * One column's cell into the text of a DynamoDB attribute value, exactly, with its billed size on the way. What cannot be
 * represented as asked throws BadValue; nothing is rounded, cut, trimmed or turned into NULL.
 */
import type { ColumnRule } from '../config/model.js';
import type { ColumnInfo } from '../core/model.js';
import { BadValue } from './bad-value.js';
import { columnKind, type ColumnKind } from './column-kind.js';
import { epochText, epochTime, isoText } from './datetime.js';
import { jsonAttributeText } from './json-attribute.js';
import type { SizeCounter } from './item-size.js';
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
      return kind === 'bytes'
        ? strictUtf8Encoder(column.name)
        : kind === 'bit'
          ? (cell, size) => stringValue(bitText(asBuffer(cell)), size)
          : encodeText;
    case 'N':
      return numberEncoder(column, kind);
    case 'B':
      return kind === 'bytes' || kind === 'bit'
        ? encodeBytes
        : kind === 'text' || kind === 'json' || kind === 'set'
          ? encodeTextBytes
          : unsupported(column, type);
    case 'BOOL':
      return kind === 'integer' || kind === 'bit' ? booleanEncoder(column.name, kind) : unsupported(column, type);
    case 'SS':
      return kind === 'set' ? setEncoder(column.name) : unsupported(column, type);
    case 'JSON':
      return kind === 'json' || kind === 'text'
        ? (cell, size) => jsonAttributeText(asText(cell), column.name, size)
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

function encodeTextBytes(cell: string | Buffer, size: SizeCounter): string {
  return encodeBytes(Buffer.from(asText(cell), 'utf8'), size);
}

function strictUtf8Encoder(column: string): EncodeCell {
  // ignoreBOM keeps a leading byte-order mark: without it the decoder would drop three bytes silently.
  const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
  return (cell, size) => {
    try {
      return stringValue(decoder.decode(asBuffer(cell)), size);
    } catch {
      throw new BadValue(column, 'bytes that are not UTF-8 text', 'keep the column as B');
    }
  };
}

function numberEncoder(column: ColumnInfo, kind: ColumnKind): EncodeCell {
  if (kind === 'bytes' || kind === 'time' || kind === 'set') return unsupported(column, 'N');
  const name = column.name;
  if (kind === 'bit') return (cell, size) => numberValue(bitText(asBuffer(cell)), size);
  return (cell, size) => {
    const normalized = normalizeNumber(asText(cell));
    if ('fault' in normalized) throw new BadValue(name, normalized.fault, 'map the column with `type: S`');
    return numberValue(normalized.text, size);
  };
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

function setEncoder(column: string): EncodeCell {
  return (cell, size) => {
    const text = asText(cell);
    if (text === '')
      throw new BadValue(column, 'an empty set, which DynamoDB cannot store', 'map the column with `type: S`');
    const members = text.split(',').sort();
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
