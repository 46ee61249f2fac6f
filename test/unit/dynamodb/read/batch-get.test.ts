/** What is told of an answer without parsing it is what parsing all of it tells, whatever the answer looks like. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { SAME, type FoundItem } from '../../../../src/core/item/found-item.js';
import type { MappedItem } from '../../../../src/core/model.js';
import { RequestedItems } from '../../../../src/dynamodb/read/requested-items.js';
import { UnreadableAnswer } from '../../../../src/dynamodb/http/answer-shape.js';
import { BatchGetAnswers } from '../../../../src/dynamodb/read/batch-get.js';
import { keyTextOf, type ItemAttributes } from '../../../../src/dynamodb/key-text.js';
import { canonicalItemText } from '../../../../src/mapping/item/canonical.js';
import { bytesOf } from '../../../support/mapped-item.js';

type Attributes = Record<string, unknown>;

const TABLE = 'my-table';
const NAMES = { partitionKey: 'p"k', sortKey: 'sk' } as const;

function mapped(attributes: ItemAttributes): MappedItem {
  const { [NAMES.partitionKey]: partition } = attributes;
  return {
    ...bytesOf(canonicalItemText(attributes)),
    keyHash: 0,
    keyText: keyTextOf(JSON.parse(canonicalItemText(attributes)) as ItemAttributes, NAMES) ?? '',
    partition: JSON.stringify(partition),
    bytes: 1,
    expiresAt: null,
    row: [],
    cell: () => null,
    sharesCell: () => false,
  };
}

const text = fc.oneof(fc.string({ unit: 'binary', maxLength: 12 }), fc.constantFrom('"', '\\', '"}', '\\"', ',"a":{'));
const number = fc
  .oneof(fc.integer(), fc.double({ noNaN: true, noDefaultInfinity: true, min: 1e-9, max: 1e9 }))
  .map(String);
const binary = fc.uint8Array({ maxLength: 8 }).map((bytes) => Buffer.from(bytes).toString('base64'));
const name = fc.oneof(text, fc.constantFrom('a', 'aa', 'b', '__proto__', '10', '9', 'é', '\ud83d\ude00', '\uffff'));
const { value } = fc.letrec<{ value: Attributes }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 3, depthSize: 'small' },
    fc.record({ S: text }),
    fc.record({ N: number }),
    fc.record({ B: binary }),
    fc.record({ BOOL: fc.boolean() }),
    fc.record({ NULL: fc.constant(true) }),
    fc.record({ SS: fc.uniqueArray(text, { minLength: 1, maxLength: 4 }) }),
    fc.record({ NS: fc.uniqueArray(fc.integer().map(String), { minLength: 1, maxLength: 4 }) }),
    fc.record({ BS: fc.uniqueArray(binary, { minLength: 1, maxLength: 4 }) }),
    fc.record({ L: fc.array(tie('value'), { maxLength: 4 }) }),
    fc.record({ M: fc.array(fc.tuple(name, tie('value')), { maxLength: 4 }).map(fromPairs) }),
  ),
}));
const item = fc
  .tuple(text, text, fc.array(fc.tuple(name, value), { maxLength: 8 }))
  .map(([pk, sk, pairs]) => fromPairs([...pairs, [NAMES.partitionKey, { S: pk }], ['sk', { S: sk }]]));

/** By own names: an attribute may be called `__proto__`. */
function fromPairs(pairs: readonly (readonly [string, unknown])[]): Attributes {
  return Object.fromEntries(pairs);
}

/** Of canonical text, in a given order. */
function slicesOf(canonical: string, order: readonly number[]): string {
  const slices = Object.entries(JSON.parse(canonical) as Attributes).map(
    ([key, content]) => `${JSON.stringify(key)}:${canonicalText(content)}`,
  );
  const ranked = slices.map((slice, i) => [order[i % order.length] ?? 0, slice] as const).sort(([a], [b]) => a - b);
  return `{${ranked.map(([, slice]) => slice).join(',')}}`;
}

function canonicalText(content: unknown): string {
  return canonicalItemText({ x: content }).slice('{"x":'.length, -1);
}

/**
 * Another JSON text of the same item: other numbers' spellings, orders, escapes. `odd` says at each step whether to.
 */
function respelled(attributes: Attributes, odd: () => boolean): string {
  const quoted = (plain: string): string =>
    odd()
      ? `"${Array.from({ length: plain.length }, (_, i) => `\\u${plain.charCodeAt(i).toString(16).padStart(4, '0')}`).join('')}"`
      : JSON.stringify(plain);
  const turned = <T>(list: readonly T[]): readonly T[] => (odd() ? [...list].reverse() : list);
  const numeral = (digits: string): string => JSON.stringify(odd() && !/[.eE]/.test(digits) ? `${digits}.0` : digits);
  const map = (entries: Attributes): string =>
    `{${turned(Object.entries(entries))
      .map(([key, content]) => `${quoted(key)}${odd() ? ' ' : ''}:${valueText(content as Attributes)}`)
      .join(odd() ? ', ' : ',')}}`;
  const valueText = (wrapped: Attributes): string => {
    const [[type, content] = ['', null]] = Object.entries(wrapped);
    const list = (spell: (member: never) => string): string => `[${(content as never[]).map(spell).join(',')}]`;
    switch (type) {
      case 'S':
        return `{"S":${quoted(content as string)}}`;
      case 'N':
        return `{"N":${numeral(content as string)}}`;
      case 'SS':
        return `{"SS":[${turned(content as string[])
          .map(quoted)
          .join(',')}]}`;
      case 'NS':
        return `{"NS":[${turned(content as string[])
          .map(numeral)
          .join(',')}]}`;
      case 'L':
        return `{"L":${list(valueText)}}`;
      case 'M':
        return `{"M":${map(content as Attributes)}}`;
      default:
        return JSON.stringify(wrapped);
    }
  };
  // The key is spelled as it was asked for.
  const keys = [NAMES.partitionKey, NAMES.sortKey].map(
    (key) => `${JSON.stringify(key)}:${JSON.stringify(attributes[key])}`,
  );
  const others = Object.entries(attributes).filter(([key]) => key !== NAMES.partitionKey && key !== NAMES.sortKey);
  const rest = map(fromPairs(others)).slice(1, -1);
  return `{${rest === '' ? keys.join(',') : `${rest},${keys.join(',')}`}}`;
}

/** Whether to, by turns of a random list. */
const oddities = fc.array(fc.boolean(), { minLength: 1, maxLength: 40 }).map((list) => {
  let turn = 0;
  return () => list[turn++ % list.length] ?? false;
});

function answerOf(items: readonly string[], unprocessed = '{}'): Buffer {
  const capacity = '"ConsumedCapacity":[{"TableName":"my-table","CapacityUnits":2.5}]';
  return Buffer.from(`{${capacity},"Responses":{"my-table":[${items.join(',')}]},"UnprocessedKeys":${unprocessed}}`);
}

interface Outcome {
  readonly found: readonly FoundItem[];
  /** Places. */
  readonly unprocessed: readonly number[];
  readonly units: number | null;
}

/** What the answer tells of the items; how many of them were parsed for it. */
function told(
  bytes: Buffer,
  items: readonly MappedItem[],
): { readonly outcome: Outcome | string; readonly parsed: number } {
  const asked = new RequestedItems(items);
  let parsed = 0;
  const answers = new BatchGetAnswers(TABLE, NAMES, (attributes) => {
    parsed += 1;
    return canonicalItemText(attributes);
  });
  const outcome = orFault(() => {
    const answer = answers.read(bytes, asked, asked.ask(asked.keys));
    for (const { place, found } of answer.items) asked.setFound(place, found);
    return { found: asked.found(), unprocessed: answer.unprocessed, units: answer.units };
  });
  return { outcome, parsed };
}

/** The same by parsing all of it: the definition. */
function defined(bytes: Buffer, items: readonly MappedItem[]): Outcome | string {
  return orFault(() => {
    const raw = record(parsedJson(bytes));
    const all = one(record(raw['Responses']), 0);
    const left = one(record(raw['UnprocessedKeys']));
    const texts = new Map<string, string>();
    const unprocessed: number[] = [];
    const placeOf = (attributes: ItemAttributes): number => {
      const place = items.findIndex((each) => each.keyText === keyTextOf(attributes, NAMES));
      return place === -1 ? unreadable() : place;
    };
    for (const each of list(all)) {
      const canonical = canonicalItemText(record(each));
      const { keyText } = items[placeOf(record(each))] ?? unreadable();
      if (texts.has(keyText)) unreadable();
      texts.set(keyText, canonical);
    }
    for (const each of left === undefined ? [] : list(record(left)['Keys'], 1)) {
      const place = placeOf(record(each));
      if (unprocessed.includes(place) || texts.has(items[place]?.keyText ?? '')) unreadable();
      unprocessed.push(place);
    }
    return {
      found: items.map((each) => {
        const found = texts.get(each.keyText) ?? null;
        return found === each.text ? SAME : found;
      }),
      unprocessed,
      units: unitsOf(raw['ConsumedCapacity']),
    };
  });
}

function record(value: unknown): Attributes {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Attributes) : unreadable();
}

function list(value: unknown, least = 0): readonly unknown[] {
  return value === undefined && least === 0
    ? []
    : Array.isArray(value) && value.length >= least
      ? (value as unknown[])
      : unreadable();
}

/** What a map says of the only table; an empty one says nothing of it. */
function one(map: Attributes, least?: number): unknown {
  const [[table, value] = [TABLE, undefined], ...more] = Object.entries(map);
  if (more.length > 0 || table !== TABLE) unreadable();
  if (value !== undefined && least !== undefined) list(value, least);
  return value;
}

function unitsOf(capacities: unknown): number | null {
  const units = list(capacities).map((each) => {
    const { TableName = TABLE, CapacityUnits } = record(each);
    return TableName === TABLE && typeof CapacityUnits === 'number' ? CapacityUnits : unreadable();
  });
  return units.length === 0 ? null : units.reduce((sum, each) => sum + each, 0);
}

function parsedJson(bytes: Buffer): unknown {
  return JSON.parse(bytes.toString('utf8'));
}

function unreadable(): never {
  throw new UnreadableAnswer();
}

function orFault(work: () => Outcome): Outcome | string {
  try {
    return work();
  } catch {
    return 'unreadable';
  }
}

const order = fc.array(fc.nat(), { minLength: 1, maxLength: 12 });

describe('BatchGetAnswers', () => {
  test('BatchGetAnswers recognizes an item without parsing where only the order of its attributes differs', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(item, order), { maxLength: 5 }), (pairs) => {
        const distinct = [...new Map(pairs.map((pair) => [mapped(pair[0]).keyText, pair])).values()];
        const items = distinct.map(([attributes]) => mapped(attributes));
        const bytes = answerOf(distinct.map(([, turns], i) => slicesOf(items[i]?.text ?? '', turns)).reverse());
        const outcome = { found: items.map(() => SAME), unprocessed: [], units: 2.5 };
        expect(told(bytes, items)).toEqual({ outcome, parsed: 0 });
      }),
      { numRuns: 300 },
    );
  });

  test('BatchGetAnswers recognizes an equal item in any other spelling', () => {
    fc.assert(
      fc.property(item, oddities, (attributes, odd) => {
        const items = [mapped(attributes)];
        expect(told(answerOf([respelled(attributes, odd)]), items).outcome).toMatchObject({ found: [SAME] });
      }),
      { numRuns: 500 },
    );
  });

  test('BatchGetAnswers never takes another item of the same key for equal, however near, and gives its canonical text', () => {
    fc.assert(
      fc.property(item, name, value, fc.boolean(), order, (attributes, key, other, dropped, turns) => {
        const held = { ...fromPairs([...Object.entries(attributes), [key, other]]), sk: attributes['sk'] };
        const near = dropped ? attributes : { ...held, [NAMES.partitionKey]: attributes[NAMES.partitionKey] };
        const asked = mapped(dropped ? held : attributes);
        fc.pre(asked.keyText === mapped(near).keyText);
        const expected = canonicalItemText(near) === asked.text ? SAME : canonicalItemText(near);
        const bytes = answerOf([slicesOf(canonicalItemText(near), turns)]);
        expect(told(bytes, [asked]).outcome).toMatchObject({ found: [expected] });
      }),
      { numRuns: 500 },
    );
  });

  test('BatchGetAnswers reads an answer with one byte changed, put in or left out as parsing all would', () => {
    const edit = fc.record({
      at: fc.nat(),
      length: fc.nat({ max: 1 }),
      put: fc.oneof(
        fc.constantFrom('', '"', '\\', ',', ':', '{', '}', '[', ']', ' ', '0', 'x', '\\u0061'),
        fc.string({ maxLength: 1 }),
      ),
    });
    fc.assert(
      fc.property(fc.array(item, { minLength: 1, maxLength: 2 }), order, edit, (list, turns, { at, length, put }) => {
        const items = [...new Map(list.map((each) => [mapped(each).keyText, mapped(each)])).values()];
        const bytes = answerOf(
          items.map(({ text: canonical }) => slicesOf(canonical, turns)),
          `{"my-table":{"Keys":[${items[0]?.keyText ?? ''}]}}`,
        );
        const from = at % bytes.length;
        const edited = Buffer.concat([bytes.subarray(0, from), Buffer.from(put), bytes.subarray(from + length)]);
        expect(told(edited, items).outcome).toEqual(defined(edited, items));
      }),
      { numRuns: 3_000 },
    );
  });

  const asked = [mapped({ [NAMES.partitionKey]: { S: 'p' }, sk: { S: 's' }, a: { N: '1' }, b: { S: 'é' } })];
  const keys = '"p\\"k":{"S":"p"},"sk":{"S":"s"}';

  test.each<[string, string]>([
    ['an attribute twice, the last one counts', `{${keys},"b":{"S":"é"},"a":{"N":"1"},"a":{"N":"2"}}`],
    ['an attribute twice, and another one missing', `{${keys},"a":{"N":"1"},"a":{"N":"1"}}`],
    ['the same twice', `{${keys},"b":{"S":"é"},"a":{"N":"1"},"a":{"N":"1"}}`],
    ['one attribute less', `{${keys},"a":{"N":"1"}}`],
    ['one attribute more', `{${keys},"b":{"S":"é"},"a":{"N":"1"},"c":{"N":"1"}}`],
    ['a value inside another one', `{${keys},"b":{"S":"é"},"a":{"M":{"a":{"N":"1"}}}}`],
    ['another type', `{${keys},"b":{"S":"é"},"a":{"S":"1"}}`],
    ['an escape for a letter', `{${keys},"b":{"S":"\\u00e9"},"\\u0061":{"N":"1"}}`],
    ['an escape in a key', `{"p\\u0022k":{"S":"\\u0070"},"sk":{"S":"s"},"b":{"S":"é"},"a":{"N":"1"}}`],
    ['white space', `{ ${keys}, "b":{"S":"é"},\n"a": {"N":"1"} }`],
    ['another key', `{"p\\"k":{"S":"q"},"sk":{"S":"s"},"b":{"S":"é"},"a":{"N":"1"}}`],
    ['no key', `{"sk":{"S":"s"},"b":{"S":"é"},"a":{"N":"1"}}`],
    ['no attributes at all', '{}'],
    ['a value that is none', `{${keys},"b":{"S":"é"},"a":1}`],
  ])('BatchGetAnswers reads an odd item as parsing all would: %s', (_, held) => {
    const bytes = answerOf([held]);
    expect(told(bytes, asked).outcome).toEqual(defined(bytes, asked));
  });

  test.each([
    '{}',
    '',
    'null',
    '{"Responses":{}}',
    '{"Responses":{"my-table":[]},"UnprocessedKeys":{}}',
    `{"Responses":{"my-table":[{${keys}}],"my-other":[{${keys},"a":{"N":"1"}}]}}`,
    `{"Responses":{"my-table":[{${keys}}]`,
    `{"Responses":{"my-table":[{${keys}},]}}`,
    `{"Responses":{"my-table":[{${keys}}]}}}`,
    `{"x":1,"Responses":{"my-table":[{${keys}}]}}`,
    `{"UnprocessedKeys":{"my-table":{"Keys":[{${keys}}]}},"Responses":{"my-table":[{${keys}}]}}`,
    `{"UnprocessedKeys":{"my-table":{"Keys":[{"sk":{"S":"s"}}]}},"Responses":{"my-table":[{${keys}}]}}`,
  ])('BatchGetAnswers reads an odd answer as parsing all would: %s', (json) => {
    const bytes = Buffer.from(json);
    expect(told(bytes, asked).outcome).toEqual(defined(bytes, asked));
  });

  test('BatchGetAnswers reads an item of more attributes than most', () => {
    const names = Array.from({ length: 300 }, (_, i) => [`n${String(i)}`, { S: 'x'.repeat(i) }] as const);
    const items = [mapped(fromPairs([...names, [NAMES.partitionKey, { S: 'p' }], ['sk', { S: 's' }]]))];
    const turned = slicesOf(items[0]?.text ?? '', [3, 1, 2]);
    const outcome = { found: [SAME], unprocessed: [], units: 2.5 };
    expect(told(answerOf([turned]), items)).toEqual({ outcome, parsed: 0 });
    const longest = turned.replace(`${'x'.repeat(299)}"`, `${'x'.repeat(298)}y"`);
    expect(told(answerOf([longest]), items).outcome).toEqual(defined(answerOf([longest]), items));
    expect(told(answerOf([longest]), items).parsed).toBe(1);
  });
});
