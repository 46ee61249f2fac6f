import { describe, expect, it } from 'vitest';
import type { KeyMapping } from '../../../../src/config/model.js';
import type { Cell, ColumnInfo } from '../../../../src/core/model.js';
import { attributesOf, compile, mapRow, onlyItem, rule, table, type RuleParts } from '../tables.js';

const COLUMNS = { s: 'varchar(3000)', n: 'decimal(40,5)', b: 'varbinary(3000)', f: 'float', at: 'datetime' };

function keyOf(partition: string, sort: string | null, parts: RuleParts, cells: Readonly<Record<string, Cell>>) {
  return onlyItem(mapRow(compile(table(COLUMNS), rule(partition, sort, parts)), cells));
}

const badKey = (reason: string, kind: string | null = null) =>
  expect.objectContaining({ name: 'BadValue', column: null, reason, kind }) as unknown;

describe('item keys', () => {
  it('the item key is the DynamoDB JSON of both keys, partition key first whatever the names', () => {
    const item = keyOf(
      'A#{s}',
      '{at:iso}',
      { pk: { name: 'z' }, sk: { name: 'a' } },
      { s: 'é"', at: '2026-01-02 03:04:05' },
    );
    expect(item.keyText).toBe(String.raw`{"z":{"S":"A#é\""},"a":{"S":"2026-01-02T03:04:05Z"}}`);
    expect(item.partition).toBe(String.raw`{"S":"A#é\""}`);
    expect(item.text).toBe(String.raw`{"a":{"S":"2026-01-02T03:04:05Z"},"z":{"S":"A#é\""}}`);
    expect(item.bytes).toBe(1 + 20 + 1 + 5);
  });

  it('the item key is the partition key alone where there is no sort key', () => {
    const item = keyOf('{s}', null, {}, { s: 'x' });
    expect([item.keyText, item.partition, item.bytes]).toEqual(['{"pk":{"S":"x"}}', '{"S":"x"}', 3]);
  });

  it('the item key may be a number or bytes', () => {
    const item = keyOf(
      '{b}',
      '{n}',
      { pk: { type: 'B' }, sk: { type: 'N' } },
      { b: Buffer.from([0xff, 0, 1]), n: '-12.50000' },
    );
    expect(item.keyText).toBe('{"pk":{"B":"/wAB"},"sk":{"N":"-12.5"}}');
    expect(item.bytes).toBe(2 + 3 + 2 + 4);
  });

  it('the item key keeps every digit of a number', () => {
    const digits = '-123456789012345678901234567890123.456';
    const item = keyOf('x', '{n}', { sk: { type: 'N' } }, { n: `${digits}00` });
    expect(item.keyText).toBe(`{"pk":{"S":"x"},"sk":{"N":"${digits}"}}`);
  });

  it('the item key has a hash that differs where keys differ, wherever that is in them', () => {
    const mapping = compile(table(COLUMNS), rule('{s:lower}', '{at:iso}#{b:hex}'));
    const hashes = new Set<number>();
    const day = (i: number): string => `2026-01-${String(i + 10)} 03:04:05`;
    for (let i = 0; i < 8_000; i += 1) {
      const digits = String(i).padStart(4, '0');
      const cells = {
        s: `ac${digits.slice(2)}ff`,
        at: day(Number(digits[0])),
        b: Buffer.from(`ab${digits[1] ?? ''}x`),
      };
      const { keyHash } = onlyItem(mapRow(mapping, cells));
      expect(keyHash).toBe(onlyItem(mapRow(mapping, cells)).keyHash);
      expect(keyHash & 0x3fffffff).toBe(keyHash);
      hashes.add(keyHash);
    }
    // By chance, 0.03 of these pairs meet.
    expect(hashes.size).toBeGreaterThan(7_990);
  });

  it.each<[string, number]>([
    ['a', 2048],
    ['é', 1024],
    ['你', 682],
  ])('the item key takes 2,048 bytes of %s as partition key and no more', (character, count) => {
    expect(keyOf('{s}', null, {}, { s: character.repeat(count) }).keyText).toContain(character);
    const tooLong = Buffer.byteLength(character) * (count + 1);
    expect(() => keyOf('{s}', null, {}, { s: character.repeat(count + 1) })).toThrow(
      badKey('a partition key of more than the 2048 bytes of DynamoDB', `a partition key of ${tooLong} bytes`),
    );
  });

  it.each<[string, number]>([
    ['a', 1024],
    ['👋', 256],
  ])('the item key takes 1,024 bytes of %s as sort key and no more', (character, count) => {
    expect(keyOf('x', '{s}', {}, { s: character.repeat(count) }).keyText).toContain(character);
    const tooLong = Buffer.byteLength(character) * (count + 1);
    expect(() => keyOf('x', '{s}', {}, { s: character.repeat(count + 1) })).toThrow(
      badKey('a sort key of more than the 1024 bytes of DynamoDB', `a sort key of ${tooLong} bytes`),
    );
  });

  it('the item key measures binary keys by their bytes, not by their base64', () => {
    const parts: RuleParts = { pk: { type: 'B' }, sk: { type: 'B' } };
    expect(keyOf('{b}', null, parts, { b: Buffer.alloc(2048) }).bytes).toBe(2050);
    expect(() => keyOf('{b}', null, parts, { b: Buffer.alloc(2049) })).toThrow(
      badKey('a partition key of more than the 2048 bytes of DynamoDB', 'a partition key of 2049 bytes'),
    );
  });

  it('the item key is never empty', () => {
    expect(() => keyOf('{s}', null, {}, { s: '' })).toThrow(
      badKey('an empty partition key, which DynamoDB does not accept'),
    );
    expect(() => keyOf('x', '{s}', {}, { s: '' })).toThrow(badKey('an empty sort key, which DynamoDB does not accept'));
    expect(() => keyOf('{b}', null, { pk: { type: 'B' } }, { b: Buffer.alloc(0) })).toThrow(
      badKey('an empty partition key, which DynamoDB does not accept'),
    );
  });

  it('the item key is never NULL, nor a number that DynamoDB cannot hold', () => {
    expect(() => keyOf('x', '{s}', {}, { s: null })).toThrow(
      expect.objectContaining({ column: 's', reason: 'NULL in a template' }),
    );
    expect(() => keyOf('{n}', null, { pk: { type: 'N' } }, { n: '1'.repeat(39) })).toThrow(
      expect.objectContaining({ column: 'n', reason: 'more than 38 significant digits' }),
    );
  });
});

describe('key templates', () => {
  it.each<[string, string | null, RuleParts, string]>([
    ['', null, {}, 'the template is empty'],
    ['{s}', null, { pk: { type: 'N' } }, 'a key of type N needs exactly one number column'],
    ['1{n}', null, { pk: { type: 'N' } }, 'a key of type N needs exactly one number column'],
    ['{n}{n}', null, { pk: { type: 'N' } }, 'a key of type N needs exactly one number column'],
    ['7', null, { pk: { type: 'N' } }, 'a key of type N needs exactly one number column'],
    ['{s}', null, { pk: { type: 'B' } }, 'a key of type B needs exactly one binary column'],
    ['x', 'x{b}', { sk: { type: 'B' } }, 'a key of type B needs exactly one binary column'],
    ['{b}', null, {}, 'column b holds bytes, which a text key cannot'],
    ['{b:hash(4)}', null, { pk: { type: 'B' } }, 'a key of type B needs exactly one binary column'],
  ])('compileMapping refuses the key templates %j and %j', (partition, sort, parts, message) => {
    expect(() => compile(table(COLUMNS), rule(partition, sort, parts))).toThrow(
      expect.objectContaining({ code: 'E_MAPPING_INVALID', message: expect.stringContaining(message) as string }),
    );
  });

  const WHY = {
    number: '10 before 9',
    member: 'MySQL orders members by their place in the column definition',
    address: 'MySQL orders such values by their bytes',
    document: 'MySQL orders JSON by its types and values',
    duration: 'the hours vary in width, and times can be negative',
  };

  it.each<[string, string, string, (keyof typeof WHY)?]>([
    ['int', '{c}', '{c:sortable}'],
    ['int unsigned', '{c}', '{c:pad(10)}'],
    ['bigint unsigned', 'MSG#{c}', '{c:pad(20)}'],
    ['tinyint unsigned', '{s}#{c}', '{c:pad(3)}'],
    ['decimal(10,2)', '{c}', '{c:sortable}'],
    ['year', '{c}', '{c:sortable}'],
    ['bit(64)', '{c}', '{c:sortable}'],
    ['datetime', '{c:epoch-s}', '{c:iso}, or {c:epoch-s:pad(12)}'],
    ['datetime(3)', '{c:epoch-ms}', '{c:iso}, or {c:epoch-ms:pad(15)}'],
    ['datetime(6)', '{c:epoch-us}', '{c:iso}, or {c:epoch-us:pad(18)}'],
    ['varchar(9)', '{c:hash(16)}', '{c:hash(16):pad(2)}'],
    ['double', '{c}', 'a column of another type than double'],
    ['time', '{c}', '{c:text}', 'duration'],
    ["enum('z','a')", '{c}', '{c:text}', 'member'],
    ["enum('z','a')", '{s}#{c:lower}', '{c:text}', 'member'],
    ["enum('z','a')", '{c:hex}', '{c:text}', 'member'],
    ["set('z','a')", '{c:upper}', '{c:text}', 'member'],
    ['json', '{c}', '{c:text}', 'document'],
    ['uuid', '{c}', '{c:text}', 'address'],
    ['inet4', '{c}', '{c:text}', 'address'],
    ['inet6', '{c:lower}', '{c:text}', 'address'],
  ])(
    'compileMapping refuses a text sort key of a %s as %s, which would sort differently than in MySQL',
    (definition, template, remedy, why = 'number') => {
      const info = table({ s: 'varchar(9)', c: definition });
      expect(() => compile(info, rule('x', template))).toThrow(
        expect.objectContaining({
          code: 'E_MAPPING_UNSORTABLE',
          message: `mapping.messages.items[0].sortKey.template (line 7): column c would sort differently in a text key than in MySQL (${WHY[why]})`,
          hint:
            why === 'number'
              ? `write ${remedy}, or make the sort key one number with \`type: N\``
              : `write ${remedy} if the order of its text is right for you`,
        }),
      );
      const [first = ''] = remedy.split(', or ');
      if (first.startsWith('{')) expect(() => compile(info, rule('x', first))).not.toThrow();
    },
  );

  it.each<[string, KeyMapping['type']]>([
    ['{c}', 'S'],
    ['{c:pad(4)}', 'S'],
    ['{c:sortable}', 'S'],
    ['{c}', 'N'],
  ])(
    'compileMapping refuses a sort key of a YEAR(2) as %s of type %s, since it prints no century',
    (template, type) => {
      expect(() => compile(table({ c: 'year(2)' }), rule('x', template, { sk: { type } }))).toThrow(
        expect.objectContaining({
          code: 'E_MAPPING_UNSORTABLE',
          message: expect.stringContaining('a YEAR(2) prints 1999 as 99, and 2000 as 00') as string,
          hint: 'write a column of another type than year',
        }),
      );
      expect(() => compile(table({ c: 'year(2)' }), rule('{c}', '{c:hash(16):pad(2)}'))).not.toThrow();
    },
  );

  it.each([['{s}'], ['{at:iso}#{s}'], ['{at}'], ['{n:sortable}'], ['{at:epoch-s:pad(12)}'], ['{b:hex}'], ['MSG']])(
    'compileMapping accepts the sort key %s, which sorts',
    (template) => {
      expect(() => compile(table(COLUMNS), rule('x', template))).not.toThrow();
    },
  );

  it('compileMapping accepts a number in a sort key of type N, and in a partition key, where nothing sorts', () => {
    expect(() => compile(table(COLUMNS), rule('{n}', '{f}', { sk: { type: 'N' } }))).not.toThrow();
  });
});

describe('the spread suffix', () => {
  const info = (extra: Readonly<Record<string, string | ColumnInfo>> = {}) =>
    table({ account: 'varchar(40)', sid: 'varchar(40)', b: 'binary(2)', n: 'int zerofill', ...extra });
  const spreadKey = (
    spread: {
      readonly by?: string;
      readonly shards?: number;
      readonly account?: string | null;
      readonly overrides?: Readonly<Record<string, number>>;
    },
    cells: Readonly<Record<string, Cell>>,
  ): string => {
    const full = { by: 'sid', shards: 1, account: null, overrides: {}, ...spread };
    const item = onlyItem(mapRow(compile(info(), rule('A#{account}', '{sid}', { pk: { spread: full } })), cells));
    return (attributesOf(item)['pk'] as { readonly S: string }).S;
  };
  const cells = { account: 'AC1', sid: 'abc', b: Buffer.from([0xab, 1]), n: '0000000042' };

  // sha256("abc") begins with ba7816bf8f01.
  const ABC = 0xba7816bf8f01;

  it('the spread suffix is absent for one shard, and hash(by) mod n for more', () => {
    expect(spreadKey({}, cells)).toBe('A#AC1');
    expect(spreadKey({ shards: 8 }, cells)).toBe(`A#AC1#${ABC % 8}`);
    expect(spreadKey({ shards: 1000 }, cells)).toBe(`A#AC1#${ABC % 1000}`);
  });

  it('the spread suffix follows an override of the account', () => {
    const overrides = { AC1: 16, AC2: 1, AC3: 4 };
    expect(spreadKey({ account: 'account', overrides }, cells)).toBe(`A#AC1#${ABC % 16}`);
    expect(spreadKey({ shards: 8, account: 'account', overrides }, { ...cells, account: 'AC2' })).toBe('A#AC2');
    expect(spreadKey({ shards: 8, account: 'account', overrides }, { ...cells, account: 'AC9' })).toBe(
      `A#AC9#${ABC % 8}`,
    );
    expect(spreadKey({ shards: 8, account: 'account', overrides }, { ...cells, account: 'constructor' })).toBe(
      `A#constructor#${ABC % 8}`,
    );
  });

  it('the spread suffix reads numbers without superfluous zeros and bytes as hex, in hashes and in overrides', () => {
    expect(spreadKey({ by: 'b', shards: 1000 }, cells)).toBe(spreadKey({ shards: 1000 }, { ...cells, sid: 'ab01' }));
    expect(spreadKey({ by: 'n', shards: 1000 }, cells)).toBe(spreadKey({ shards: 1000 }, { ...cells, sid: '42' }));
    expect(spreadKey({ account: 'n', overrides: { '42': 16 } }, cells)).toBe(`A#AC1#${ABC % 16}`);
    expect(spreadKey({ account: 'b', overrides: { ab01: 16 } }, cells)).toBe(`A#AC1#${ABC % 16}`);
  });

  it('the spread suffix cannot come from NULL, and an account that is NULL has no override', () => {
    expect(() => spreadKey({ by: 'n', shards: 2 }, { ...cells, n: null })).toThrow(
      expect.objectContaining({ name: 'BadValue', column: 'n', reason: 'NULL in the column that `spread` hashes' }),
    );
    expect(spreadKey({ by: 'n', shards: 1 }, { ...cells, n: null })).toBe('A#AC1');
    expect(spreadKey({ account: 'n', shards: 8, overrides: { '42': 2 } }, { ...cells, n: null })).toBe(
      `A#AC1#${ABC % 8}`,
    );
  });

  it('the spread suffix is refused for keys that are no text', () => {
    const spread = { by: 'account', shards: 2, account: null, overrides: {} };
    expect(() => compile(info(), rule('{n}', null, { pk: { type: 'N', spread } }))).toThrow(
      expect.objectContaining({
        code: 'E_MAPPING_INVALID',
        message: expect.stringContaining(
          'items[0].partitionKey.spread (line 7): a spread adds a text suffix',
        ) as string,
      }),
    );
  });

  it('the spread suffix of a column that is not there, or of an unknown type, is refused', () => {
    const spread = { by: 'side', shards: 2, account: null, overrides: {} };
    expect(() => compile(info(), rule('{sid}', null, { pk: { spread } }))).toThrow(
      expect.objectContaining({ code: 'E_MAPPING_COLUMN', hint: 'did you mean "sid"?' }),
    );
    expect(() => compile(info({ side: 'newtype' }), rule('{sid}', null, { pk: { spread } }))).toThrow(
      expect.objectContaining({
        code: 'E_MAPPING_INVALID',
        message: expect.stringContaining(
          'this version of dynaferry does not know type newtype of column side',
        ) as string,
      }),
    );
  });
});
