import { expect, it } from 'vitest';
import { storedBytes } from '../../../../src/mapping/item/stored-size.js';
import { column, compile, rule, table } from '../tables.js';

it.each([
  [{ pk: { S: 'é€' } }, 2 + 5],
  [{ n: { N: '0' } }, 1 + 1],
  [{ n: { N: '-12345' } }, 1 + 5],
  [{ b: { B: 'AAEC' } }, 1 + 3],
  [{ t: { BOOL: false }, z: { NULL: true } }, 1 + 1 + 1 + 1],
  [{ s: { SS: ['ab', 'c'] }, n: { NS: ['1', '22'] } }, 1 + 3 + 1 + 2 + 2],
  [{ l: { L: [{ S: 'a' }, { L: [] }] } }, 1 + 3 + 1 + 1 + 1 + 3],
  [{ m: { M: { ab: { S: 'c' } } } }, 1 + 3 + 1 + 2 + 1],
])('storedBytes of %j is %i bytes', (item, bytes) => {
  expect(storedBytes(item)).toBe(bytes);
});

it('storedBytes of a stored item is the size of the item that was made', () => {
  const mapping = compile(
    table({ id: 'bigint', body: 'text', price: 'decimal(10,5)', seen: 'bit(1)', doc: column('doc', 'json') }),
    rule('A#{id}', null, {
      attributes: {
        columns: 'all',
        rules: { doc: { name: null, type: 'JSON', format: null, null: 'absent' } },
      },
    }),
  );
  const items: { text: string; bytes: number }[] = [];
  mapping.map(['-1200', 'grüße "x"', '0.00120', Buffer.from([1]), '{"a":[1,true,null,{"b":"c"}]}'], items as never, {
    now: 0,
  });
  const [made] = items;
  expect(storedBytes(JSON.parse(made?.text ?? '{}') as Record<string, unknown>)).toBe(made?.bytes);
});
