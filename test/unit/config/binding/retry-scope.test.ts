/** What `--retry-bad` may change of a mapping, and that everything else stays bound. */
import { isDeepStrictEqual } from 'node:util';
import { describe, expect, it, test } from 'vitest';
import { mustStay, type BadColumn } from '../../../../src/config/binding/retry-scope.js';
import type { Fingerprint } from '../../../../src/core/ports/state-records.js';
import { alter } from '../config-file.js';

/** As `resumeFingerprint` makes it. */
function fingerprint() {
  const attributes = {
    columns: 'all',
    drop: ['secret'],
    rules: { price: { type: 'N' }, body: { name: 'text' } },
    add: {
      label: { kind: 'template', template: '{price:pad(5)}!' },
      title: { kind: 'template', template: '{body}' },
      kind: { kind: 'constant', value: 'price' },
    },
  };
  const item = { partitionKey: { template: '{id}' }, sortKey: { template: '{price}' }, attributes, ttl: null };
  return {
    target: { table: 't', identity: 'arn' },
    tables: {
      messages: { where: null, scanKey: null, items: { message: item }, columns: { price: { columnType: 'int' } } },
      others: { where: null, scanKey: null, items: { other: structuredClone(item) } },
    },
  };
}

const ITEM = 'tables.messages.items.message';
const PRICE: readonly BadColumn[] = [{ table: 'messages', column: 'price' }];
const WHOLE: readonly BadColumn[] = [{ table: 'messages', column: null }];

/** Whether a retry with these bad columns accepts the change. */
function accepts(bad: readonly BadColumn[], path: string, value: unknown): boolean {
  const [before, after] = [fingerprint(), alter(fingerprint(), path, value)] as [Fingerprint, Fingerprint];
  expect(after).not.toEqual(before);
  return isDeepStrictEqual(mustStay(before, after, bad), mustStay(after, before, bad));
}

describe('a column with bad rows', () => {
  it.each([
    ['its rule', `${ITEM}.attributes.rules.price`, { type: 'S' }],
    ['no rule any more', `${ITEM}.attributes.rules.price`, undefined],
    ['being dropped', `${ITEM}.attributes.drop`, ['secret', 'price']],
    ['a template that names it', `${ITEM}.attributes.add.label`, { kind: 'template', template: 'none' }],
    ['a template that names it no more', `${ITEM}.attributes.add.label`, undefined],
    ['a new template that names it', `${ITEM}.attributes.add.more`, { kind: 'template', template: '{price}' }],
  ])('a retry accepts a change of the column that has bad rows: %s', (_, path, value) => {
    expect(accepts(PRICE, path, value)).toBe(true);
    expect(accepts([], path, value)).toBe(false);
    expect(accepts([{ table: 'others', column: 'price' }], path, value)).toBe(false);
  });

  it.each([
    ['the rule of another column', `${ITEM}.attributes.rules.body`, { type: 'B' }],
    ['another column dropped', `${ITEM}.attributes.drop`, ['secret', 'body']],
    ['a template without it', `${ITEM}.attributes.add.title`, { kind: 'template', template: '{body}!' }],
    ['a constant that reads like it', `${ITEM}.attributes.add.kind`, { kind: 'constant', value: 'prices' }],
    [
      'a template that names only part of it',
      `${ITEM}.attributes.add.more`,
      { kind: 'template', template: '{price2}' },
    ],
    ['a key that names it', `${ITEM}.sortKey.template`, '{price:pad(9)}'],
    ['the TTL', `${ITEM}.ttl`, { attribute: 'e', column: 'price' }],
    ['where', 'tables.messages.where', 'id > 1'],
    ['its type at the source', 'tables.messages.columns.price.columnType', 'bigint'],
    ['its rule in another table', 'tables.others.items.other.attributes.rules.price', { type: 'S' }],
    ['the target', 'target.identity', 'other'],
  ])('a retry of a column with bad rows does not accept a change of anything else: %s', (_, path, value) => {
    expect(accepts(PRICE, path, value)).toBe(false);
  });

  it('a retry lets a column with bad rows leave or join a list of columns, and no other column', () => {
    const list = (...columns: string[]): Fingerprint =>
      alter(fingerprint(), `${ITEM}.attributes.columns`, columns) as Fingerprint;
    const [before, without] = [list('body', 'price'), list('body')];
    expect(mustStay(before, without, PRICE)).toEqual(mustStay(without, before, PRICE));
    const other = list('price');
    expect(mustStay(before, other, PRICE)).not.toEqual(mustStay(other, before, PRICE));
  });
});

describe('items that are too large', () => {
  it('a retry of items that are too large may leave columns out, with their rules', () => {
    const before = fingerprint();
    const after = alter(
      alter(fingerprint(), `${ITEM}.attributes.drop`, ['secret', 'body']),
      `${ITEM}.attributes.rules.body`,
      undefined,
    ) as typeof before;
    expect(mustStay(before, after, WHOLE)).toEqual(mustStay(after, before, WHOLE));
    expect(accepts(WHOLE, `${ITEM}.attributes.columns`, ['price', 'body'])).toBe(true);
  });

  it.each([
    ['how a column that stays becomes an attribute', `${ITEM}.attributes.rules.body`, { type: 'B' }],
    ['keys', `${ITEM}.partitionKey.template`, '{id}#'],
    ['templates', `${ITEM}.attributes.add.title`, undefined],
  ])('a retry of items that are too large does not accept a change of %s', (_, path, value) => {
    expect(accepts(WHOLE, path, value)).toBe(false);
  });
});

test.each([
  ['no tables', { target: { table: 't' } }],
  ['a table without items', { ...fingerprint(), tables: { messages: { where: null } } }],
  ['an item without attributes', { ...fingerprint(), tables: { messages: { items: { message: { ttl: null } } } } }],
])('mustStay finds a state that has %s different, and does not throw', (_, stored) => {
  for (const bad of [PRICE, WHOLE]) {
    expect(mustStay(stored, fingerprint(), bad)).toEqual(stored);
    expect(mustStay(fingerprint(), stored, bad)).not.toEqual(stored);
  }
});
