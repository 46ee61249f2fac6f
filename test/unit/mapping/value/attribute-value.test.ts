import { describe, expect, it } from 'vitest';
import type { ColumnRule } from '../../../../src/config/model.js';
import type { Cell, ColumnInfo } from '../../../../src/core/model.js';
import { cellWriter } from '../../../../src/mapping/value/attribute-value.js';
import { ItemBuffer } from '../../../../src/mapping/item/item-buffer.js';
import { column } from '../tables.js';

type Asked = Partial<Pick<ColumnRule, 'type' | 'format'>>;

function encode(
  definition: string,
  asked: Asked,
  cell: NonNullable<Cell>,
  extra: Partial<ColumnInfo> = {},
): { readonly text: string; readonly bytes: number } {
  const writer = cellWriter(column('c', definition, extra), { type: null, format: null, ...asked });
  const out = new ItemBuffer();
  out.begin();
  // Not at the start of its buffer: cells stand behind others.
  const source = Buffer.from([7, ...(typeof cell === 'string' ? Buffer.from(cell) : cell), 7]);
  writer.write(source, 1, source.length - 1, out);
  const text = out.buffer.toString('utf8', out.start, out.at);
  return { text: writer.open + text + writer.close, bytes: out.bytes };
}

const bytes = (...values: number[]) => Buffer.from(values);

describe('default attribute values', () => {
  it.each<[string, NonNullable<Cell>, string, number]>([
    ['tinyint', '-1', '{"N":"-1"}', 3],
    ['int zerofill', '00042', '{"N":"42"}', 2],
    ['bigint unsigned', '18446744073709551615', '{"N":"18446744073709551615"}', 11],
    ['decimal(10,5)', '-0.00750', '{"N":"-0.0075"}', 3],
    ['decimal(5,2)', '-0.00', '{"N":"0"}', 1],
    ['float', '16777216', '{"N":"16777216"}', 5],
    ['double', '1e-7', '{"N":"0.0000001"}', 2],
    ['year', '0000', '{"N":"0"}', 1],
    ['bit(9)', bytes(1, 0), '{"N":"256"}', 3],
    ['char(3)', 'USD', '{"S":"USD"}', 3],
    ['varchar(9)', '', '{"S":""}', 0],
    ['varchar(9)', 'a"b\\c\nd', String.raw`{"S":"a\"b\\c\nd"}`, 7],
    ['varchar(9)', 'é你👋', '{"S":"é你👋"}', 9],
    ['varchar(9)', '\u0000\u001f\u007f', '{"S":"\\u0000\\u001f\u007f"}', 3],
    ['varchar(9)', ' trailing ', '{"S":" trailing "}', 10],
    ["enum('a','b')", 'b', '{"S":"b"}', 1],
    ["set('a','b')", 'a,b', '{"S":"a,b"}', 3],
    ['json', '{"b": 1}', String.raw`{"S":"{\"b\": 1}"}`, 8],
    ['time', '-838:59:59', '{"S":"-838:59:59"}', 10],
    ['inet6', '::1', '{"S":"::1"}', 3],
    ['date', '2026-01-02', '{"S":"2026-01-02"}', 10],
    ['datetime(6)', '2026-01-02 03:04:05.000001', '{"S":"2026-01-02T03:04:05.000001Z"}', 27],
    ['timestamp', '2026-01-02 03:04:05', '{"S":"2026-01-02T03:04:05Z"}', 20],
    ['binary(4)', bytes(1, 2, 0, 0), '{"B":"AQIAAA=="}', 4],
    ['varbinary(4)', bytes(), '{"B":""}', 0],
    ['point', bytes(1), '{"B":"AQ=="}', 1],
  ])('cellWriter encodes by default a cell of %s: %j', (definition, cell, text, size) => {
    expect(encode(definition, {}, cell)).toEqual({ text, bytes: size });
  });
});

describe('attribute values as asked', () => {
  it.each<[string, Asked, NonNullable<Cell>, string, number]>([
    ['decimal(5,2)', { type: 'S' }, '1.50', '{"S":"1.50"}', 4],
    ['int zerofill', { type: 'S' }, '00042', '{"S":"00042"}', 5],
    ['bit(9)', { type: 'S' }, bytes(1, 0), '{"S":"256"}', 3],
    ['bit(16)', { type: 'S' }, bytes(255, 255), '{"S":"65535"}', 5],
    ['bit(9)', { type: 'B' }, bytes(1, 0), '{"B":"AQA="}', 2],
    ['varchar(9)', { type: 'N' }, '1.50', '{"N":"1.5"}', 3],
    ['json', { type: 'N' }, '1e3', '{"N":"1000"}', 2],
    ['varchar(9)', { type: 'B' }, 'é', '{"B":"w6k="}', 2],
    // A column that stores UTF-8 keeps bytes that are none, as they are.
    ['varchar(9)', { type: 'B' }, bytes(0xff, 0x41), '{"B":"/0E="}', 2],
    ['varbinary(9)', { type: 'B' }, bytes(0xff), '{"B":"/w=="}', 1],
    ["set('a')", { type: 'B' }, 'a', '{"B":"YQ=="}', 1],
    ['json', { type: 'B' }, '1', '{"B":"MQ=="}', 1],
    ['varbinary(9)', { type: 'S' }, Buffer.from('é"'), String.raw`{"S":"é\""}`, 3],
    ['varbinary(9)', { type: 'S' }, bytes(0xef, 0xbb, 0xbf, 0x41), '{"S":"\ufeffA"}', 4],
    ['tinyint', { type: 'BOOL' }, '1', '{"BOOL":true}', 1],
    ['tinyint', { type: 'BOOL' }, '0', '{"BOOL":false}', 1],
    ['tinyint zerofill', { type: 'BOOL' }, '001', '{"BOOL":true}', 1],
    ['bit(1)', { type: 'BOOL' }, bytes(1), '{"BOOL":true}', 1],
    ['bit(1)', { type: 'BOOL' }, bytes(0), '{"BOOL":false}', 1],
    ["set('b','a','é')", { type: 'SS' }, 'b,a,é', '{"SS":["a","b","é"]}', 4],
    // How an empty member in front comes: see set-members.ts.
    ["set('a','','b')", { type: 'SS' }, ',b', '{"SS":["","b"]}', 1],
    ["set('a','','b')", { type: 'SS' }, ',', '{"SS":[""]}', 0],
    ["set('a','','b')", { type: 'SS' }, 'b', '{"SS":["b"]}', 1],
    ["set('a','','b')", {}, ',b', '{"S":"b"}', 1],
    ["set('a','','b')", { type: 'B' }, 'a,,b', '{"B":"YSwsYg=="}', 4],
    [
      'json',
      { type: 'JSON' },
      '{"b":[1.0,null],"a":true}',
      '{"M":{"a":{"BOOL":true},"b":{"L":[{"N":"1"},{"NULL":true}]}}}',
      16,
    ],
    ['text', { type: 'JSON' }, '"x"', '{"S":"x"}', 1],
    ['date', { format: 'iso', type: 'S' }, '2026-01-02', '{"S":"2026-01-02"}', 10],
    ['datetime', { format: 'text' }, '0000-00-00 00:00:00', '{"S":"0000-00-00 00:00:00"}', 19],
    ['datetime(3)', { format: 'epoch-s' }, '2026-01-02 03:04:05.678', '{"N":"1767323045.678"}', 8],
    ['datetime(6)', { format: 'epoch-s' }, '2026-01-02 03:04:05.678901', '{"N":"1767323045.678901"}', 9],
    ['datetime(3)', { format: 'epoch-ms', type: 'N' }, '2026-01-02 03:04:05.678', '{"N":"1767323045678"}', 8],
    ['date', { format: 'epoch-us' }, '1970-01-02', '{"N":"86400000000"}', 3],
  ])('cellWriter encodes a cell of %s as asked by %j: %j', (definition, asked, cell, text, size) => {
    expect(encode(definition, asked, cell)).toEqual({ text, bytes: size });
  });
});

describe('bad values', () => {
  it.each<[string, Asked, NonNullable<Cell>, string]>([
    ['decimal(65,0)', {}, '1'.repeat(39), 'more than 38 significant digits'],
    ['double', {}, '1e-300', 'magnitude outside 1E-130 to 9.99E+125'],
    ['varchar(9)', { type: 'N' }, '', 'not a number'],
    ['varchar(9)', { type: 'N' }, '12 ', 'not a number'],
    ['tinyint', { type: 'BOOL' }, '2', 'neither 0 nor 1, so not a BOOL'],
    ['tinyint', { type: 'BOOL' }, '-1', 'neither 0 nor 1, so not a BOOL'],
    ['bit(2)', { type: 'BOOL' }, bytes(3), 'neither 0 nor 1, so not a BOOL'],
    ["set('a')", { type: 'SS' }, '', 'an empty set, which DynamoDB cannot store'],
    ["set('','')", { type: 'SS' }, ',,', 'a set that has one member twice, which DynamoDB cannot store'],
    ['varbinary(9)', { type: 'S' }, bytes(0xc3, 0x28), 'bytes that are not UTF-8 text'],
    ['varbinary(9)', { type: 'S' }, bytes(0xed, 0xa0, 0x80), 'bytes that are not UTF-8 text'],
    ['datetime', {}, '0000-00-00 00:00:00', 'a zero date-time, or a day that is not in the calendar'],
    ['date', {}, '2026-02-30', 'a zero date, or a day that is not in the calendar'],
    ['date', { format: 'epoch-s' }, '2026-00-01', 'a zero date, or a day that is not in the calendar'],
    ['json', { type: 'JSON' }, '{', 'text that is not JSON, or repeats a name with another value'],
  ])('cellWriter refuses as a bad value a cell of %s as %j: %j', (definition, asked, cell, reason) => {
    expect(() => encode(definition, asked, cell)).toThrow(
      expect.objectContaining({ name: 'BadValue', column: 'c', reason }),
    );
  });

  it.each<[charset: string, ColumnRule['type'], Buffer]>([
    // Bytes that UTF-8 would take, and that ASCII does not have.
    ['ascii', null, bytes(0xc3, 0xa9)],
    ['ascii', 'B', bytes(0xc3, 0xa9)],
    // What the server gives for a code without a character.
    ['gbk', null, bytes(0xff)],
    ['gbk', 'B', bytes(0xff)],
  ])('cellWriter refuses %s text as %s that has no exact form', (charset, type, cell) => {
    expect(() => encode('varchar(9)', { type }, cell, { charset })).toThrow(
      expect.objectContaining({ name: 'BadValue', column: 'c', reason: 'text that has no exact form in UTF-8' }),
    );
  });

  it.each<[string, ColumnRule['type'], number]>([
    ['longtext', null, 1],
    ['longtext', 'B', 1],
    ['longblob', null, 1],
    ['longtext', null, 0],
    ['longblob', null, 0],
  ])('cellWriter judges a %s as %s that exceeds a whole item by %i bytes', (definition, type, beyond) => {
    const map = (): unknown => encode(definition, { type }, 'x'.repeat(400 * 1024 + beyond)).bytes;
    const reason = 'a value larger than the 409600 bytes of a whole item';
    if (beyond === 0) expect(map()).toBe(400 * 1024);
    else expect(map).toThrow(expect.objectContaining({ name: 'BadValue', column: 'c', reason }));
  });

  it('a BadValue never shows the value of its cell', () => {
    for (const [definition, type] of [
      ['varchar(9)', 'N'],
      ['tinyint', 'BOOL'],
      ['json', 'JSON'],
    ] as const) {
      expect(() => encode(definition, { type }, '4915112345678x')).toThrow(
        expect.objectContaining({ message: expect.not.stringContaining('4915112345678') as string }),
      );
    }
  });
});

describe('refused overrides', () => {
  const cannot = (definition: string, ...types: ('S' | 'N' | 'B' | 'BOOL' | 'SS' | 'JSON')[]) =>
    types.map((type): [string, typeof type, string] => [definition, type, /^[a-z]+/.exec(definition)?.[0] ?? '']);

  it.each([
    ...cannot('int', 'B', 'SS', 'JSON'),
    ...cannot('decimal(5,2)', 'B', 'BOOL', 'SS', 'JSON'),
    ...cannot('double', 'B', 'BOOL', 'SS', 'JSON'),
    ...cannot('year', 'B', 'BOOL', 'SS', 'JSON'),
    ...cannot('bit(1)', 'SS', 'JSON'),
    ...cannot('varchar(9)', 'BOOL', 'SS'),
    ...cannot("enum('a')", 'BOOL', 'SS'),
    ...cannot('json', 'BOOL', 'SS'),
    ...cannot("set('a')", 'N', 'BOOL', 'JSON'),
    ...cannot('varbinary(9)', 'N', 'BOOL', 'SS', 'JSON'),
    ...cannot('time', 'N', 'B', 'BOOL', 'SS', 'JSON'),
  ])('cellWriter refuses the override of %s as %s', (definition, type, dataType) => {
    expect(() => encode(definition, { type }, '')).toThrow(
      expect.objectContaining({ name: 'RuleFault', message: `a ${dataType} column cannot become ${type}` }),
    );
  });

  it.each<[string, Asked, string]>([
    ['datetime', { type: 'N' }, 'a datetime in format iso is S, not N'],
    ['datetime', { type: 'N', format: 'text' }, 'a datetime in format text is S, not N'],
    ['date', { type: 'S', format: 'epoch-s' }, 'a date in format epoch-s is N, not S'],
    ['date', { type: 'B' }, 'a date in format iso is S, not B'],
    ['int', { format: 'iso' }, 'format is for dates and times, not for int'],
    ['time', { format: 'text' }, 'format is for dates and times, not for time'],
    ['varchar(30)', { format: 'iso' }, 'format is for dates and times, not for varchar'],
    ['newtype', {}, 'this version of dynaferry does not know type newtype; drop the column'],
  ])('cellWriter refuses the override of %s as %j', (definition, asked, message) => {
    expect(() => encode(definition, asked, '')).toThrow(expect.objectContaining({ name: 'RuleFault', message }));
  });
});
