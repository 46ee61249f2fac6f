/**
 * What holds for every item that a mapping makes: its text is canonical, its size is DynamoDB's, its key is its own.
 */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { ColumnRule } from '../../../src/config/model.js';
import type { Cell, MappedItem } from '../../../src/core/model.js';
import { canonicalItemText } from '../../../src/mapping/item/canonical.js';
import { compile, mapRow, onlyItem, rule, table } from './tables.js';
import { holds } from './seeded.js';

const COLUMNS = {
  id: 'varchar(99)',
  i: 'int',
  z: 'int zerofill',
  d: 'decimal(20,6)',
  f: 'double',
  bits: 'bit(64)',
  t: 'text',
  n: 'varchar(60)',
  s: "set('b','a','é','A')",
  ss: "set('b','a','é','A')",
  j: 'json',
  doc: 'json',
  b: 'varbinary(99)',
  utf8: 'varbinary(99)',
  flag: 'tinyint',
  at: 'datetime(6)',
  ms: 'datetime(3)',
  raw: 'datetime',
  day: 'date',
  odd: 'time',
};

const RULES: Readonly<Record<string, Partial<ColumnRule>>> = {
  n: { type: 'N', name: 'ñ' },
  ss: { type: 'SS', name: '10' },
  doc: { type: 'JSON', name: '9' },
  utf8: { type: 'S', null: 'keep' },
  flag: { type: 'BOOL' },
  ms: { format: 'epoch-ms' },
  raw: { format: 'text', name: 'a"b\\' },
  day: { format: 'epoch-s', null: 'keep' },
};

const MAPPING = compile(
  table(COLUMNS),
  rule('A#{id}', '{at:iso}#{i:sortable}', {
    pk: { name: 'pk', spread: { by: 't', shards: 7, account: 'id', overrides: { one: 1 } } },
    attributes: {
      columns: 'all',
      rules: Object.fromEntries(
        Object.entries(RULES).map(([name, parts]) => [
          name,
          { name: null, type: null, format: null, null: 'absent', ...parts } as const,
        ]),
      ),
      add: { join: { kind: 'template', template: '<{t}|{d}>' }, fixed: { kind: 'constant', value: 'é"' } },
    },
    ttl: { attribute: 'ttl', column: 'at', retentionSeconds: 86_400, expired: 'keep' },
  }),
);

/** Texts rich in what has to be escaped, and in characters of two, three and four bytes. */
const texts = fc.string({
  unit: fc.constantFrom('a', ' ', '"', '\\', '\n', '\u0000', '\u007f', 'é', '你', '👋', '\u2028', '#'),
});
const digits = (count: number) => fc.stringMatching(new RegExp(`^[0-9]{${count}}$`));
const fractions = (count: number) =>
  fc
    .tuple(fc.date({ min: new Date('0100-01-01'), max: new Date('9999-12-30'), noInvalidDate: true }), digits(count))
    .map(
      ([date, fraction]) => `${date.toISOString().slice(0, 19).replace('T', ' ')}${count > 0 ? `.${fraction}` : ''}`,
    );
const wholes = fc.bigInt({ min: -(2n ** 31n), max: 2n ** 31n - 1n }).map(String);
const sets = fc.subarray(['b', 'a', 'é', 'A'], { minLength: 1 }).map((members) => members.join(','));
/** Doubles that DynamoDB can hold. */
const doubles = fc
  .double({ min: -1e120, max: 1e120, noNaN: true })
  .map((value) => (Math.abs(value) < 1e-120 ? 0 : value));
const documents = fc
  .object({
    key: fc.string({ unit: 'binary', minLength: 1 }),
    values: [texts, fc.integer(), doubles, fc.boolean(), fc.constant(null)],
    maxDepth: 4,
  })
  .map((value) => JSON.stringify(value));
const or = <T>(values: fc.Arbitrary<T>) => fc.option(values, { nil: null, freq: 8 });

const rows = fc.record<Record<keyof typeof COLUMNS, Cell>>({
  id: fc.oneof(texts, fc.constant('one')),
  i: wholes,
  z: or(digits(10)),
  d: fc
    .tuple(fc.constantFrom('', '-'), digits(14), digits(6))
    .map(([sign, whole, fraction]) => `${sign}${whole}.${fraction}`),
  f: or(doubles.map(String)),
  bits: or(fc.uint8Array({ minLength: 8, maxLength: 8 }).map((bytes) => Buffer.from(bytes))),
  t: texts,
  n: or(
    fc
      .tuple(fc.constantFrom('', '-', '+'), digits(12), digits(9))
      .map(([sign, whole, fraction]) => `${sign}${whole}.${fraction}`),
  ),
  s: or(sets),
  ss: or(sets),
  j: or(documents),
  doc: or(documents),
  b: or(fc.uint8Array({ maxLength: 40 }).map((bytes) => Buffer.from(bytes))),
  utf8: or(texts.map((text) => Buffer.from(text))),
  flag: or(fc.constantFrom('0', '1')),
  at: fractions(6),
  ms: or(fractions(3)),
  raw: or(fractions(0)),
  day: or(fractions(0).map((text) => text.slice(0, 10))),
  odd: or(fc.constantFrom('-838:59:59', '00:00:00')),
});

const itemOf = (row: Readonly<Record<string, Cell>>): MappedItem => onlyItem(mapRow(MAPPING, row));

describe('mapped items', () => {
  it('every mapped item is its own canonical form', () => {
    holds(200, rows, (row) => {
      const item = itemOf(row);
      const parsed = JSON.parse(item.text) as Record<string, unknown>;
      expect(canonicalItemText(parsed)).toBe(item.text);
      // What comes back from the service has its attributes in another order.
      expect(canonicalItemText(Object.fromEntries(Object.entries(parsed).toReversed()))).toBe(item.text);
    });
  });

  it('every mapped item has the size that DynamoDB bills', () => {
    holds(200, rows, (row) => {
      const item = itemOf(row);
      expect(item.bytes).toBe(billedBytes(JSON.parse(item.text) as Item));
    });
  });

  it('every mapped item holds its own key', () => {
    holds(100, rows, (row) => {
      const item = itemOf(row);
      const attributes = JSON.parse(item.text) as Record<string, unknown>;
      expect(JSON.parse(item.keyText)).toEqual({ pk: attributes['pk'], sk: attributes['sk'] });
      expect(item.partition).toBe(JSON.stringify(attributes['pk']));
      expect(attributes['ttl']).toEqual({ N: String(item.expiresAt) });
    });
  });
});

type Value = Readonly<Record<string, unknown>>;
type Item = Readonly<Record<string, Value>>;

/** AWS, "DynamoDB item sizes and formats", written down once more and on its own. */
function billedBytes(item: Item): number {
  return Object.entries(item).reduce((sum, [name, value]) => sum + utf8(name) + valueBytes(value), 0);
}

function valueBytes(value: Value): number {
  const [type, content] = Object.entries(value)[0] ?? [];
  switch (type) {
    case 'S':
      return utf8(content as string);
    case 'N':
      return numberBytes(content as string);
    case 'B':
      return Buffer.from(content as string, 'base64').length;
    case 'BOOL':
    case 'NULL':
      return 1;
    case 'SS':
      return (content as string[]).reduce((sum, text) => sum + utf8(text), 0);
    case 'L':
      return (content as Value[]).reduce((sum, element) => sum + 1 + valueBytes(element), 3);
    case 'M':
      return Object.entries(content as Item).reduce(
        (sum, [name, inner]) => sum + 1 + utf8(name) + valueBytes(inner),
        3,
      );
    default:
      throw new Error(`no such type ${String(type)}`);
  }
}

const utf8 = (text: string): number => new TextEncoder().encode(text).length;

/**
 * Pairs of digits around the point, from the first to the last that is not 00, and one byte; one more for a minus; 21
 * at most.
 */
function numberBytes(text: string): number {
  if (text === '0') return 1;
  const [whole = '', fraction = ''] = text.replace('-', '').split('.');
  const aligned =
    whole.padStart(whole.length + (whole.length % 2), '0') +
    fraction.padEnd(fraction.length + (fraction.length % 2), '0');
  const pairs = (aligned.match(/../g) ?? []).map(Number);
  const used = pairs.findLastIndex((pair) => pair > 0) - pairs.findIndex((pair) => pair > 0) + 1;
  return Math.min(21, used + 1 + (text.startsWith('-') ? 1 : 0));
}
