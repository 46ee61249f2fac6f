/** One change of an answer: of one member along the API's model, or of its text. */
import { OUTPUTS, type Shape } from './api-model.js';

export type Random = () => number;

export function pick<T>(random: Random, options: readonly T[]): T {
  return options[Math.floor(random() * options.length)] as T;
}

interface Place {
  readonly shape: Shape;
  /** undefined: the member is not there. */
  readonly value: unknown;
  /** undefined: removes it. */
  put(value: unknown): void;
}

/** What to say of it, and the text of the answer. */
export interface Changed {
  readonly what: string;
  readonly text: string;
}

/** @param operation in `OUTPUTS` */
export function changed(operation: string, text: string, random: Random): Changed {
  if (random() < 0.25) return changedText(operation, text, random);
  const answer = parsed(text);
  const shape = OUTPUTS[operation];
  if (shape === undefined || answer === null) return changedText(operation, text, random);
  const all: (Place & { readonly path: string })[] = [];
  // The whole answer is a place as well.
  const root = { answer };
  collect({ kind: 'structure', members: { answer: shape } }, root, '', all);
  const place = pick(random, all);
  const [how, value] = another(place, random);
  place.put(value);
  const what = `${place.path}: ${how}`;
  return { what, text: 'answer' in root ? JSON.stringify(root.answer) : '' };
}

function collect(
  shape: Shape,
  value: Record<string, unknown> | unknown[],
  path: string,
  all: (Place & { readonly path: string })[],
): void {
  const add = (of: Shape, key: string | number): void => {
    const container = value as Record<string | number, unknown>;
    const there = container[key];
    const put = (other: unknown): void => {
      if (other !== undefined) container[key] = other;
      else if (Array.isArray(value)) value.splice(Number(key), 1);
      else Reflect.deleteProperty(container, key);
    };
    const name = `${path}/${String(key)}`;
    all.push({ shape: of, value: there, put, path: name });
    if (typeof there === 'object' && there !== null) collect(of, there as Record<string, unknown>, name, all);
  };
  if (shape.kind === 'structure' && !Array.isArray(value)) {
    for (const [key, of] of Object.entries(shape.members)) add(of, key);
  } else if (shape.kind === 'map' && !Array.isArray(value)) for (const key of Object.keys(value)) add(shape.of, key);
  else if (shape.kind === 'list' && Array.isArray(value)) for (const key of value.keys()) add(shape.of, key);
  else if (shape.kind === 'value' && !Array.isArray(value)) {
    for (const key of Object.keys(value)) add({ kind: 'string', values: ['another', '', '1e999', '-'] }, key);
  }
}

/** @returns how, and the value; undefined: none */
function another({ shape, value }: Place, random: Random): readonly [string, unknown] {
  const how = pick(random, ['removed', 'null', 'of another type', 'another', 'wrapped', 'doubled', 'emptied'] as const);
  switch (how) {
    case 'removed':
      return [how, undefined];
    case 'null':
      return [how, null];
    case 'wrapped':
      return pick(random, [
        ['in a list', [value]],
        ['in an object', { value }],
        ['as text', JSON.stringify(value ?? null)],
      ]);
    case 'doubled':
      if (Array.isArray(value)) return [how, [...(value as unknown[]), ...(value as unknown[]).slice(0, 1)]];
      if (typeof value === 'object' && value !== null)
        return [how, { ...value, another: (Object.values(value) as unknown[])[0] ?? 1 }];
      return ['another', example(shape, random)];
    case 'emptied':
      return [how, Array.isArray(value) ? [] : typeof value === 'string' ? '' : {}];
    case 'another':
      return [how, example(shape, random)];
    case 'of another type':
      return [how, pick(random, ODD_VALUES)];
  }
}

const DEEP = Array.from({ length: 2_000 }).reduce<unknown>((inner) => [inner], []);
const ODD_VALUES: readonly unknown[] = [
  ...[0, -1, 0.5, 1e6, 1e308, 5e-324, 2 ** 53, true, false, '', 'x', '1', 'NaN', '\u0000', '\ud800'],
  ...[[], [null], [[]], [1, 'x'], {}, { S: 'x' }, { N: 'x' }, { M: null }, { __type: 'x' }, { length: 1 }, DEEP],
];
const NUMBERS = [0, -0, -1, 0.5, 1, 25, 1_000, 1e6, 1e9, 1e21, 1e308, 5e-324, 2 ** 53 + 2];
const VALUES: readonly unknown[] = [
  ...[{ S: 'another' }, { S: '' }, { N: '1' }, { N: '-0.0' }, { N: '1e400' }, { N: 'abc' }, { N: 1 }, { B: 'AA==' }],
  ...[{ B: '%' }, { BOOL: true }, { BOOL: 'true' }, { NULL: true }, { NULL: false }, { SS: ['a', 'a'] }, { SS: [] }],
  ...[{ NS: ['1', 'x'] }, { BS: [1] }, { L: [{ S: 'x' }, null] }, { L: {} }, { M: { a: { S: 'x' } } }, { M: [] }],
  ...[{}, { S: 'x', N: '1' }, { V: 'x' }],
];

/** A value of that shape, good or nearly so. */
function example(shape: Shape, random: Random): unknown {
  switch (shape.kind) {
    case 'structure': {
      const members = Object.entries(shape.members).filter(() => random() < 0.6);
      return Object.fromEntries(members.map(([name, of]) => [name, example(of, random)]));
    }
    case 'map':
      return { [pick(random, ['another', 'pk', '__proto__', ''])]: example(shape.of, random) };
    case 'list':
      return Array.from({ length: 1 + Math.floor(random() * 2) }, () => example(shape.of, random));
    case 'string':
      return pick(random, shape.values);
    case 'number':
      return pick(random, NUMBERS);
    case 'boolean':
      return random() < 0.5;
    case 'value':
      return pick(random, VALUES);
  }
}

const OTHER_TEXTS = ['', '{}', '[]', 'null', '5', '"ok"', '{"message":"ok"}', '<html>', '\ufeff{}', '{"__type":"x#Y"}'];

function changedText(operation: string, text: string, random: Random): Changed {
  const at = Math.floor(random() * (text.length + 1));
  const char = pick(random, ['"', '\\', ',', ':', '{', '}', '[', ']', ' ', '0', '-', 'x', '\u0000', '\u00e9']);
  const other = pick(random, OTHER_TEXTS);
  const others = Object.keys(OUTPUTS).filter((name) => name !== operation);
  return pick(random, [
    { what: `text: ends at ${at}`, text: text.slice(0, at) },
    { what: `text: begins at ${at}`, text: text.slice(at) },
    { what: `text: ${JSON.stringify(char)} at ${at}`, text: text.slice(0, at) + char + text.slice(at) },
    { what: `text: without ${at}`, text: text.slice(0, at) + text.slice(at + 1) },
    { what: `text: ${JSON.stringify(char)} for ${at}`, text: text.slice(0, at) + char + text.slice(at + 1) },
    { what: 'text: twice', text: text + text },
    { what: 'text: blanks before', text: ' '.repeat(5_000) + text },
    { what: 'text: blanks behind', text: text + ' '.repeat(5_000) },
    { what: `text: ${JSON.stringify(other)}`, text: other },
    {
      what: 'text: of another operation',
      text: JSON.stringify(example(OUTPUTS[pick(random, others)] as Shape, random)),
    },
  ]);
}

export function parsed(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return null;
  }
}
