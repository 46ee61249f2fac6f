/**
 * A TTL is epoch seconds in a number attribute (AWS, "Using time to live"): a column's time plus a retention. DynamoDB
 * would keep items with values in milliseconds forever, so dynaferry refuses such values.
 */
import type { TtlMapping } from '../config/model.js';
import type { TableInfo } from '../core/model.js';
import { NULL_CELL } from '../core/row-block.js';
import type { AttributeEmitter } from './attribute-emitter.js';
import { BadValue } from './value/bad-value.js';
import { columnKind } from './value/column-kind.js';
import { columnNamed, TemplateFault } from './template/compiled-template.js';
import { epochSeconds } from './value/datetime.js';
import { literal } from './item/literal.js';
import { quoteJson } from './value/json-text.js';
import { textBytes } from './value/item-size.js';
import { numberBytes } from './value/numbers.js';
import type { RowView } from './row-view.js';

/** Seconds after which TTL no longer deletes an item (AWS: "more than five years old"). */
export const TTL_IGNORED_AFTER_SECONDS = 5 * 365 * 86_400;
/** Larger epoch seconds (after the year 5138) are most likely milliseconds. */
const LARGEST_SECONDS = 100_000_000_000;

const CLOSING = literal('"}');

export interface CompiledTtl {
  /** Returns epoch seconds, or null where the column is NULL: such items never expire. @throws BadValue */
  readonly expiresAt: (row: RowView) => number | null;
  readonly skipsExpired: boolean;
  readonly emitter: AttributeEmitter;
}

/** Compiles the TTL rule of an item. @throws TemplateFault */
export function compileTtl(ttl: TtlMapping, table: TableInfo, indexOf: (column: string) => number): CompiledTtl {
  const column = columnNamed(ttl.column, table);
  const kind = columnKind(column);
  if (kind !== 'date' && kind !== 'datetime' && kind !== 'integer') {
    throw new TemplateFault(
      'E_MAPPING_INVALID',
      `ttl column ${ttl.column} has type ${column.dataType}`,
      'name a DATE, DATETIME or TIMESTAMP column, or an integer of epoch seconds',
    );
  }
  const index = indexOf(column.name);
  const opening = literal(`,${quoteJson(ttl.attribute)}:{"N":"`);
  const nameBytes = textBytes(ttl.attribute);
  const seconds = kind === 'integer' ? integerSeconds(column.name) : calendarSeconds(column.name);
  return {
    expiresAt: ({ rows, first }) => {
      const from = rows.starts[first + index] as number;
      return from === NULL_CELL
        ? null
        : seconds(rows.bytes, from, rows.ends[first + index] as number) + ttl.retentionSeconds;
    },
    skipsExpired: ttl.expired === 'skip',
    emitter: {
      name: ttl.attribute,
      origin: { from: 'ttl', column, path: ['ttl'] },
      emit(_row, out, expiresAt) {
        if (expiresAt === null) return;
        out.literal(opening);
        const begun = out.at - out.start;
        out.whole(expiresAt);
        out.bytes += nameBytes + numberBytes(out.buffer, out.start + begun, out.at);
        out.literal(CLOSING);
      },
    },
  };
}

type Seconds = (source: Buffer, from: number, to: number) => number;

function integerSeconds(column: string): Seconds {
  return (source, from, to) => {
    const value = Number(source.toString('latin1', from, to));
    if (Math.abs(value) <= LARGEST_SECONDS) return value;
    throw new BadValue(
      column,
      'a TTL too large for epoch seconds (milliseconds?), which would never expire',
      'use a column in seconds for `ttl`',
    );
  };
}

function calendarSeconds(column: string): Seconds {
  return (source, from, to) => {
    const seconds = epochSeconds(source, from, to);
    if (seconds === null)
      throw new BadValue(
        column,
        'not a day of the calendar, so not a time for the TTL',
        'exclude such rows with `where`',
      );
    return seconds;
  };
}
