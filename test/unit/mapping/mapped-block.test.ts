/**
 * Items of a block, one behind the other in shared buffers: each is what its row alone would give, with its own key and
 * its own row.
 */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Cell, MappedItem, Row } from '../../../src/core/model.js';
import { RowBlock, transportOf } from '../../../src/core/row-block.js';
import { keyTextOf } from '../../../src/dynamodb/key-text.js';
import type { CompiledMapping } from '../../../src/mapping/compile.js';
import { ItemBuffer } from '../../../src/mapping/item/item-buffer.js';
import { holds } from './seeded.js';
import { attributesOf, compile, mapRow, onlyItem, rule, rowOf, table } from './tables.js';

const NAMES = { partitionKey: 'pk', sortKey: 'sk' };

function mapBlock(mapping: CompiledMapping, rows: readonly Row[]): readonly MappedItem[] {
  const types = new Map(mapping.table.columns.map((column) => [column.name, transportOf(column)]));
  const block = RowBlock.of(
    rows,
    mapping.columns.map((name) => types.get(name) ?? 'text'),
  );
  const items: MappedItem[] = [];
  const out = new ItemBuffer();
  for (let row = 0; row < block.length; row += 1) mapping.mapAt(block, row, items, { now: 0 }, out);
  return items;
}

/** Its key as a reader of the item would have it. */
function expectOwnKey(
  item: MappedItem,
  names: { readonly partitionKey: string; readonly sortKey: string | null },
): void {
  const attributes = attributesOf(item);
  expect(item.keyText).toBe(keyTextOf(attributes, names));
  expect(item.partition).toBe(JSON.stringify(attributes[names.partitionKey]));
}

describe('keys of consecutive items', () => {
  /** Of few values, so that neighbours are equal, or differ in one byte, or in their length alone. */
  const parts = fc
    .array(fc.constantFrom('a', 'b', '"', '\\', '\u0000', 'é', 'è', '你', '👋', '👌'), { maxLength: 2 })
    .map((units) => units.join(''));

  it('a mapped block gives consecutive items their own keys, with equal partitions or not', () => {
    const info = table({ p: 'varchar(9)', s: 'varchar(9)' });
    const cases = fc.array(fc.record({ p: parts, s: parts }), { minLength: 2, maxLength: 12 });
    holds(500, cases, (cells) => {
      // Each time from the start: what is remembered of the row before is the point.
      const mapping = compile(info, rule('{p}.', '{s}.', { attributes: { columns: ['s', 'p'] } }));
      const rows = cells.map((row) => rowOf(mapping, row));
      for (const [index, item] of mapBlock(mapping, rows).entries()) {
        expectOwnKey(item, NAMES);
        expect(attributesOf(item)['pk']).toEqual({ S: `${cells[index]?.p ?? ''}.` });
        expect(attributesOf(item)['sk']).toEqual({ S: `${cells[index]?.s ?? ''}.` });
      }
    });
  });

  it('a mapped block gives items their own keys for numbers, bytes, names beyond ASCII, and several items a row', () => {
    const info = table({ n: 'decimal(20,4)', b: 'varbinary(9)', at: 'datetime' });
    const cases = fc.array(
      fc.record({
        n: fc.constantFrom('1.0000', '-1.0000', '10.0000', '0.0000', '12345678901234.5000'),
        b: fc.uint8Array({ minLength: 1, maxLength: 2 }).map((all) => Buffer.from(all)),
        at: fc.constantFrom('2026-01-02 03:04:05', '1969-12-31 23:59:59'),
      }),
      { minLength: 2, maxLength: 8 },
    );
    const named = { partitionKey: 'ключ"', sortKey: 'a' };
    const alone = { partitionKey: 'ключ"', sortKey: null };
    holds(200, cases, (cells) => {
      for (const [pk, sk] of [['N', 'B'] as const, ['B', 'N'] as const]) {
        const template = { N: '{n}', B: '{b}' };
        const parts = { pk: { name: named.partitionKey, type: pk }, sk: { name: named.sortKey, type: sk } };
        const both = compile(info, rule(template[pk], template[sk], parts));
        const items = mapBlock(
          both,
          cells.map((row) => rowOf(both, row)),
        );
        for (const [index, item] of items.entries()) {
          expectOwnKey(item, named);
          const own = compile(info, rule(template[pk], template[sk], parts));
          expect(item.bytes).toBe(onlyItem(mapRow(own, cells[index] ?? {})).bytes);
        }
      }
      const text = { name: named.partitionKey };
      const twice = compile(info, rule('A{at}', null, { pk: text }), rule('B{b:hex}', null, { pk: text }));
      const items = mapBlock(
        twice,
        cells.map((row) => rowOf(twice, row)),
      );
      expect(items).toHaveLength(cells.length * 2);
      for (const item of items) expectOwnKey(item, alone);
    });
  });

  it('a mapped block gives whole keys at their longest, with every byte escaped', () => {
    const names = { partitionKey: 'p'.repeat(200), sortKey: 's'.repeat(200) };
    const mapping = compile(
      table({ p: 'text', s: 'text' }),
      rule('{p}', '{s}', { pk: { name: names.partitionKey }, sk: { name: names.sortKey } }),
    );
    for (const [unit, size] of [
      ['\u0001', 1],
      ['"', 1],
      ['é', 2],
    ] as const) {
      const cells = { p: unit.repeat(2048 / size), s: unit.repeat(1024 / size) };
      expectOwnKey(onlyItem(mapRow(mapping, cells)), names);
    }
  });

  it('a mapped block keeps the keys of items around a bad row', () => {
    const mapping = compile(
      table({ p: 'varchar(9)', n: 'varchar(9)' }),
      rule('{p}', null, {
        attributes: { columns: ['n'], rules: { n: { name: 'z', type: 'N', format: null, null: 'absent' } } },
      }),
    );
    const types = ['text', 'text'] as const;
    const block = RowBlock.of(
      [
        ['1', 'a'],
        ['x', 'a'],
        ['2', 'a'],
        ['3', 'b'],
      ].map(([n, p]) => rowOf(mapping, { n: n ?? null, p: p ?? null })),
      types,
    );
    const items: MappedItem[] = [];
    const out = new ItemBuffer();
    for (let row = 0; row < block.length; row += 1) {
      const map = (): unknown => mapping.mapAt(block, row, items, { now: 0 }, out);
      if (row === 1) expect(map).toThrow(expect.objectContaining({ column: 'n', reason: 'not a number' }) as Error);
      else expect(map()).toBe('mapped');
    }
    // Nothing of it is left in the buffer.
    expect(items[1]?.start).toBe(items[0]?.end);
    expect(items.map(({ text, keyText }) => [text, keyText])).toEqual(
      [
        ['a', '1'],
        ['a', '2'],
        ['b', '3'],
      ].map(([p, n]) => [`{"pk":{"S":"${p}"},"z":{"N":"${n}"}}`, `{"pk":{"S":"${p}"}}`]),
    );
  });
});

describe('empty cells', () => {
  it('a mapped block refuses an empty cell as a number, whatever the cell behind it begins with', () => {
    const mapping = compile(
      table({ id: 'int', n: 'varchar(9)', t: 'varchar(9)' }),
      rule('{id}', null, {
        attributes: { columns: ['n', 't'], rules: { n: { name: null, type: 'N', format: null, null: 'absent' } } },
      }),
    );
    for (const behind of ['-5', '5', '.5', '', null]) {
      expect(() => mapRow(mapping, { id: '1', n: '', t: behind })).toThrow(
        expect.objectContaining({ column: 'n', reason: 'not a number' }) as Error,
      );
    }
  });
});

describe('blocks of rows', () => {
  const INFO = table({ id: 'int', t: 'text', b: 'blob', at: 'datetime(3)', n: 'decimal(20,4)', bits: 'bit(48)' });
  const RULE = rule('A#{t:hash(5)}', '{id:sortable}', {
    attributes: { columns: 'all', add: { both: { kind: 'template', template: '{t}|{at:iso}' } } },
    ttl: { attribute: 'ttl', column: 'at', retentionSeconds: 60, expired: 'keep' },
  });
  const cells = fc.record<Record<string, Cell>>({
    id: fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 }).map(String),
    t: fc.string({ unit: fc.constantFrom('a', '"', '\n', 'é', '👋'), maxLength: 2_000, size: 'max' }),
    b: fc.option(
      fc.uint8Array({ maxLength: 900, size: 'max' }).map((all) => Buffer.from(all)),
      { nil: null },
    ),
    at: fc.constantFrom('2026-01-02 03:04:05.678', '1969-12-31 23:59:59.001'),
    n: fc.option(fc.constantFrom('0.0000', '-0.5000', '100.0000'), { nil: null }),
    bits: fc.option(
      fc.uint8Array({ minLength: 6, maxLength: 6 }).map((all) => Buffer.from(all)),
      { nil: null },
    ),
  });

  it('a mapped block gives the items that its rows give one by one, through several buffers', () => {
    const block = compile(INFO, RULE);
    holds(6, fc.array(cells, { minLength: 150, maxLength: 150 }), (several) => {
      const items = mapBlock(
        block,
        several.map((row) => rowOf(block, row)),
      );
      expect(new Set(items.map(({ buffer }) => buffer)).size).toBeGreaterThan(1);
      for (const [index, row] of several.entries()) {
        const own = onlyItem(mapRow(compile(INFO, RULE), row));
        const item = items[index];
        expect(item).toMatchObject({
          text: own.text,
          keyText: own.keyText,
          keyHash: own.keyHash,
          partition: own.partition,
        });
        expect([item?.bytes, item?.expiresAt]).toEqual([own.bytes, own.expiresAt]);
        expect(item?.row).toEqual(rowOf(block, row));
        expect(block.columns.map((_, place) => item?.cell(place))).toEqual(rowOf(block, row));
      }
    });
  });
});
