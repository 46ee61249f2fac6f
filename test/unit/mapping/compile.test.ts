import { describe, expect, it } from 'vitest';
import type { ColumnRule } from '../../../src/config/model.js';
import type { MappedItem } from '../../../src/core/model.js';
import { attributesOf, column, compile, mapRow, onlyItem, rowOf, rule, table } from './tables.js';

const columnRule = (parts: Partial<ColumnRule>): ColumnRule => ({
  name: null,
  type: null,
  format: null,
  null: 'absent',
  ...parts,
});

describe('a compiled mapping', () => {
  it('a compiled mapping gives the item in canonical form, with its key and exact size', () => {
    const info = table({
      id: 'int unsigned',
      body: 'varchar(99)',
      price: 'decimal(10,5)',
      flags: 'bit(8)',
      at: 'datetime(3)',
    });
    const mapping = compile(
      info,
      rule('ACCT#{id}', '{at:iso}', {
        attributes: {
          columns: 'all',
          add: {
            entity: { kind: 'constant', value: 'message' },
            v: { kind: 'constant', value: 1.5 },
            ok: { kind: 'constant', value: true },
          },
        },
      }),
    );
    const item = onlyItem(
      mapRow(mapping, {
        id: '42',
        body: 'é"',
        price: '-0.00750',
        flags: Buffer.from([5]),
        at: '2026-01-02 03:04:05.678',
      }),
    );
    expect(item.text).toBe(
      String.raw`{"at":{"S":"2026-01-02T03:04:05.678Z"},"body":{"S":"é\""},"entity":{"S":"message"},"flags":{"N":"5"},` +
        '"id":{"N":"42"},"ok":{"BOOL":true},"pk":{"S":"ACCT#42"},"price":{"N":"-0.0075"},"sk":{"S":"2026-01-02T03:04:05.678Z"},"v":{"N":"1.5"}}',
    );
    // Names 2+4+6+5+2+2+2+5+2+1, values 24 + 3 + 7 + 2 + 2 + 1 + 7 + 3 + 24 + 3.
    expect(item.bytes).toBe(31 + 76);
    expect(item.keyText).toBe('{"pk":{"S":"ACCT#42"},"sk":{"S":"2026-01-02T03:04:05.678Z"}}');
    expect(item.expiresAt).toBeNull();
  });

  it('a compiled mapping leaves NULL out, or keeps it where asked', () => {
    const info = table({ id: 'int', a: 'int', b: 'int' });
    const mapping = compile(
      info,
      rule('{id}', null, { attributes: { columns: 'all', rules: { b: columnRule({ null: 'keep', name: 'é' }) } } }),
    );
    const item = onlyItem(mapRow(mapping, { id: '1', a: null, b: null }));
    expect(item.text).toBe('{"id":{"N":"1"},"pk":{"S":"1"},"é":{"NULL":true}}');
    expect(item.bytes).toBe(2 + 2 + 2 + 1 + 2 + 1);
  });

  it('a compiled mapping takes all visible columns, listed ones, undropped ones, and invisible ones that a rule names', () => {
    const hidden = column('hidden', 'int', { invisible: true });
    const info = table({ id: 'int', a: 'int', b: 'int', hidden });
    const cells = { id: '1', a: '2', b: '3', hidden: '4' };
    const names = (attributes: NonNullable<Parameters<typeof rule>[2]>['attributes'] & object) =>
      Object.keys(attributesOf(onlyItem(mapRow(compile(info, rule('{id}', null, { attributes })), cells))));
    expect(names({ columns: 'all' })).toEqual(['a', 'b', 'id', 'pk']);
    expect(names({ columns: ['b'] })).toEqual(['b', 'pk']);
    expect(names({ columns: ['hidden'] })).toEqual(['hidden', 'pk']);
    expect(names({ columns: 'all', drop: ['a', 'id'] })).toEqual(['b', 'pk']);
    expect(names({ columns: 'all', rules: { hidden: columnRule({}) } })).toEqual(['a', 'b', 'hidden', 'id', 'pk']);
  });

  it('a compiled mapping asks for each column it needs once, those of templates and TTL behind the attributes', () => {
    const info = table({ unused: 'int', id: 'int', at: 'datetime', account: 'varchar(9)', body: 'text' });
    const ttl = { attribute: 'x', column: 'at', retentionSeconds: 0, expired: 'keep' } as const;
    const mapping = compile(
      info,
      rule('{account}', '{id:sortable}', { ttl, attributes: { columns: ['id', 'body'] } }),
      rule('{id}', '{at}'),
    );
    expect(mapping.columns).toEqual(['id', 'body', 'account', 'at']);
  });

  it('a compiled mapping takes columns named like what every object has', () => {
    const info = table({ constructor: 'int', toString: column('toString', 'int'), __proto__x: 'int' });
    const item = onlyItem(
      mapRow(compile(info, rule('{constructor}', null, { attributes: { columns: 'all' } })), {
        constructor: '1',
        toString: '2',
      }),
    );
    expect(item.text).toBe('{"constructor":{"N":"1"},"pk":{"S":"1"},"toString":{"N":"2"}}');
  });

  it('a compiled mapping makes several items of a row, all or none', () => {
    const info = table({ id: 'varchar(9)', n: 'varchar(9)' });
    const mapping = compile(
      info,
      rule('A#{id}', null),
      rule('B#{n}', null, { attributes: { add: { n: { kind: 'template', template: '<{n}>' } } } }),
    );
    const items: MappedItem[] = [];
    mapping.map(rowOf(mapping, { id: 'x', n: 'y' }), items, { now: 0 });
    expect(items.map((item) => item.text)).toEqual(['{"pk":{"S":"A#x"}}', '{"n":{"S":"<y>"},"pk":{"S":"B#y"}}']);
    expect(() => mapping.map(rowOf(mapping, { id: 'x', n: null }), items, { now: 0 })).toThrow(
      expect.objectContaining({ name: 'BadValue', column: 'n' }),
    );
    expect(items).toHaveLength(2);
  });

  it('a compiled mapping refuses a row whose items would overwrite each other', () => {
    const info = table({ a: 'varchar(9)', b: 'varchar(9)' });
    const mapping = compile(info, rule('{a}', null), rule('{b}', null));
    expect(mapRow(mapping, { a: 'x', b: 'y' })).toHaveLength(2);
    expect(() => mapRow(mapping, { a: 'x', b: 'x' })).toThrow(
      expect.objectContaining({ name: 'BadValue', reason: 'two items of the row have the same item key' }),
    );
  });

  it('a compiled mapping refuses an item over 400 KB, counted as DynamoDB does', () => {
    const info = table({ id: 'int', body: 'longtext' });
    const mapping = compile(info, rule('{id}', null, { attributes: { columns: ['body'] } }));
    // Names pk and body, the key 1, the text: 409,600 bytes in all.
    const full = 'é'.repeat((409_600 - 8) / 2) + 'a';
    expect(onlyItem(mapRow(mapping, { id: '1', body: full })).bytes).toBe(409_600);
    expect(() => mapRow(mapping, { id: '1', body: `${full}a` })).toThrow(
      expect.objectContaining({
        name: 'BadValue',
        column: null,
        reason: 'item "message" exceeds the 409600 bytes of DynamoDB',
        kind: 'an item of 409601 bytes',
      }),
    );
  });

  it('a compiled mapping writes constants as they are: text, number, boolean', () => {
    const info = table({ id: 'int' });
    const constant = (value: string | number | boolean) => {
      const mapping = compile(info, rule('{id}', null, { attributes: { add: { c: { kind: 'constant', value } } } }));
      return attributesOf(onlyItem(mapRow(mapping, { id: '1' })))['c'];
    };
    expect(['', '1', 1, -0, 1e21, 1e-7, 0.1, true].map(constant)).toEqual([
      { S: '' },
      { S: '1' },
      { N: '1' },
      { N: '0' },
      { N: '1000000000000000000000' },
      { N: '0.0000001' },
      { N: '0.1' },
      { BOOL: true },
    ]);
  });
});
