/**
 * A template has two voices, the text of a row and the bytes of it: they say the same, or refuse with the same reason.
 */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Cell, Row } from '../../../../src/core/model.js';
import { RowBlock, transportOf } from '../../../../src/core/row-block.js';
import { BadValue } from '../../../../src/mapping/value/bad-value.js';
import { compileTemplate } from '../../../../src/mapping/template/compiled-template.js';
import { RowView } from '../../../../src/mapping/row-view.js';
import { bufferWithRoom, writtenIn } from '../placed.js';
import { holds } from '../seeded.js';
import { column, table } from '../tables.js';

const COLUMNS = {
  t: 'varchar(99)',
  a: column('a', 'varchar(99)', { charset: 'ascii', transport: 'bytes' }),
  j: 'json',
  s: "set('a','é')",
  i: 'int',
  z: 'int zerofill',
  d: 'decimal(20,6)',
  f: 'double',
  y: 'year',
  bits: 'bit(64)',
  b: 'varbinary(40)',
  day: 'date',
  at: 'datetime(6)',
  raw: 'timestamp',
  odd: 'time(3)',
};

const TEMPLATES = [
  'plain',
  '',
  'é"\\ \n\u0000{{}}',
  ...Object.keys(COLUMNS).map((name) => `{${name}}`),
  ...[
    '{t:lower}',
    '{t:upper}',
    '{t:hex}',
    '{b:hex}',
    '{t:lower:hex}',
    '{a:upper}',
    '{t:hash(7)}',
    '{b:hash(16):pad(3)}',
  ],
  ...['{i:pad(12)}', '{i:sortable}', '{d:sortable}', '{y:pad(4)}', '{z:pad(9)}', '{bits:pad(20)}'],
  ...[
    '{day:iso}',
    '{at:iso}',
    '{raw:iso}',
    '{day:epoch-s}',
    '{at:epoch-us:pad(16)}',
    '{raw:epoch-ms}',
    '{day:iso:hash(3)}',
  ],
  'A#{t}é{i:sortable}"{day:iso}|{at}|{odd}',
];

const INFO = table(COLUMNS);
const names = Object.keys(COLUMNS);
const compiled = TEMPLATES.map((source) => compileTemplate(source, INFO, (name) => names.indexOf(name)));

const texts = fc.string({
  unit: fc.constantFrom('a', 'Z', '"', '\\', '\n', '\u0000', '\u007f', 'é', 'İ', '你', '👋'),
  maxLength: 20,
});
const bytes = (maxLength: number) => fc.uint8Array({ maxLength }).map((all) => Buffer.from(all));
const days = fc.constantFrom(
  '2024-02-29',
  '0000-00-00',
  '1969-12-31',
  '9999-12-31',
  '2023-02-29',
  '0001-01-01',
  '2026-10-00',
);
const digits = (pattern: RegExp) => fc.stringMatching(pattern);
const or = <T>(values: fc.Arbitrary<T>) => fc.option(values, { nil: null, freq: 20 });

const rows = fc.record<Record<keyof typeof COLUMNS, Cell>>({
  // Bytes: halves of surrogate pairs and the like, as servers before MySQL 8 hold them.
  t: or(fc.oneof({ weight: 4, arbitrary: texts }, { weight: 1, arbitrary: bytes(4) })),
  a: or(
    fc.oneof(
      { weight: 4, arbitrary: fc.string({ unit: 'binary-ascii', maxLength: 60 }) },
      { weight: 1, arbitrary: bytes(3) },
    ),
  ),
  j: or(texts.map((text) => JSON.stringify({ text }))),
  s: or(fc.constantFrom('', 'a', 'a,é')),
  i: or(digits(/^-?[1-9]\d{0,8}$/)),
  z: or(digits(/^\d{10}$/)),
  d: or(digits(/^-?\d{1,14}\.\d{6}$/)),
  f: or(fc.constantFrom('0', '-0', '1e-7', '1.5e100', '-1.25', '1e200')),
  y: or(fc.constantFrom('0000', '1901', '2155')),
  bits: or(fc.uint8Array({ minLength: 8, maxLength: 8 }).map((all) => Buffer.from(all))),
  b: or(bytes(40)),
  day: or(days),
  at: or(fc.tuple(days, digits(/^[01]\d:[0-5]\d:[0-5]\d\.\d{6}$/)).map(([day, time]) => `${day} ${time}`)),
  raw: or(days.map((day) => `${day} 23:59:59`)),
  odd: or(fc.constantFrom('-838:59:59.000', '00:00:00.001')),
});

/** What came of it: text as it stands in JSON and its size, or why not. */
function outcome(attempt: () => { readonly text: string; readonly bytes: number }): unknown {
  try {
    return attempt();
  } catch (error) {
    if (error instanceof BadValue) return { column: error.column, reason: error.reason, kind: error.kind };
    throw error;
  }
}

describe('compileTemplate', () => {
  it('a compiled template writes what it evaluates to, wherever the row stands and the buffer ends', () => {
    const cases = fc.tuple(fc.array(rows, { minLength: 1, maxLength: 3 }), fc.nat({ max: 200 }));
    holds(250, cases, ([several, room]) => {
      const cells = several.map((row): Row => names.map((name) => row[name as keyof typeof COLUMNS]));
      const block = RowBlock.of(cells, INFO.columns.map(transportOf));
      const view = new RowView();
      for (let row = 0; row < block.length; row += 1) {
        view.moveTo(block, row);
        for (const template of compiled) {
          const evaluated = outcome(() => {
            const text = template.evaluate(view);
            return { text: JSON.stringify(text).slice(1, -1), bytes: Buffer.byteLength(text) };
          });
          const written = outcome(() => {
            const out = bufferWithRoom(room);
            template.write(view, out);
            return { text: writtenIn(out), bytes: out.bytes };
          });
          expect(written, template.source).toEqual(evaluated);
        }
      }
    });
  });
});
