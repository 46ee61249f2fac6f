/**
 * What the mapping computes by itself is what the service does: the normal form of numbers, their limits, and the size
 * that is billed, seen through ConsumedCapacity at every KB. FC_SEED takes another seed; a failure names it.
 */
import { GetItemCommand, PutItemCommand, type AttributeValue } from '@aws-sdk/client-dynamodb';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { MappedItem } from '../../../src/core/model.js';
import { BadValue } from '../../../src/mapping/value/bad-value.js';
import { writeUnits } from '../../../src/core/capacity/capacity-units.js';
import { MAX_ITEM_BYTES } from '../../../src/mapping/value/item-size.js';
import { jsonAttributeText } from '../../../src/mapping/value/json-attribute.js';
import { normalizeNumber } from '../../../src/mapping/value/numbers.js';
import { createTable, dynamodbServers, type Item, type TestTable } from '../../support/dynamodb.js';
import { compile, mapRow, rule, table, uniqueKey } from '../../unit/mapping/tables.js';

const SEED = Number(process.env['FC_SEED'] ?? 20_261_122);
const KEYS = { partitionKey: { name: 'pk', type: 'S' } } as const;

const sample = <T>(arbitrary: fc.Arbitrary<T>, count: number): T[] =>
  fc.sample(arbitrary, { seed: SEED, numRuns: count });

/** DynamoDB JSON as the SDK wants it. */
function sdkValue(json: unknown): AttributeValue {
  const [[type, content] = ['', null]] = Object.entries(json as Record<string, unknown>);
  if (type === 'B') return { B: Buffer.from(content as string, 'base64') };
  if (type === 'L') return { L: (content as unknown[]).map(sdkValue) };
  if (type === 'M') return { M: sdkItem(content as Record<string, unknown>) };
  return json as AttributeValue;
}

function sdkItem(json: Readonly<Record<string, unknown>>): Item {
  return Object.fromEntries(Object.entries(json).map(([name, value]) => [name, sdkValue(value)]));
}

/** Attributes as the service gives them back, or null where it refuses them. */
async function stored(target: TestTable, attributes: Item): Promise<Item | null> {
  const Key = { pk: { S: 'value' } };
  try {
    await target.client.send(new PutItemCommand({ TableName: target.name, Item: { ...Key, ...attributes } }));
  } catch (error) {
    if (error instanceof Error && error.name === 'ValidationException') return null;
    throw error;
  }
  const answer = await target.client.send(new GetItemCommand({ TableName: target.name, Key, ConsistentRead: true }));
  return answer.Item ?? null;
}

/** Spellings that no one would choose: zeros at both ends, any place of the point, exponents of every form. */
const spelling = fc
  .record({
    sign: fc.constantFrom('', '-'),
    zeros: fc.stringMatching(/^0{0,3}$/),
    digits: fc.oneof(
      fc.stringMatching(/^\d{1,39}$/),
      fc.stringMatching(/^[1-9]\d{36,38}$/),
      fc.stringMatching(/^\d0{30,60}$/),
    ),
    point: fc.double({ min: 0, max: 1, noNaN: true }),
    exponent: fc.option(fc.oneof(fc.integer({ min: -170, max: 130 }), fc.integer({ min: -131, max: -128 }))),
    mark: fc.constantFrom('e', 'E', 'e0', 'E00'),
  })
  .map(({ sign, zeros, digits, point, exponent, mark }) => {
    const at = Math.round(point * digits.length);
    const mantissa = `${sign}${zeros}${digits.slice(0, at)}.${digits.slice(at)}${zeros}`;
    if (exponent === null) return mantissa;
    return `${mantissa}${exponent < 0 ? `${mark.charAt(0)}-${mark.slice(1)}` : mark}${Math.abs(exponent)}`;
  });

describe.each(dynamodbServers)(`$name with seed ${SEED}`, (server) => {
  it('DynamoDB normalises and refuses numbers as normalizeNumber() does', { timeout: 120_000 }, async () => {
    await using target = await createTable(server, KEYS);
    const judged = sample(spelling, 1_500).map((text) => ({ text, ours: normalizeNumber(text) }));
    const good = judged.flatMap(({ text, ours }) => ('text' in ours ? [{ text, ours: ours.text }] : []));
    const bad = judged.filter(({ ours }) => 'fault' in ours);
    expect(good.length).toBeGreaterThan(300);
    expect(bad.length).toBeGreaterThan(100);
    // Not in a list: there, DynamoDB Local gives numbers back as they were written.
    const item = await stored(target, Object.fromEntries(good.map(({ text }, index) => [`n${index}`, { N: text }])));
    expect(good.map(({ text }, index) => [text, item?.[`n${index}`]?.N])).toEqual(
      good.map(({ text, ours }) => [text, ours]),
    );
    for (const { text } of bad.slice(0, 150))
      expect([text, await stored(target, { n: { N: text } })]).toEqual([text, null]);
  });

  it.each(['-1E-130', '-9.9999999999999999999999999999999999999E125', '1.2345678901234567890123456789012345678E-130'])(
    'DynamoDB and normalizeNumber() accept %s, the last number of its side',
    async (text) => {
      await using target = await createTable(server, KEYS);
      const item = await stored(target, { n: { N: text } });
      expect(normalizeNumber(text)).toEqual({ text: item?.['n']?.N });
    },
  );

  it('DynamoDB accepts JSON of 31 levels, the deepest that the mapping accepts', async () => {
    await using target = await createTable(server, KEYS);
    const nested = (levels: number): string =>
      jsonAttributeText('['.repeat(levels) + ']'.repeat(levels), 'c', { bytes: 0 });
    expect(() => nested(32)).toThrow(BadValue);
    const value = sdkValue(JSON.parse(nested(31)));
    expect(await stored(target, { value })).toMatchObject({ value });
  });
});

const json = fc
  .jsonValue({ maxDepth: 3, stringUnit: 'grapheme-ascii' })
  .map((value) => JSON.stringify(value, (name, part: unknown) => (name === '__proto__' ? undefined : part)))
  .filter((text) => !/"":|e[-+]/.test(text));

/** Rows of every kind of attribute. */
function rows(unit: 'grapheme-ascii' | 'binary') {
  return fc.record({
    c_text: fc.string({ unit, maxLength: 900 }),
    [`c_${unit === 'binary' ? '名前' : 'name'}`]: fc.string({ unit, maxLength: 20 }),
    c_number: fc.oneof(fc.bigInt({ min: -(10n ** 38n) + 1n, max: 10n ** 38n - 1n }), fc.integer()).map(String),
    c_decimal: fc.stringMatching(/^-?\d{1,8}\.\d{1,12}$/),
    c_blob: fc.uint8Array({ maxLength: 900 }).map((bytes) => Buffer.from(bytes)),
    c_flag: fc.constantFrom('0', '1', null),
    c_set: fc.subarray(['a', 'bb', 'ccc'], { minLength: 1 }).map((members) => members.join(',')),
    c_json: json,
  });
}

/** The row's item, filled up to that many bytes. */
function itemOf(row: Readonly<Record<string, string | Buffer | null>>, id: string, bytes: number): MappedItem {
  const definitions: Readonly<Record<string, string>> = {
    ...Object.fromEntries(Object.keys(row).map((name) => [name, 'varchar(900)'])),
    ...{ id: 'char(6)', c_number: 'decimal(38,0)', c_decimal: 'decimal(20,12)', c_blob: 'blob', c_flag: 'tinyint' },
    ...{ c_set: "set('a','bb','ccc')", c_json: 'text', c_fill: 'longtext' },
  };
  const asked = { name: null, type: null, format: null, null: 'absent' } as const;
  const mapping = compile(
    table(definitions, [uniqueKey(['id'])]),
    rule('{id}', null, {
      attributes: {
        columns: Object.keys(definitions).filter((name) => name !== 'id'),
        rules: {
          c_flag: { ...asked, type: 'BOOL', null: 'keep' },
          c_set: { ...asked, type: 'SS' },
          c_json: { ...asked, type: 'JSON' },
        },
      },
    }),
  );
  const [empty] = mapRow(mapping, { ...row, id, c_fill: '' });
  const [item] = mapRow(mapping, { ...row, id, c_fill: 'x'.repeat(bytes - (empty?.bytes ?? 0)) });
  if (item === undefined) throw new Error('the row gave no item');
  return item;
}

/** Each of the first, some between, and the last. */
const EDGES = [...Array.from({ length: 12 }, (_, index) => index + 4), 17, 32, 64, 100, 128, 256, 399, 400];

describe.each(dynamodbServers)(`sizes that $name bills, with seed ${SEED}`, (server) => {
  // dynalite counts a string's characters instead of its bytes.
  const unit = server.name === 'dynalite' ? 'grapheme-ascii' : 'binary';

  it('DynamoDB bills the size that the mapping computes, to the byte', { timeout: 120_000 }, async () => {
    await using target = await createTable(server, KEYS);
    const put = async (item: MappedItem): Promise<number | undefined> => {
      const Item = sdkItem(JSON.parse(item.text) as Record<string, unknown>);
      const answer = await target.client.send(
        new PutItemCommand({ TableName: target.name, Item, ReturnConsumedCapacity: 'TOTAL' }),
      );
      return answer.ConsumedCapacity?.CapacityUnits;
    };
    for (const [index, row] of sample(rows(unit), EDGES.length).entries()) {
      const edge = EDGES[index] ?? 0;
      // Overwriting would charge the larger of the two.
      const full = itemOf(row, `f-${index + 1_000}`, edge * 1024);
      expect([edge, full.bytes, await put(full)]).toEqual([edge, edge * 1024, writeUnits(full.bytes)]);
      const over = (): MappedItem => itemOf(row, `o-${index + 1_000}`, edge * 1024 + 1);
      if (edge * 1024 === MAX_ITEM_BYTES) expect(over).toThrow(BadValue);
      else expect([edge, await put(over())]).toEqual([edge, edge + 1]);
    }
  });

  it('DynamoDB refuses an item that is one byte larger than the mapping allows', async () => {
    await using target = await createTable(server, KEYS);
    const Item = { pk: { S: 'k' }, v: { S: 'x'.repeat(MAX_ITEM_BYTES - 4 + 1) } };
    const put = target.client.send(new PutItemCommand({ TableName: target.name, Item }));
    await expect(put).rejects.toMatchObject({ name: 'ValidationException' });
  });
});
