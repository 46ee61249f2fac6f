/**
 * Time to live: epoch seconds in a number attribute (AWS, "Using time to live"): a column's time plus a retention. Values in
 * milliseconds are refused, since DynamoDB would keep such items for ever.
 */
import type { TtlMapping } from '../config/model.js';
import type { TableInfo } from '../core/model.js';
import type { AttributeEmitter } from './attribute-emitter.js';
import { numberValue } from './attribute-value.js';
import { BadValue } from './bad-value.js';
import { columnKind } from './column-kind.js';
import { columnNamed, TemplateFault } from './compiled-template.js';
import { epochTime } from './datetime.js';
import { quoteJson } from './json-text.js';
import { textBytes } from './item-size.js';
import type { RowView } from './row-view.js';

/** Items older than this are never deleted by TTL (AWS: "more than five years old"). */
export const TTL_IGNORED_AFTER_SECONDS = 5 * 365 * 86_400;
/** Epoch seconds beyond this (year 5138) are milliseconds in all likelihood. */
const LARGEST_SECONDS = 100_000_000_000;

export interface CompiledTtl {
  /** Epoch seconds, or null where the column is NULL: such items never expire. @throws BadValue */
  readonly expiresAt: (row: RowView) => number | null;
  readonly skipsExpired: boolean;
  readonly emitter: AttributeEmitter;
}

/** @throws TemplateFault */
export function compileTtl(ttl: TtlMapping, table: TableInfo, indexOf: (column: string) => number): CompiledTtl {
  const column = columnNamed(ttl.column, table);
  const kind = columnKind(column);
  if (kind !== 'date' && kind !== 'datetime' && kind !== 'integer') {
    throw new TemplateFault(
      'E_MAPPING_INVALID',
      `ttl column ${ttl.column} is ${column.dataType}`,
      'name a DATE, DATETIME or TIMESTAMP column, or an integer of epoch seconds',
    );
  }
  const index = indexOf(column.name);
  const prefix = `,${quoteJson(ttl.attribute)}:`;
  const nameBytes = textBytes(ttl.attribute);
  const seconds = kind === 'integer' ? integerSeconds(column.name) : calendarSeconds(column.name);
  return {
    expiresAt: (row) => {
      const cell = row.cell(index);
      return typeof cell === 'string' ? seconds(cell) + ttl.retentionSeconds : null;
    },
    skipsExpired: ttl.expired === 'skip',
    emitter: {
      name: ttl.attribute,
      origin: { from: 'ttl', column, path: ['ttl'] },
      emit(_row, out, _key, expiresAt) {
        if (expiresAt === null) return;
        out.bytes += nameBytes;
        out.text(prefix + numberValue(String(expiresAt), out));
      },
    },
  };
}

function integerSeconds(column: string): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (Math.abs(value) <= LARGEST_SECONDS) return value;
    throw new BadValue(
      column,
      'a TTL beyond epoch seconds, milliseconds perhaps, which DynamoDB would never expire',
      'take a column in seconds for `ttl`',
    );
  };
}

function calendarSeconds(column: string): (text: string) => number {
  return (text) => {
    const time = epochTime(text);
    if (time === null)
      throw new BadValue(
        column,
        'not a day of the calendar, so no time for the TTL',
        'leave such rows out with `where`',
      );
    return time.seconds;
  };
}
