/**
 * DynamoDB's 400 KB hold an item and its entries in all local indexes of the table: to the byte, by what each index
 * projects.
 */
import { describe, expect, it } from 'vitest';
import type { LocalIndex } from '../../../../src/mapping/item/local-indexes.js';
import { compileFor, mapRow, onlyItem, rule, table } from '../tables.js';

const LIMIT = 409_600;
const INFO = table({ id: 'int', at: 'int', note: 'varchar(99)', body: 'longtext' });
const RULE = rule('{id}', '{id:pad(2)}', { attributes: { columns: ['at', 'note', 'body'] } });
const KEYS = 'pk'.length + '1'.length + 'sk'.length + '01'.length;
/** A number has a byte for two digits, and one more. */
const AT = 'at'.length + 2;
const NOTE = 'note'.length + 'é'.length + 1;
const BODY = 'body'.length;

const index = (name: string, projection: LocalIndex['projection'], type: 'S' | 'N' = 'N'): LocalIndex => ({
  name,
  sortKey: { name: 'at', type },
  projection,
});
/** A row whose body has so many bytes; the text of é is two. */
const rowOf = (bodyBytes: number, at: string | null = '7') => {
  const cut = bodyBytes % 2;
  return { id: '1', at, note: 'é', body: 'é'.repeat((bodyBytes - cut) / 2) + 'x'.repeat(cut) };
};

interface Case {
  readonly name: string;
  readonly indexes: readonly LocalIndex[];
  /** Bytes beside the body's text, in the item and in all entries. */
  readonly beside: number;
  /** How often the body's text counts. */
  readonly bodies: number;
  readonly at?: string | null;
}

const WHOLE = KEYS + AT + NOTE + BODY;
const CASES: readonly Case[] = [
  { name: 'keys only', indexes: [index('k', [])], beside: WHOLE + KEYS + AT, bodies: 1 },
  { name: 'include a short one', indexes: [index('i', ['note'])], beside: WHOLE + KEYS + AT + NOTE, bodies: 1 },
  { name: 'include the large one', indexes: [index('i', ['body'])], beside: WHOLE + KEYS + AT + BODY, bodies: 2 },
  { name: 'include what is absent', indexes: [index('i', ['none'])], beside: WHOLE + KEYS + AT, bodies: 1 },
  { name: 'include keys once more', indexes: [index('i', ['pk', 'at'])], beside: WHOLE + KEYS + AT, bodies: 1 },
  { name: 'all', indexes: [index('a', 'all')], beside: 2 * WHOLE, bodies: 2 },
  { name: 'all, of two indexes', indexes: [index('a', 'all'), index('b', 'all')], beside: 3 * WHOLE, bodies: 3 },
  {
    name: 'several together',
    indexes: [index('a', 'all'), index('k', []), index('b', 'all')],
    beside: 3 * WHOLE + KEYS + AT,
    bodies: 3,
  },
  {
    name: 'an index on the sort key of the table',
    indexes: [{ name: 's', sortKey: { name: 'sk', type: 'S' }, projection: [] }],
    beside: WHOLE + KEYS,
    bodies: 1,
  },
  {
    name: 'no entry without the sort key',
    indexes: [index('a', 'all')],
    beside: WHOLE - AT,
    bodies: 1,
    at: null,
  },
  { name: 'no entry with a sort key of another type', indexes: [index('a', 'all', 'S')], beside: WHOLE, bodies: 1 },
  { name: 'no local index', indexes: [], beside: WHOLE, bodies: 1 },
];

describe('local indexes', () => {
  it.each(CASES)(
    'an item with entries in local indexes fits to the last byte: $name',
    ({ indexes, beside, bodies, at = '7' }) => {
      const mapping = compileFor(indexes, INFO, RULE);
      const most = Math.floor((LIMIT - beside) / bodies);
      const item = onlyItem(mapRow(mapping, rowOf(most, at)));
      const inItem = at === null ? WHOLE - AT : WHOLE;
      expect(item.bytes).toBe(inItem + most);
      // The sizes that this test counts with are those that fill the limit, not less.
      expect(beside + bodies * (most + 1)).toBeGreaterThan(LIMIT);
      expect(() => mapRow(mapping, rowOf(most + 1, at))).toThrow(expect.objectContaining({ name: 'BadValue' }));
    },
  );

  it('an item too large with its entries in local indexes is refused with indexes, sizes and a way out, without values', () => {
    const mapping = compileFor([index('by_time', 'all'), index('by_at', [])], INFO, RULE);
    const body = 250_000;
    expect(() => mapRow(mapping, rowOf(body))).toThrow(
      expect.objectContaining({
        name: 'BadValue',
        column: null,
        reason:
          'item "message" with its entries in local indexes (by_time, by_at) exceeds the 409600 bytes of DynamoDB',
        remedy: expect.stringContaining('project fewer attributes') as string,
        kind: `an item of ${WHOLE + body} bytes, ${2 * (WHOLE + body) + KEYS + AT} with its entries in local indexes`,
      }),
    );
  });

  it('an item that is too large by itself is reported as without local indexes', () => {
    const mapping = compileFor([index('by_time', 'all')], INFO, RULE);
    expect(() => mapRow(mapping, rowOf(LIMIT))).toThrow(
      expect.objectContaining({
        reason: 'item "message" exceeds the 409600 bytes of DynamoDB',
        kind: `an item of ${WHOLE + LIMIT} bytes`,
      }),
    );
  });

  it('the limit of local indexes judges each item of a row for itself', () => {
    const small = rule('B{id}', 'x', { name: 'small', attributes: { columns: ['at'] } });
    const mapping = compileFor([index('a', 'all')], INFO, small, RULE);
    expect(mapRow(mapping, rowOf(1_000))).toHaveLength(2);
    expect(() => mapRow(mapping, rowOf(LIMIT / 2))).toThrow(
      expect.objectContaining({ reason: expect.stringContaining('item "message" with its entries') as string }),
    );
  });
});
