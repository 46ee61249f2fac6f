import { describe, expect, it } from 'vitest';
import type { ColumnInfo, UniqueKey } from '../../../../src/core/model.js';
import {
  judgeUniqueness,
  type KeyTemplates,
  type KeyFacts,
  type Uniqueness,
} from '../../../../src/mapping/key/key-uniqueness.js';
import { column, compile, rule, table, uniqueKey, type RuleParts } from '../tables.js';

const COLUMNS = {
  id: 'int unsigned',
  n: 'int',
  d: 'decimal(9,2)',
  account: 'varchar(34)',
  sid: 'varchar(34)',
  bin: 'binary(4)',
  vbin: 'varbinary(16)',
  at: 'datetime(6)',
  day: 'date',
  kind: "enum('a','b')",
  flags: 'bit(8)',
};
const SPREAD: RuleParts = { pk: { spread: { by: 'sid', shards: 4, account: null, overrides: {} } } };

const ONE_SHARD: KeyFacts = { severalShards: false, ofOneShard: () => [], readWhole: () => false };
const judge = (rules: readonly KeyTemplates[]): Uniqueness => judgeUniqueness(rules, ONE_SHARD);

interface Case {
  readonly keys: readonly UniqueKey[];
  readonly parts?: RuleParts;
  readonly columns?: Readonly<Record<string, string | ColumnInfo>>;
}

function templates(
  partition: string,
  sort: string | null,
  { keys, parts = {}, columns = {} }: Case,
  name = 'messages',
): readonly KeyTemplates[] {
  return compile(table({ ...COLUMNS, ...columns }, keys, name), rule(partition, sort, parts)).keys;
}

const verdict = (partition: string, sort: string | null, given: Case): string =>
  judge(templates(partition, sort, given)).verdict;

const ID = { keys: [uniqueKey(['id'])] };
const SID = { keys: [uniqueKey(['sid'])] };
const BOTH = { keys: [uniqueKey(['account', 'sid'])] };
const NUMBERS = { keys: [uniqueKey(['id', 'n'])] };

describe('proven keys', () => {
  it.each<[string, string, string | null, Case]>([
    ['a number alone', '{id}', null, ID],
    ['a text alone', '{sid}', null, SID],
    ['a text between literals', 'MSG#{sid}#x', null, SID],
    ['a text in the sort key', '{account}', '{sid}', BOTH],
    ['a fixed width before a text', '{at:iso}#{sid}', null, SID],
    ['a fixed width before a text without separator', 'x', '{id:pad(10)}{sid}', keyOn(['id', 'sid'])],
    ['a text before a fixed width', '{sid}{id:pad(10)}', null, keyOn(['id', 'sid'])],
    ['a free text between fixed widths', '{day}{sid}{bin:hex}', null, keyOn(['day', 'sid', 'bin'])],
    ['numbers with a separator that they cannot hold', '{id}#{n}', null, NUMBERS],
    ['an unsigned number before a minus sign', '{id}-{n}', null, NUMBERS],
    ['a signed number and a letter that exponents would have', '{n}e{id}', null, NUMBERS],
    ['a decimal and a comma', '{d},{id}', null, keyOn(['d', 'id'])],
    ['sortable numbers side by side', '{n:sortable}{d:sortable}', null, keyOn(['n', 'd'])],
    ['hex digits and a separator', '{vbin:hex}#{account:hex}', null, keyOn(['vbin', 'account'])],
    ['epochs and a separator', '{at:epoch-us}#{id}', null, keyOn(['at', 'id'])],
    ['a date as it is', '{day}{id}', null, keyOn(['day', 'id'])],
    ['a minus sign behind a signed number, read from the right', '{n}-{id}', null, NUMBERS],
    ['a text, read from the right', '{sid}#{id}', null, keyOn(['sid', 'id'])],
    ['bits', '{flags}#{id}', null, keyOn(['flags', 'id'])],
    ['more than the key needs', '{account}#{kind}', '{at:iso}#{sid}', SID],
    [
      'any of several unique keys',
      '{account}',
      '{at:iso}#{id:sortable}',
      { keys: [uniqueKey(['account', 'sid']), uniqueKey(['id'])] },
    ],
    ['a hash beside what tells rows apart', '{sid:hash(16)}', '{sid}', SID],
    ['a lower-case copy beside the text itself', '{sid:lower}', '{sid}', SID],
    ['a number behind which a suffix follows', 'A#{id}', null, { ...ID, parts: SPREAD }],
    ['a fixed width behind which a suffix follows', 'A#{bin:hex}', null, { keys: [uniqueKey(['bin'])], parts: SPREAD }],
    [
      'a text that a suffix follows, with the key in the sort key',
      'A#{account}',
      '{at:iso}#{sid}',
      { ...SID, parts: SPREAD },
    ],
    [
      'a unique key with NULLs: a template refuses them',
      '{sid}',
      null,
      { keys: [uniqueKey(['sid'], { nullable: true })] },
    ],
    ['a unique prefix: then the whole is unique too', '{sid}', null, { keys: [uniqueKey(['sid'], { prefix: true })] }],
    [
      'an ENUM whose members all differ, however alike they are',
      '{odd}',
      '{odd:text}',
      { keys: [uniqueKey(['odd'])], columns: { odd: "enum('e','é','it''s','its')" } },
    ],
    ['a key of bytes', '{vbin}', null, { keys: [uniqueKey(['vbin'])], parts: { pk: { type: 'B' } } }],
    ['a key of numbers', '{d}', '{n}', { ...keyOn(['d', 'n']), parts: { pk: { type: 'N' }, sk: { type: 'N' } } }],
  ])('judgeUniqueness proves item keys unique: %s: %s %s', (_, partition, sort, given) => {
    expect(judge(templates(partition, sort, given))).toEqual({ verdict: 'proven' });
  });
});

describe('unproven keys', () => {
  it.each<[string, string, string | null, Case]>([
    ['two free texts side by side', '{account}{sid}', null, BOTH],
    ['a separator that the texts may hold', '{account}#{sid}', null, BOTH],
    ['a long separator that the texts may hold', '{account}###{sid}', null, BOTH],
    ['three texts, one delimited from neither side', '{account}#{sid}#{kind}', null, BOTH],
    ['two numbers side by side', '{id}{n}', null, NUMBERS],
    ['a minus sign between signed numbers', '{n}-{d}', null, keyOn(['n', 'd'])],
    ['a point between decimals', '{d}.{e}', null, { ...keyOn(['d', 'e']), columns: { e: 'decimal(9,2)' } }],
    ['a digit behind a number', '{id}0{n}', null, NUMBERS],
    ['a separator with one character that the number may hold', '{id}#1{n}', null, NUMBERS],
    ['a number and a text side by side', '{id}{sid}', null, keyOn(['id', 'sid'])],
    ['a hex letter between hex', '{vbin:hex}a{account:hex}', null, keyOn(['vbin', 'account'])],
    ['lower case', '{sid:lower}', null, SID],
    ['upper case as hex', '{sid:upper:hex}', null, SID],
    ['a text that a suffix follows', 'A#{sid}', null, { ...SID, parts: SPREAD }],
    ['a text and a literal that a suffix follows', 'A#{sid}#', null, { ...SID, parts: SPREAD }],
    [
      'a free text of which a suffix hides the end',
      '{account}#{id:pad(10)}',
      null,
      { ...keyOn(['account', 'id']), parts: SPREAD },
    ],
    [
      'a character set that holds some characters twice',
      '{odd}',
      null,
      { keys: [uniqueKey(['odd'])], columns: { odd: column('odd', 'varchar(9)', { charset: 'cp932' }) } },
    ],
    [
      'an ENUM with an empty member, which its invalid value looks like',
      '{odd}',
      null,
      { keys: [uniqueKey(['odd'])], columns: { odd: "enum('a','')" } },
    ],
    ['a YEAR(2), which prints 0 as 2000', '{odd}', null, { keys: [uniqueKey(['odd'])], columns: { odd: 'year(2)' } }],
    [
      'an ENUM that declares a member twice',
      '{odd}',
      null,
      { keys: [uniqueKey(['odd'])], columns: { odd: "enum('a','b','a')" } },
    ],
    [
      'a SET that declares a member twice',
      '{odd:text}',
      null,
      { keys: [uniqueKey(['odd'])], columns: { odd: "set('it''s','b','it''s')" } },
    ],
    ['a SET with an empty member', '{odd}', null, { keys: [uniqueKey(['odd'])], columns: { odd: "set('','a')" } }],
  ])('judgeUniqueness leaves item keys unproven: %s: %s %s', (_, partition, sort, given) => {
    expect(verdict(partition, sort, given)).toBe('unproven');
  });
});

describe('possible duplicates', () => {
  it.each<[string, string, string | null, Case]>([
    ['a constant', 'A', null, ID],
    ['two constants', 'A', 'B', ID],
    ['a column of the key left out', '{account}', null, BOTH],
    ['a time, which rows share', '{account}', '{at:iso}', BOTH],
    ['a hash alone: buckets hold many rows', '{sid:hash(999999)}', null, SID],
    ['a padded hash', '{account}', '{sid:hash(16):pad(2)}', BOTH],
    ['the suffix of a spread, which is a hash', '{account}', '{at:iso}', { ...BOTH, parts: SPREAD }],
    ['a table without unique keys', '{id}', null, { keys: [] }],
    ['a key on an expression', '{sid}', null, { keys: [uniqueKey(['(lower(`sid`))'])] }],
  ])('judgeUniqueness finds shared item keys possible: %s: %s %s', (_, partition, sort, given) => {
    expect(verdict(partition, sort, given)).toBe('possible');
  });

  it('judgeUniqueness says which columns a key needs', () => {
    const result = judge(templates('{account}', null, { keys: [uniqueKey(['account', 'sid']), uniqueKey(['id'])] }));
    expect(result).toEqual({
      verdict: 'possible',
      reason:
        'the item key of item "message" of table messages does not have all columns of any unique key; it must have those of (account, sid) or (id)',
      remedy: 'use all columns of one unique key in the key templates',
    });
  });
});

describe('several rules', () => {
  const judged = (...rules: (readonly KeyTemplates[])[]): string => judge(rules.flat()).verdict;
  const of = (partition: string, sort: string | null, parts: RuleParts = {}, name = 'messages') =>
    templates(partition, sort, { ...ID, parts }, name);

  it.each<[string, string, readonly (readonly KeyTemplates[])[]]>([
    ['different beginnings', 'proven', [of('A#{id}', null), of('B#{id}', null)]],
    ['a beginning that is longer but differs', 'proven', [of('MSG#{id}', null), of('MESSAGE#{id}', null)]],
    ['sort keys that begin differently', 'proven', [of('{id}', 'A'), of('{id}', 'B{at:iso}')]],
    ['constant sort keys', 'proven', [of('{id}', 'A'), of('{id}', 'AB')]],
    ['different tables, different beginnings', 'proven', [of('A{id}', null), of('B{id}', null, {}, 'calls')]],
    ['a suffix does not touch the beginning', 'proven', [of('A{id}', null, SPREAD), of('B{id}', null)]],
    ['the same template twice', 'unproven', [of('A#{id}', null), of('A#{id}', null)]],
    ['different tables, one template', 'unproven', [of('{id}', null), of('{id}', null, {}, 'calls')]],
    ['a beginning that the other continues', 'unproven', [of('A#{id}', null), of('A#1{id}', null)]],
    ['no beginning on one side', 'unproven', [of('{id}', null), of('A{id}', null)]],
    ['a constant sort key and one that continues it', 'unproven', [of('{id}', 'A'), of('{id}', 'A{at:iso}')]],
    ['a rule that may overwrite its own items', 'possible', [of('A#{id}', null), of('B', null)]],
  ])('judgeUniqueness gives its verdict for several rules: %s: %s', (_, expected, rules) => {
    expect(judged(...rules)).toBe(expected);
  });

  it('judgeUniqueness knows that a suffix can make one constant of another', () => {
    const constants = (parts: RuleParts) => [
      ...templates('A', '{id:pad(10)}', { ...ID, parts }),
      ...templates('A#1', '{id:pad(10)}', ID, 'calls'),
    ];
    expect(judge(constants({})).verdict).toBe('proven');
    expect(judge(constants(SPREAD)).verdict).toBe('unproven');
  });

  it('judgeUniqueness of several rules gives the worst verdict, and names the rules', () => {
    expect(judge([...of('A#{id}', null), ...of('A#{id}', null, {}, 'calls')])).toEqual({
      verdict: 'unproven',
      reason: 'item "message" of table messages and item "message" of table calls could give the same key',
      remedy: 'begin their templates with different literals',
    });
  });
});

describe('several shards', () => {
  const over = (ofOneShard: readonly string[], rules: readonly KeyTemplates[]): Uniqueness =>
    judgeUniqueness(rules, {
      severalShards: true,
      ofOneShard: (of) => (of === 'messages' ? ofOneShard : []),
      readWhole: () => false,
    });

  it.each<[string, string, string, string | null, readonly string[], Case]>([
    ['an id that counts on every shard', 'unproven', 'ALL', '{id:pad(10)}', [], ID],
    ['the sharding column in the key', 'proven', '{account}', '{id:pad(10)}', ['account'], ID],
    ['it is declared, but not in the key', 'unproven', 'ALL', '{id:pad(10)}', ['account'], ID],
    ['any declared column will do', 'proven', 'MSG#{sid}', null, ['account', 'sid'], SID],
    ['a hash of it is not it', 'unproven', '{account:hash(64)}', '{id:pad(10)}', ['account'], ID],
    ['lower case is not it', 'unproven', '{account:lower}', '{id:pad(10)}', ['account'], ID],
    ['a suffix hides its end', 'unproven', '{account}', '{id:pad(10)}', ['account'], { ...ID, parts: SPREAD }],
    ['a number ends where the suffix begins', 'proven', '{n}', '{id:pad(10)}', ['n'], { ...ID, parts: SPREAD }],
    ['it does not make up for a missing unique key', 'possible', '{account}', null, ['account'], ID],
  ])(
    'judgeUniqueness gives its verdict over several shards: %s: %s',
    (_, expected, partition, sort, declared, given) => {
      expect(over(declared, templates(partition, sort, given)).verdict).toBe(expected);
    },
  );

  it('judgeUniqueness over several shards says what to declare, and what was declared in vain', () => {
    const rules = templates('ALL', '{id:pad(10)}', ID);
    expect(over([], rules)).toMatchObject({
      reason: expect.stringMatching(/one server, and no column in the item key of .* is declared/) as string,
      remedy: expect.stringMatching(/`shardedBy`.*`globallyUnique`/) as string,
    });
    expect(over(['account'], rules)).toMatchObject({
      reason: expect.stringMatching(/does not determine any of the declared columns \(account\)/) as string,
    });
  });

  it('judgeUniqueness proves the rows of a table read whole unique, but not those of other shards', () => {
    const rules = templates('{account}', '{sid}', { keys: [] });
    const facts = { ofOneShard: () => ['account'], readWhole: () => true };
    expect(judgeUniqueness(rules, { ...facts, severalShards: false }).verdict).toBe('proven');
    expect(judgeUniqueness(rules, { ...facts, severalShards: true }).verdict).toBe('proven');
    expect(judgeUniqueness(rules, { ...facts, severalShards: true, ofOneShard: () => [] }).verdict).toBe('unproven');
  });

  it('judgeUniqueness judges each table by its own declaration', () => {
    const calls = templates('C#{account}', '{id:pad(10)}', ID, 'calls');
    expect(over(['account'], [...templates('M#{account}', '{id:pad(10)}', ID), ...calls]).verdict).toBe('unproven');
  });
});

function keyOn(columns: readonly string[]): Case {
  return { keys: [uniqueKey(columns)] };
}
