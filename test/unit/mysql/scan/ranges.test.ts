/**
 * How a table of whole numbers is cut into ranges, with the numbers at hand: where the cuts fall, how equal the ranges
 * are, and how many questions that takes. What real servers say to the questions:
 * test/integration/mysql/ranges.test.ts.
 */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Cursor, Range } from '../../../../src/core/model.js';
import { planRanges, sampleCursors } from '../../../../src/mysql/scan/ranges.js';
import type { RowSelect } from '../../../../src/mysql/keyset/row-select.js';
import type { Session } from '../../../../src/mysql/connection/session.js';

const signal = new AbortController().signal;
type Test = (key: number) => boolean;
type Bounds = readonly [after: Cursor, upTo: Cursor];
interface Question {
  readonly kind: 'edge' | 'probe' | 'walk' | 'estimate';
  readonly answer: () => number | readonly number[] | undefined;
}

interface Table {
  readonly session: Session;
  readonly select: RowSelect;
  /** What was asked so far. */
  readonly asked: Question['kind'][];
  /** Keys behind `after` and up to `upTo`. */
  within(after: Cursor | null, upTo: Cursor | null): number;
}

/** @param keys in order, each once @param back the server finds the last key before one too */
function tableOf(keys: readonly number[], back = true): Table {
  const asked: Question['kind'][] = [];
  const isWithin = (after: Cursor | null, upTo: Cursor | null): Test => {
    const [low, high] = [after === null ? -Infinity : Number(after), upTo === null ? Infinity : Number(upTo)];
    return (key) => key > low && key <= high;
  };
  const within: Table['within'] = (after, upTo) => keys.filter(isWithin(after, upTo)).length;
  const select = {
    keyset: {
      plain: back,
      parts: [{ form: { kind: 'integer' }, descending: false }],
      texts: (cursor: Cursor) => [cursor],
      after:
        (cursor: Cursor): Test =>
        (key) =>
          key > Number(cursor),
      before:
        (cursor: Cursor): Test =>
        (key) =>
          key < Number(cursor),
      partFrom: (_: unknown, __: number, text: string, how: 'from' | 'before'): Test =>
        how === 'from' ? (key) => key >= Number(text) : (key) => key < Number(text),
    },
    edgeKey: (edge: 'first' | 'last', conditions: readonly Test[]): Question => ({
      kind: conditions.length === 0 ? 'edge' : 'probe',
      answer: () => {
        const found = keys.filter((key) => conditions.every((meets) => meets(key)));
        return edge === 'first' ? found[0] : found.at(-1);
      },
    }),
    keyAt: ({ after, upTo }: { after: Cursor; upTo: Cursor }, steps: number): Question => ({
      kind: 'walk',
      answer: () => keys.filter(isWithin(after, upTo))[steps],
    }),
    firstKeys: (limit: number): Question => ({ kind: 'edge', answer: () => keys.slice(0, limit) }),
    keys: ({ after, upTo }: { after: Cursor; upTo: Cursor }) => ({ list: '', from: JSON.stringify([after, upTo]) }),
    cursorOfKey: ([text]: readonly string[]) => text as Cursor,
  };
  const ask = (question: Question): Promise<readonly string[][]> => {
    asked.push(question.kind);
    const found = question.answer();
    return Promise.resolve([found ?? []].flat().map((key) => [String(key)]));
  };
  const session = {
    family: { readsBackwards: 'no key', estimateHint: '' },
    rows: (question: Question) => {
      if (question.kind !== 'edge')
        throw new Error('a probe that finds nothing is no fault: it is asked for as a hint');
      return ask(question);
    },
    hints: (question: Question) => {
      if (question.kind === 'edge') throw new Error('whether the table is empty is no hint');
      return ask(question);
    },
    records: (explain: string) => {
      asked.push('estimate');
      // One line for each SELECT of a UNION.
      const bounds = explain
        .split(' UNION ALL ')
        .map((select) => JSON.parse(select.slice(select.indexOf('['))) as Bounds);
      return Promise.resolve(bounds.map(([after, upTo]) => new Map([['rows', within(after, upTo)]])));
    },
  };
  return { session: session as unknown as Session, select: select as unknown as RowSelect, asked, within };
}

const plan = (table: Table, count: number, estimated = 0): Promise<readonly Range[]> =>
  planRanges(table.session, table.select, count, estimated, signal);
const sizes = (table: Table, ranges: readonly Range[]): readonly number[] =>
  ranges.map(({ after, upTo }) => table.within(after, upTo));
const numbers = (count: number, step = 1, from = 0): readonly number[] =>
  Array.from({ length: count }, (_, i) => from + i * step);

/** Where the numbers lie. */
const LAID = {
  evenly: numbers(18_000, 7),
  'in two crowds, far apart': [...numbers(9_000), ...numbers(9_000, 1, 1e12)],
  'in a crowd, and a few far behind it': [...numbers(17_990), ...numbers(10, 1e11, 1e12)],
  'ever thinner': numbers(18_000).map((i) => i + Math.floor((i / 1_000) ** 5)),
};

test.each(Object.entries(LAID).flatMap(([how, keys]) => [true, false].map((back) => ({ how, keys, back }))))(
  'planRanges cuts keys that lie $how into ranges, reading backwards: $back',
  async ({ keys, back }) => {
    const table = tableOf(keys, back);
    const ranges = await plan(table, 8);
    expect(ranges.map(({ index }) => index)).toEqual([0, 1, 2, 3, 4, 5, 6, 7]);
    expect([ranges[0]?.after, ranges.at(-1)?.upTo]).toEqual([null, String(keys.at(-1))]);
    expect(ranges.slice(1).map(({ after }) => after)).toEqual(ranges.slice(0, -1).map(({ upTo }) => upTo));
    const found = sizes(table, ranges);
    const share = keys.length / 8;
    expect(Math.max(...found)).toBeLessThan(share * 1.4);
    expect(Math.min(...found)).toBeGreaterThan(share * 0.6);
    // The first key is no part of what lies behind it.
    expect(ranges.map(({ estimatedRows }) => estimatedRows)).toEqual(
      found.map((size, i) => (i === 0 ? size - 1 : size)),
    );
    // Nearing costs more.
    expect(table.asked.length).toBeLessThan(8 * (back ? 27 : 37));
  },
);

test('planRanges cuts an interval with an empty far half at the last key before that, where the server finds it', async () => {
  const keys = LAID['in a crowd, and a few far behind it'];
  const [able, unable] = [tableOf(keys), tableOf(keys, false)];
  await plan(able, 8);
  await plan(unable, 8);
  const walks = ({ asked }: Table): number => asked.filter((kind) => kind === 'walk').length;
  expect(walks(able)).toBeLessThan(walks(unable));
});

test('planRanges finds with two probes that nothing lies between two keys, where the server looks back', async () => {
  const [able, unable] = [tableOf([0, 1_000_000_000]), tableOf([0, 1_000_000_000], false)];
  // The engine says that there are many rows: so it is cut, as far as it can be.
  expect((await plan(able, 4, 100_000)).length).toBe(1);
  expect((await plan(unable, 4, 100_000)).length).toBe(1);
  const probes = ({ asked }: Table): number => asked.filter((kind) => kind === 'probe').length;
  // From each of the two to either side, and once more for any key within.
  expect(probes(able)).toBe(2 * 2 + 1);
  expect(probes(unable)).toBeGreaterThan(probes(able));
});

test('planRanges takes a small table as one range by its ends and one estimate, and an empty one without bounds', async () => {
  const small = tableOf(numbers(3_999));
  expect(await plan(small, 8)).toEqual([{ index: 0, after: null, upTo: '3998', estimatedRows: 3_998 }]);
  expect(small.asked).toEqual(['edge', 'edge', 'estimate']);
  expect(await plan(tableOf([5]), 8)).toEqual([{ index: 0, after: null, upTo: '5', estimatedRows: 0 }]);
  expect(await plan(tableOf([]), 8)).toEqual([{ index: 0, after: null, upTo: null, estimatedRows: 0 }]);
});

test('planRanges makes as many ranges as there are 2,000 rows for, and no more than asked for', async () => {
  for (const [rows, count] of [
    [4_002, 2],
    [7_000, 3],
    [20_000, 8],
  ] as const) {
    expect((await plan(tableOf(numbers(rows)), 8)).length).toBe(count);
  }
});

test('planRanges takes the engine’s estimate of the whole table as the scale', async () => {
  const ranges = await plan(tableOf(numbers(20_001)), 4, 60_000);
  expect(ranges.reduce((sum, { estimatedRows }) => sum + estimatedRows, 0)).toBe(60_000);
});

test('planRanges makes ranges that follow one another from the first key to the last, whatever the keys are', async () => {
  const keys = fc.uniqueArray(fc.integer({ min: -1_000_000, max: 1_000_000 }), { minLength: 1, maxLength: 60 });
  const property = fc.asyncProperty(keys, fc.boolean(), fc.integer({ min: 1, max: 5 }), async (drawn, back, count) => {
    const sorted = [...drawn].sort((a, b) => a - b);
    const table = tableOf(sorted, back);
    // The engine says that there are many rows: so it is cut, as far as it can be.
    const ranges = await plan(table, count, 100_000);
    expect(sizes(table, ranges).reduce((sum, size) => sum + size, 0)).toBe(sorted.length);
    expect(ranges.slice(1).map(({ after }) => after)).toEqual(ranges.slice(0, -1).map(({ upTo }) => upTo));
    for (const { upTo } of ranges) expect(sorted).toContain(Number(upTo));
    expect(ranges.length).toBeLessThanOrEqual(count);
  });
  await fc.assert(property, { numRuns: 100, seed: 11 });
});

test('sampleCursors spreads a sample over the keys, each place once', async () => {
  const table = tableOf(LAID['in two crowds, far apart']);
  const cursors = await sampleCursors(table.session, table.select, 20, signal);
  expect(new Set(cursors).size).toBe(20);
  expect(cursors.filter((cursor) => Number(cursor) < 1e12).length).toBeGreaterThan(5);
  expect(cursors.filter((cursor) => Number(cursor) >= 1e12).length).toBeGreaterThan(5);
  expect(await sampleCursors(tableOf([]).session, tableOf([]).select, 20, signal)).toEqual([]);
});

test('sampleCursors samples a table of few keys by the one statement that reads them all', async () => {
  const table = tableOf(numbers(255, 3));
  const cursors = await sampleCursors(table.session, table.select, 16, signal);
  expect(table.asked).toEqual(['edge']);
  expect(cursors).toEqual(numbers(16).map((i) => String(3 * Math.floor((i * 254) / 16))));
  // A row follows each, except where there is no other.
  expect(await sampleCursors(tableOf([1, 2]).session, tableOf([1, 2]).select, 16, signal)).toEqual(['1']);
  expect(await sampleCursors(tableOf([1]).session, tableOf([1]).select, 16, signal)).toEqual(['1']);
});
