import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Cell, ColumnInfo } from '../../../../src/core/model.js';
import { compileTemplate } from '../../../../src/mapping/template/compiled-template.js';
import { holds } from '../seeded.js';
import { column, table, viewOf } from '../tables.js';

/** What `{c<calls>}` gives for a cell of a column `c` of that definition. */
function evaluate(definition: string | ColumnInfo, calls: string, cell: Cell): string {
  const info = table({ c: typeof definition === 'string' ? column('c', definition) : definition });
  return compileTemplate(`{c${calls}}`, info, () => 0).evaluate(viewOf([cell], info));
}

const sha = (text: string) => createHash('sha256').update(text).digest().readUIntBE(0, 6);

describe('columns without a function', () => {
  it.each<[string, Cell, string]>([
    ['varchar(9)', 'Ünï 👋', 'Ünï 👋'],
    ['int zerofill', '00042', '42'],
    ['decimal(10,5)', '-0.00750', '-0.0075'],
    ['double', '1.5e20', '150000000000000000000'],
    ['bit(9)', Buffer.from([1, 0]), '256'],
    ['year', '0000', '0'],
    ['datetime(3)', '2026-01-02 03:04:05.000', '2026-01-02 03:04:05.000'],
    ['time', '-01:00:00', '-01:00:00'],
    ['binary(2)', Buffer.from([0xff, 0]), '\u00ff\u0000'],
  ])('a template without a function prints a column of type %s', (definition, cell, expected) => {
    expect(evaluate(definition, '', cell)).toBe(expected);
  });

  it('a template without a function has no way to leave a NULL out', () => {
    expect(() => evaluate('varchar(9)', '', null)).toThrow(
      expect.objectContaining({ name: 'BadValue', column: 'c', reason: 'NULL in a template' }),
    );
  });
});

describe('template functions', () => {
  it.each<[string, string, Cell, string]>([
    ['datetime(3)', ':iso', '2026-01-02 03:04:05.678', '2026-01-02T03:04:05.678Z'],
    ['date', ':iso', '2026-01-02', '2026-01-02'],
    ['datetime', ':epoch-s', '2026-01-02 03:04:05', '1767323045'],
    ['datetime(3)', ':epoch-ms', '2026-01-02 03:04:05.678', '1767323045678'],
    ['datetime(6)', ':epoch-us', '1969-12-31 23:59:59.999999', '-1'],
    ['datetime', ':epoch-s:pad(12)', '2026-01-02 03:04:05', '001767323045'],
    ['datetime', ':epoch-s:sortable', '1969-12-31 23:59:59', '-999999999998'],
    ['int', ':pad(10)', '42', '0000000042'],
    ['int', ':pad(2)', '42', '42'],
    ['bit(8)', ':pad(3)', Buffer.from([7]), '007'],
    ['tinyint', ':sortable', '0', '0000'],
    ['tinyint', ':sortable', '127', '0127'],
    ['tinyint', ':sortable', '-1', '-998'],
    ['tinyint', ':sortable', '-128', '-871'],
    ['bigint unsigned', ':sortable', '18446744073709551615', '018446744073709551615'],
    ['bit(64)', ':sortable', Buffer.from(Array.from({ length: 8 }, () => 255)), '018446744073709551615'],
    ['decimal(5,2)', ':sortable', '12.50', '0012.50'],
    ['decimal(5,2)', ':sortable', '-12.50', '-987.49'],
    ['decimal(5,2)', ':sortable', '0.00', '0000.00'],
    ['decimal(5,5)', ':sortable', '0.12345', '00.12345'],
    ['decimal(5,5)', ':sortable', '-0.12345', '-9.87654'],
    ['decimal(5,0)', ':sortable', '-1', '-99998'],
    ['varbinary(9)', ':hex', Buffer.from([0, 0xab, 0xff]), '00abff'],
    ['varchar(9)', ':hex', 'Aé', '41c3a9'],
    ['varchar(9)', ':lower', 'ÄBC', 'äbc'],
    ['varchar(9)', ':upper', 'äbc', 'ÄBC'],
    ['varchar(9)', ':lower:hex', 'A', '61'],
    ['varchar(9)', ':hash(1000)', 'AC1', String(sha('AC1') % 1000)],
    ['int zerofill', ':hash(1000)', '0042', String(sha('42') % 1000)],
    ['binary(2)', ':hash(1000)', Buffer.from([0xab, 1]), String(sha('ab01') % 1000)],
    ['varchar(9)', ':hash(16):pad(2)', 'AC1', String(sha('AC1') % 16).padStart(2, '0')],
    ['tinyint', ':hash(100000):sortable', '1', `0${String(sha('1') % 100_000).padStart(5, '0')}`],
    ['varchar(9)', ':hash(1)', 'x', '0'],
  ])('the template {c %s%s} prints what its functions make of a cell', (definition, calls, cell, expected) => {
    expect(evaluate(definition, calls, cell)).toBe(expected);
  });

  it.each<[string, string, Cell, string]>([
    ['datetime', ':iso', '0000-00-00 00:00:00', 'not a day of the calendar'],
    ['date', ':iso', '2026-02-30', 'not a day of the calendar'],
    ['date', ':epoch-s', '2026-00-01', 'not a day of the calendar'],
    ['int', ':pad(2)', '100', 'more than the 2 digits of pad(2)'],
    ['int', ':pad(5)', '-1', 'a negative number in pad'],
    ['decimal(65,0)', '', '1'.repeat(39), 'more than 38 significant digits'],
    ['decimal(5,2)', ':sortable', '1234.00', 'more digits than the column declares'],
  ])('the template {c %s%s} of %s makes a bad row', (definition, calls, cell, reason) => {
    expect(() => evaluate(definition, calls, cell)).toThrow(
      expect.objectContaining({ name: 'BadValue', column: 'c', reason }),
    );
  });

  it.each([
    ['varchar(9)', ':iso', 'iso needs date or datetime, but gets text from column c'],
    ['time', ':iso', 'iso needs date or datetime, but gets time from column c'],
    ['varchar(9)', ':epoch-s', 'epoch-s needs date or datetime, but gets text from column c'],
    ['datetime(3)', ':epoch-s', 'epoch-s would cut off the 3 fraction digits of column c; use iso or epoch-us'],
    ['datetime(6)', ':epoch-ms', 'epoch-ms would cut off the 6 fraction digits of column c; use iso or epoch-us'],
    ['datetime', ':iso:iso', 'iso needs date or datetime, but gets encoded from column c'],
    ['datetime', ':iso(3)', 'iso does not take an argument'],
    ['varchar(9)', ':pad(3)', 'pad needs integer, but gets text from column c'],
    ['decimal(5,2)', ':pad(3)', 'pad needs integer, but gets decimal from column c'],
    ['int', ':pad', 'pad needs a number of digits from 1 to 64'],
    ['int', ':pad(0)', 'pad needs a number of digits from 1 to 64'],
    ['int', ':pad(65)', 'pad needs a number of digits from 1 to 64'],
    ['double', ':sortable', 'sortable needs integer or decimal, but gets float from column c'],
    ['int', ':hex', 'hex needs bytes or text, but gets integer from column c'],
    ['int', ':lower', 'lower needs text, but gets integer from column c'],
    ['double', ':hash(4)', 'hash needs text or integer'],
    ['varchar(9)', ':hash', 'hash needs the number of buckets'],
    ['varchar(9)', ':hash(0)', 'hash needs the number of buckets'],
    ['varchar(9)', ':trim', 'there is no function "trim"; there are iso, epoch-s'],
    ['newtype', '', 'this version of dynaferry does not know type newtype of column c'],
  ])('the template {c %s%s} is refused: %s', (definition, calls, message) => {
    expect(() => evaluate(definition, calls, null)).toThrow(
      expect.objectContaining({
        name: 'TemplateFault',
        code: 'E_MAPPING_INVALID',
        message: expect.stringContaining(message) as string,
      }),
    );
  });
});

describe('byte order of outputs', () => {
  const inOrder = (definition: string, calls: string, low: string, high: string): void => {
    const [left, right] = [low, high].map((cell) => Buffer.from(evaluate(definition, calls, cell)));
    if (left === undefined || right === undefined) throw new Error('two texts were expected');
    expect(Buffer.compare(left, right)).toBe(-1);
  };
  const pairs = (values: fc.Arbitrary<bigint>) =>
    fc
      .tuple(values, values)
      .filter(([a, b]) => a !== b)
      .map(([a, b]): [bigint, bigint] => (a < b ? [a, b] : [b, a]));
  const near = (min: bigint, max: bigint) =>
    fc.oneof(fc.bigInt({ min, max }), fc.bigInt({ min: -20n, max: 20n }), fc.constantFrom(min, max));

  it('outputs of :sortable integers have the byte order of their values, negatives included', () => {
    holds(1_000, pairs(near(-(2n ** 63n), 2n ** 63n - 1n)), ([low, high]) =>
      inOrder('bigint', ':sortable', String(low), String(high)),
    );
  });

  it('outputs of :sortable decimals have the byte order of their values, negatives and fractions included', () => {
    const decimal = (units: bigint): string => {
      const digits = String(units < 0n ? -units : units).padStart(6, '0');
      return `${units < 0n ? '-' : ''}${digits.slice(0, -5)}.${digits.slice(-5)}`;
    };
    holds(1_000, pairs(near(-9_999_999_999n, 9_999_999_999n)), ([low, high]) =>
      inOrder('decimal(10,5)', ':sortable', decimal(low), decimal(high)),
    );
  });

  it('outputs of :pad for unsigned integers have the byte order of their values', () => {
    const unsigned = fc.oneof(fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }), fc.bigInt({ min: 0n, max: 200n }));
    holds(1_000, pairs(unsigned), ([low, high]) => inOrder('bigint unsigned', ':pad(20)', String(low), String(high)));
  });

  it('outputs of :iso times and sortable epochs have the byte order of their values, before 1970 too', () => {
    const first = BigInt(Date.parse('0001-01-01T00:00:00Z'));
    const last = BigInt(Date.parse('9999-12-31T23:59:59Z'));
    const printed = (ms: bigint): string => new Date(Number(ms)).toISOString().replace('T', ' ').replace('Z', '');
    const times = fc.oneof(fc.bigInt({ min: first, max: last }), fc.bigInt({ min: -2_000n, max: 2_000n }));
    holds(1_000, pairs(times), ([low, high]) => {
      inOrder('datetime(3)', ':iso', printed(low), printed(high));
      inOrder('datetime(3)', ':epoch-ms:sortable', printed(low), printed(high));
    });
  });
});
