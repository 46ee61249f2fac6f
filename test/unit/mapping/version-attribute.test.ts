import { describe, expect, it } from 'vitest';
import type { ColumnRule, ItemMapping } from '../../../src/config/model.js';
import { FerryError } from '../../../src/core/errors.js';
import type { MappedItem } from '../../../src/core/model.js';
import { RowBlock } from '../../../src/core/row-block.js';
import { BadValue } from '../../../src/mapping/value/bad-value.js';
import { compileMapping } from '../../../src/mapping/compile.js';
import { ItemBuffer } from '../../../src/mapping/item/item-buffer.js';
import { attributesOf, column, onlyItem, rowOf, rule, table } from './tables.js';

const NOT_NULL = { nullable: false };
const INFO = table({
  id: column('id', 'int', NOT_NULL),
  counter: column('counter', 'bigint', NOT_NULL),
  changed: column('changed', 'datetime(6)', NOT_NULL),
  maybe: column('maybe', 'datetime(6)'),
  token: column('token', 'binary(16)', NOT_NULL),
  name: column('name', 'varchar(40)', NOT_NULL),
});

function asRule(changes: Partial<ColumnRule>): ColumnRule {
  return { name: null, type: null, format: null, null: 'absent', ...changes };
}

const compileWith = (version: string, ...items: readonly ItemMapping[]) =>
  compileMapping(INFO, { items }, () => 7, version);

const itemWith = (attributes: Partial<ItemMapping['attributes']>) => rule('{id}', null, { attributes });

function faultOf(version: string, item: ItemMapping): string {
  try {
    compileWith(version, item);
  } catch (error) {
    if (error instanceof FerryError) return `${error.code} ${error.message} -> ${error.hint}`;
  }
  return 'none';
}

describe('the version attribute', () => {
  it.each([
    ['a number', 'counter', { columns: ['counter'] }],
    ['a column under another name', 'v', { columns: ['counter'], rules: { counter: asRule({ name: 'v' }) } }],
    ['a time as ISO text', 'changed', { columns: ['changed'] }],
    ['a time as epoch', 'changed', { columns: ['changed'], rules: { changed: asRule({ format: 'epoch-us' }) } }],
    ['a text that is read as a number', 'name', { columns: ['name'], rules: { name: asRule({ type: 'N' }) } }],
    ['a template of fixed width', 'v', { add: { v: { kind: 'template', template: 'v{counter:sortable}' } } }],
    ['a template of a time', 'v', { add: { v: { kind: 'template', template: '{changed:iso}' } } }],
    ['a template of hex', 'v', { add: { v: { kind: 'template', template: '{token:hex}' } } }],
    ['a column that may be NULL', 'maybe', { columns: ['maybe'] }],
  ] as const)('the version attribute may be %s', (_, version, attributes) => {
    expect(faultOf(version, itemWith(attributes))).toBe('none');
  });

  it.each([
    ['no attribute', 'v', { columns: ['counter'] }, 'no rule makes the version of the item'],
    ['a column that is dropped', 'changed', { columns: 'all', drop: ['changed'] }, 'no rule makes'],
    ['a constant', 'v', { add: { v: { kind: 'constant', value: 1 } } }, 'the constant cannot be a version'],
    ['the partition key', 'pk', {}, 'the partition key cannot be a version'],
    ['a text', 'name', { columns: ['name'] }, 'column name cannot be a version'],
    ['bytes', 'token', { columns: ['token'] }, 'column token cannot be a version'],
    [
      'a number as text, where 10 sorts before 9',
      'counter',
      { columns: ['counter'], rules: { counter: asRule({ type: 'S' }) } },
      'column counter cannot be a version',
    ],
    [
      'a time as MySQL prints it, zero dates included',
      'changed',
      { columns: ['changed'], rules: { changed: asRule({ format: 'text' }) } },
      'column changed cannot be a version',
    ],
    [
      'a NULL that is kept',
      'maybe',
      { columns: ['maybe'], rules: { maybe: asRule({ null: 'keep' }) } },
      'NULL is not a version',
    ],
    ['a template of any width', 'v', { add: { v: { kind: 'template', template: '{name}' } } }, 'vary in length'],
    ['a template that does not sort', 'v', { add: { v: { kind: 'template', template: '{counter}' } } }, 'vary'],
    ['a template of raw bytes', 'v', { add: { v: { kind: 'template', template: '{token}' } } }, 'vary'],
    ['a template beyond ASCII', 'v', { add: { v: { kind: 'template', template: 'é{changed:iso}' } } }, 'vary'],
    ['a template without a column', 'v', { add: { v: { kind: 'template', template: 'now' } } }, 'vary'],
  ] as const)('the version attribute may not be %s', (_, version, attributes, fact) => {
    const fault = faultOf(version, itemWith(attributes));
    expect(fault).toContain('E_MAPPING_INVALID');
    expect(fault).toContain(fact);
    expect(fault).toContain(`(target.version.attribute is "${version}")`);
  });

  it('the version attribute has to be on every item of a row', () => {
    const first = itemWith({ columns: ['counter'] });
    const second = { ...rule('L#{id}', null), name: 'lookup' };
    expect(() => compileWith('counter', first, second)).toThrow('mapping.messages.items[1].attributes');
  });

  it('a row without the version attribute is a bad row, and leaves nothing behind', () => {
    const mapping = compileWith('maybe', itemWith({ columns: ['maybe'] }));
    const into: MappedItem[] = [];
    expect(() => mapping.map(rowOf(mapping, { id: '1' }), into, { now: 0 })).toThrow(BadValue);
    expect(into).toEqual([]);
    mapping.map(rowOf(mapping, { id: '1', maybe: '2026-01-01 00:00:00.000001' }), into, { now: 0 });
    expect(attributesOf(onlyItem(into))).toMatchObject({ maybe: { S: '2026-01-01T00:00:00.000001Z' } });
  });

  it('rows without the version attribute are bad rows, wherever they stand in their chunk', () => {
    const mapping = compileWith('maybe', itemWith({ columns: ['maybe'] }));
    const time = '2026-01-01 00:00:00.000001';
    const rows = [time, null, time, null].map((maybe, id) => rowOf(mapping, { id: String(id), maybe }));
    const block = RowBlock.of(
      rows,
      mapping.columns.map(() => 'text'),
    );
    const into: MappedItem[] = [];
    const out = new ItemBuffer(mapping.buffers);
    const bad = rows.map((_, row) => {
      try {
        mapping.mapAt(block, row, into, { now: 0 }, out);
        return false;
      } catch (error) {
        expect(error).toBeInstanceOf(BadValue);
        return true;
      }
    });
    expect(bad).toEqual([false, true, false, true]);
    expect(into.map((item) => attributesOf(item)['maybe'])).toEqual([
      { S: '2026-01-01T00:00:00.000001Z' },
      { S: '2026-01-01T00:00:00.000001Z' },
    ]);
  });
});
