/** What is one value of a column, however two shards define it, and what is not. */
import { describe, expect, it } from 'vitest';
import type { ColumnInfo } from '../../../../src/core/model.js';
import { compileSameValue } from '../../../../src/mapping/key/same-value.js';
import { column, compile, rule, table } from '../tables.js';

type Side = readonly [definition: string, cell: string | Buffer, extra?: Partial<ColumnInfo>];

/** Names of a value of `account`, which `template` takes into the sort key. */
function namesOf([definition, cell, extra = {}]: Side, template: string): readonly string[] {
  const info = table({ id: 'int unsigned', account: column('account', definition, extra) });
  const mapping = compile(info, rule('A', template));
  return compileSameValue(mapping, 'account')
    .namesOf(cell)
    .map((name) => JSON.stringify(name));
}

function areOne(one: Side, other: Side, template = '{id:pad(10)}'): boolean {
  const names = new Set(namesOf(one, template));
  return namesOf(other, template).some((name) => names.has(name));
}

const bytes = (hex: string): Buffer => Buffer.from(hex, 'hex');
const collated = (collation: string): Partial<ColumnInfo> => ({ collation });
const UUID = '0b5c4f0e-1111-4222-8333-ABCDEFabcdef';

describe('equal values', () => {
  it.each<[string, Side, Side, string?]>([
    ['DECIMAL of other scales', ['decimal(10,2)', '1.00'], ['decimal(10,4)', '1.0000']],
    ['DECIMAL and INT', ['decimal(10,2)', '7.00'], ['int', '7']],
    ['DECIMAL of more digits than 38', ['decimal(65,2)', `${'9'.repeat(40)}.00`], ['decimal(65,0)', '9'.repeat(40)]],
    ['zero with a sign', ['decimal(10,2)', '-0.00'], ['int', '0']],
    ['ZEROFILL', ['int(5) unsigned zerofill', '00007'], ['int', '7']],
    ['INT and VARCHAR', ['int', '7'], ['varchar(10)', '7']],
    ['ZEROFILL and VARCHAR, by the number', ['int(5) zerofill', '00007'], ['varchar(10)', '7']],
    ['DOUBLE and BIGINT', ['double', '1e20'], ['decimal(30,0)', '100000000000000000000']],
    ['DOUBLE in two spellings', ['double', '1.5e2'], ['double', '150']],
    ['BIT of other lengths', ['bit(8)', bytes('07')], ['bit(16)', bytes('0007')]],
    ['BIT and INT', ['bit(8)', bytes('07')], ['int', '7']],
    ['YEAR and INT', ['year', '2024'], ['smallint', '2024']],
    ['DATETIME of other digits', ['datetime', '2024-01-02 03:04:05'], ['datetime(6)', '2024-01-02 03:04:05.000000']],
    [
      'DATETIME and TIMESTAMP, with a fraction',
      ['datetime(3)', '2024-01-02 03:04:05.120'],
      ['timestamp(6)', '2024-01-02 03:04:05.120000'],
    ],
    ['DATE and DATETIME', ['date', '2024-01-02'], ['datetime(3)', '2024-01-02 00:00:00.000']],
    ['TIME of other digits', ['time', '-10:00:00'], ['time(3)', '-10:00:00.000']],
    ['CHAR and a VARCHAR that pads', ['char(10)', 'a b'], ['varchar(10)', 'a b  ']],
    ['CHAR and ENUM', ['char(10)', 'a'], ["enum('a','b')", 'a']],
    ['other charsets', ['varchar(9)', 'é', { charset: 'latin1', collation: 'latin1_bin' }], ['varchar(9)', 'é']],
    ['UUIDs as text', ['char(36)', UUID.toUpperCase()], ['varchar(40)', UUID]],
    ['MariaDB UUID and CHAR', ['uuid', UUID.toLowerCase(), { charset: null, collation: null }], ['char(36)', UUID]],
    ['SET in another order', ["set('a','b')", 'a,b'], ["set('b','a')", 'b,a']],
    ['BINARY filled up', ['binary(4)', bytes('61620000')], ['binary(6)', bytes('616200000000')]],
    ['BINARY and VARBINARY', ['binary(4)', bytes('61620000')], ['varbinary(6)', bytes('6162')]],
    ['the very bytes of a BINARY', ['binary(4)', bytes('61620000')], ['varbinary(6)', bytes('61620000')]],
    ['bytes and text', ['varbinary(9)', Buffer.from('é')], ['varchar(9)', 'é']],
    ['case that the mapping ignores', ['varchar(9)', 'Abc'], ['varchar(9)', 'aBC'], '{account:lower}'],
    ['case that the mapping ignores, up', ['varchar(9)', 'straße'], ['varchar(9)', 'STRASSE'], '{account:upper}'],
    ['such case with spaces that do not count', ['char(9)', 'Abc'], ['varchar(9)', 'abC '], '{account:lower:hex}'],
    ['what hex makes of bytes and text', ['varbinary(9)', bytes('ff')], ['varbinary(9)', bytes('ff')], '{account:hex}'],
    [
      'what a function makes of it',
      ['date', '2024-01-02'],
      ['datetime', '2024-01-02 00:00:00'],
      '{account:epoch-s:pad(12)}',
    ],
  ])('compileSameValue takes both sides as one value: %s', (_, one, other, template) => {
    expect(areOne(one, other, template)).toBe(true);
    expect(areOne(other, one, template)).toBe(true);
  });
});

describe('different values', () => {
  it.each<[string, Side, Side, string?]>([
    ['numbers', ['decimal(10,2)', '1.00'], ['decimal(10,4)', '1.0001']],
    ['a text with zeros before and a number', ['varchar(9)', '007'], ['int', '7']],
    ['texts with zeros behind', ['varchar(9)', '1.0'], ['varchar(9)', '1.00']],
    ['fractions', ['datetime(3)', '2024-01-02 03:04:05.120'], ['datetime', '2024-01-02 03:04:05']],
    ['seconds with a zero', ['datetime', '2024-01-02 03:04:50'], ['datetime', '2024-01-02 03:04:05']],
    ['case', ['varchar(9)', 'Abc'], ['varchar(9)', 'abc']],
    ['case, hashed', ['varchar(9)', 'Abc'], ['varchar(9)', 'abc'], '{account:hash(2):pad(1)}'],
    [
      'spaces under a collation that compares them',
      ['varchar(9)', 'a', collated('utf8mb4_0900_ai_ci')],
      ['varchar(9)', 'a ', collated('utf8mb4_0900_ai_ci')],
    ],
    ['spaces before', ['varchar(9)', ' a'], ['varchar(9)', 'a']],
    ['composed text (NFC, NFD)', ['varchar(9)', 'e\u0301'], ['varchar(9)', '\u00e9']],
    ['bytes with zeros behind', ['varbinary(9)', bytes('61')], ['varbinary(9)', bytes('6100')]],
    ['bytes and the text of their digits', ['varbinary(9)', bytes('61')], ['varchar(9)', '61'], '{account:hex}'],
    ['members', ["set('a','b')", 'a,b'], ["set('a','b')", 'a']],
  ])('compileSameValue takes both sides as two values: %s', (_, one, other, template) => {
    expect(areOne(one, other, template)).toBe(false);
    expect(areOne(other, one, template)).toBe(false);
  });
});

it('compileSameValue lists the name that earlier versions recorded first, and no other name for plain values', () => {
  expect(namesOf(['varchar(9)', 'AC1'], '{account}')).toEqual(['["AC1"]']);
  expect(namesOf(['int', '7'], '{account:pad(10)}')).toEqual(['["7"]', '["0000000007","{account:pad(10)}"]']);
  expect(namesOf(['decimal(10,2)', '1.00'], '{id:pad(10)}')).toEqual(['["1.00"]', '["1"]']);
  expect(namesOf(['varbinary(9)', bytes('ff')], '{id:pad(10)}')).toEqual(['[{"hex":"ff"}]']);
});

it('compileSameValue names no value by a template that refuses it', () => {
  expect(namesOf(['int', '-7'], '{account:pad(10)}')).toEqual(['["-7"]']);
});

describe('forms in another column', () => {
  const formsOf = ([definition, cell]: Side, template = '{id:pad(10)}'): readonly (string | Buffer)[] => {
    const info = table({ id: 'int unsigned', account: column('account', definition) });
    return compileSameValue(compile(info, rule('A', template)), 'account').formsOf(cell);
  };

  it.each<[string, Side, string | undefined, readonly (string | Buffer)[]]>([
    ['as it is', ['varchar(9)', 'Abc'], undefined, ['Abc']],
    ['by its type', ['decimal(10,2)', '1.50'], undefined, ['1.50', '1.5']],
    ['in either case, where the mapping ignores it', ['varchar(9)', 'Abc'], '{account:lower}', ['Abc', 'abc', 'ABC']],
    [
      'in either case, whichever the mapping makes of it',
      ['varchar(9)', 'Abc'],
      '{account:upper}',
      ['Abc', 'abc', 'ABC'],
    ],
    ['in its own case, where the mapping says nothing of it', ['varchar(9)', 'Abc'], '{account:hex}', ['Abc']],
  ])('compileSameValue gives the forms of a value in another column: %s', (_, side, template, forms) => {
    expect(formsOf(side, template)).toEqual(forms);
  });

  it('compileSameValue gives the forms of a value in another column as bytes and as text', () => {
    const forms = formsOf(['varbinary(9)', Buffer.from('Abc')]);
    const texts = forms.map((form) => (typeof form === 'string' ? form : form.toString('hex')));
    expect(new Set(texts)).toEqual(new Set(['416263', 'Abc']));
  });
});
