/**
 * What is said of an expression without a row, and what key rules are proven from: its width and its characters hold
 * for every row.
 */
import { describe, expect, it } from 'vitest';
import type { Cell } from '../../../src/core/model.js';
import { compileTemplate } from '../../../src/mapping/template/compiled-template.js';
import { compileExpression } from '../../../src/mapping/template/template-functions.js';
import type { FunctionCall } from '../../../src/mapping/template/template.js';
import { column, table, viewOf } from './tables.js';

/** The calls as a template writes them: `:iso:pad(3)`. */
function callsOf(text: string): readonly FunctionCall[] {
  return [...text.matchAll(/:([a-z-]+)(?:\((\d+)\))?/g)].map(([, name = '', argument]) => ({
    name,
    argument: argument === undefined ? null : Number(argument),
  }));
}

const bytes = (...values: number[]): Buffer => Buffer.from(values);

/** Definition, calls, the width that all outputs have (null: it varies), cells at the ends of what the type holds. */
const EACH: readonly (readonly [string, string, number | null, readonly Cell[]])[] = [
  ['date', '', 10, ['2026-01-02', '0000-00-00']],
  ['datetime', '', 19, ['2026-01-02 03:04:05']],
  ['datetime(1)', '', 21, ['2026-01-02 03:04:05.6']],
  ['datetime(3)', '', 23, ['2026-01-02 03:04:05.678']],
  ['timestamp(6)', '', 26, ['2026-01-02 03:04:05.678901']],
  ['time', '', null, ['-838:59:59', '00:00:00']],
  ['binary(2)', '', 2, [bytes(0, 255)]],
  ['varbinary(2)', '', null, [bytes(0)]],
  ['varchar(9)', '', null, ['a']],
  ['int', '', null, ['-2147483648', '0']],
  ['decimal(5,2)', '', null, ['-999.99']],
  ['date', ':iso', 10, ['2026-01-02']],
  ['datetime', ':iso', 20, ['2026-01-02 03:04:05']],
  ['datetime(3)', ':iso', 24, ['2026-01-02 03:04:05.678']],
  ['datetime', ':epoch-s', null, ['1969-12-31 23:59:59', '9999-12-31 23:59:59']],
  ['int unsigned', ':pad(10)', 10, ['0', '4294967295']],
  ['tinyint', ':sortable', 4, ['-128', '-1', '0', '127']],
  ['bigint unsigned', ':sortable', 21, ['0', '18446744073709551615']],
  ['decimal(5,0)', ':sortable', 6, ['-99999', '0', '99999']],
  ['decimal(5,2)', ':sortable', 7, ['-999.99', '0.00', '999.99']],
  ['decimal(5,5)', ':sortable', 8, ['-0.99999', '0.00000', '0.99999']],
  ['datetime(3)', ':epoch-ms:sortable', 16, ['0000-01-01 00:00:00.000', '9999-12-31 23:59:59.999']],
  ['binary(2)', ':hex', 4, [bytes(0, 255)]],
  ['varchar(9)', ':hex', null, ['Aé']],
  ['varchar(9)', ':hash(16)', null, ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h', 'i', 'j', 'k', 'l', 'm', 'n', 'o', 'p']],
  ['varchar(9)', ':hash(16):pad(2)', 2, ['a', 'b', 'c', 'd']],
];

describe('compileExpression', () => {
  it.each(EACH)('compileExpression of {c %s%s} has the width %s', (definition, calls, width, cells) => {
    const info = column('c', definition);
    const { width: said, alphabet } = compileExpression(info, 0, callsOf(calls));
    expect(said).toBe(width);
    const template = compileTemplate(`{c${calls}}`, table({ c: info }), () => 0);
    for (const cell of cells) {
      const text = template.evaluate(viewOf([cell], table({ c: info })));
      if (width !== null) expect(text).toHaveLength(width);
      for (const character of text) expect(character).toMatch(alphabet);
    }
  });

  it.each([
    ['int unsigned', '-'],
    ['bit(8)', '-'],
    ['year', '-'],
    ['int', '.'],
    ['decimal(5,2)', ':'],
    ['datetime', '#'],
  ])('compileExpression of %s gives an alphabet without %s, so that it ends a part', (definition, literal) => {
    expect(literal).not.toMatch(compileExpression(column('c', definition), 0, []).alphabet);
  });
});
