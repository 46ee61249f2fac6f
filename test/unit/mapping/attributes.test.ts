/**
 * What a rule says of a column's attribute is what becomes of it: name, type, format, NULL. And which columns become
 * attributes at all.
 */
import { describe, expect, test } from 'vitest';
import type { ColumnRule, ItemMapping } from '../../../src/config/model.js';
import { compileAttributes } from '../../../src/mapping/attributes.js';
import { TemplateFault } from '../../../src/mapping/template/compiled-template.js';
import { collectingFaults } from '../../../src/mapping/mapping-faults.js';
import { attributesOf, column, compile, mapRow, onlyItem, rule, table } from './tables.js';

const INFO = table({
  id: 'int',
  at: 'datetime(3)',
  price: 'decimal(10,2)',
  note: 'varchar(9)',
  secret: column('secret', 'int', { invisible: true }),
});
const ROW = { id: '1', at: '2026-01-02 03:04:05.678', price: '1.50', note: null, secret: '7' };
const asked = (parts: Partial<ColumnRule>): ColumnRule => ({
  name: null,
  type: null,
  format: null,
  null: 'absent',
  ...parts,
});

function made(attributes: Partial<ItemMapping['attributes']>): {
  readonly values: Readonly<Record<string, unknown>>;
  readonly bytes: number;
} {
  const item = onlyItem(mapRow(compile(INFO, rule('k', null, { attributes })), ROW));
  const { pk: _, ...values } = attributesOf(item);
  // Without the key: `pk` and `k`.
  return { values, bytes: item.bytes - 3 };
}

describe('column rules', () => {
  test.each<[string, Partial<ColumnRule>, Readonly<Record<string, unknown>>, number]>([
    ['at', {}, { at: { S: '2026-01-02T03:04:05.678Z' } }, 2 + 24],
    ['at', { format: 'text' }, { at: { S: '2026-01-02 03:04:05.678' } }, 2 + 23],
    ['at', { format: 'epoch-ms' }, { at: { N: '1767323045678' } }, 2 + 8],
    ['at', { format: 'epoch-ms', type: 'N', name: 'ms' }, { ms: { N: '1767323045678' } }, 2 + 8],
    ['price', {}, { price: { N: '1.5' } }, 5 + 3],
    ['price', { type: 'S' }, { price: { S: '1.50' } }, 5 + 4],
    ['price', { type: 'S', name: 'é' }, { é: { S: '1.50' } }, 2 + 4],
    ['note', {}, {}, 0],
    ['note', { null: 'keep' }, { note: { NULL: true } }, 4 + 1],
    ['note', { null: 'keep', name: 'n' }, { n: { NULL: true } }, 1 + 1],
  ])('compileAttributes with a rule for column %s of %j makes the attribute %j', (name, parts, values, bytes) => {
    expect(made({ columns: [name], rules: { [name]: asked(parts) } })).toEqual({ values, bytes });
  });

  test('compileAttributes applies a rule to its column alone', () => {
    const { values } = made({ columns: ['id', 'price'], rules: { price: asked({ type: 'S', name: 'cost' }) } });
    expect(values).toEqual({ id: { N: '1' }, cost: { S: '1.50' } });
  });
});

test('compileAttributes takes all columns except dropped and invisible ones, and invisible ones that a rule names', () => {
  expect(Object.keys(made({ columns: 'all' }).values)).toEqual(['at', 'id', 'price']);
  expect(Object.keys(made({ columns: 'all', drop: ['at'] }).values)).toEqual(['id', 'price']);
  expect(Object.keys(made({ columns: 'all', rules: { secret: asked({}) } }).values)).toContain('secret');
  expect(Object.keys(made({ columns: ['secret', 'id'], drop: ['id'] }).values)).toEqual(['secret']);
});

describe('defects of our own', () => {
  const broken = Object.defineProperty(column('id', 'int'), 'dataType', {
    get() {
      throw new TypeError('no type');
    },
  });
  const reported: string[] = [];
  const report = (...fault: readonly unknown[]): void => void reported.push(String(fault));

  test('compileAttributes throws a defect as it is, and not as a fault of the mapping', () => {
    const item = rule('k', null, { attributes: { columns: ['id'] } });
    expect(() => compileAttributes(item, table({ id: broken }), () => 0, report)).toThrow(new TypeError('no type'));
    expect(reported).toEqual([]);
  });

  test('collectingFaults throws a defect as it is, and reports a fault of the mapping', () => {
    const thrown = (error: Error) => () =>
      collectingFaults(['ttl'], report, () => {
        throw error;
      });
    expect(thrown(new TypeError('broken'))).toThrow(new TypeError('broken'));
    expect(reported).toEqual([]);
    expect(thrown(new TemplateFault('E_MAPPING_INVALID', 'of the mapping', 'mend it'))()).toBeNull();
    expect(reported).toEqual(['ttl,E_MAPPING_INVALID,of the mapping,mend it']);
  });
});
