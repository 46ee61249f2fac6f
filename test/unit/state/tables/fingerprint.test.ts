import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Fingerprint } from '../../../../src/core/ports/state-records.js';
import { canonicalJson, changed, fingerprintChanges } from '../../../../src/state/tables/fingerprint.js';

const fingerprint = fc.dictionary(fc.string(), fc.jsonValue({ maxDepth: 3 })) as fc.Arbitrary<Fingerprint>;

/** The same value with the keys of every object in the opposite order. */
function reversed(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(reversed);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .reverse()
      .map(([key, part]) => [key, reversed(part)]),
  );
}

function linesOf(from: unknown, to: unknown): string[] {
  const lines = changed('s01', fingerprintChanges(from, to)).message.split('\n');
  return lines.slice(1).map((line) => line.trim());
}

describe('canonicalJson', () => {
  test('canonicalJson ignores the order of keys, and keeps the value', () => {
    fc.assert(
      fc.property(fingerprint, (value) => {
        expect(canonicalJson(reversed(value) as Fingerprint)).toBe(canonicalJson(value));
        expect(JSON.parse(canonicalJson(value))).toEqual(JSON.parse(JSON.stringify(value)));
      }),
    );
  });

  test('canonicalJson distinguishes lists by their order', () => {
    expect(canonicalJson({ a: [1, 2] })).not.toBe(canonicalJson({ a: [2, 1] }));
  });
});

describe('fingerprintChanges', () => {
  test('fingerprintChanges finds nothing exactly where the canonical text is the same', () => {
    fc.assert(
      fc.property(fingerprint, fingerprint, (a, b) => {
        const [from, to] = [canonicalJson(a), canonicalJson(b)];
        expect(fingerprintChanges(JSON.parse(from), JSON.parse(from))).toEqual([]);
        expect(fingerprintChanges(JSON.parse(from), JSON.parse(to)).length === 0).toBe(from === to);
      }),
    );
  });

  test('fingerprintChanges lists changes by name, however both were written, and what came or went as one', () => {
    const from = { b: 1, a: { z: 1, y: [1, 2] }, gone: { deep: 1 } };
    const to = { came: { deep: 2 }, a: { y: [1, 3, 4], z: 2 }, b: 2 };
    expect(fingerprintChanges(from, to)).toEqual([
      { path: 'a.y[1]', from: 2, to: 3 },
      { path: 'a.y[2]', from: undefined, to: 4 },
      { path: 'a.z', from: 1, to: 2 },
      { path: 'b', from: 1, to: 2 },
      { path: 'came', from: undefined, to: { deep: 2 } },
      { path: 'gone', from: { deep: 1 }, to: undefined },
    ]);
  });
});

describe('changed', () => {
  test('changed names each place, the value it had and the value it has', () => {
    const from = {
      mapping: { messages: { items: [{ sortKey: { template: '{created_at}' } }] } },
      tables: { messages: { columns: { price: { columnType: 'decimal(10,5)', nullable: true } } } },
    };
    const to = {
      mapping: { messages: { items: [{ sortKey: { template: '{created_at}#{sid}' } }] } },
      tables: { messages: { columns: { price: { columnType: 'decimal(12,6)', nullable: false } } } },
    };
    expect(linesOf(from, to)).toEqual([
      'mapping.messages.items[0].sortKey.template: {created_at} → {created_at}#{sid}',
      'tables.messages.columns.price.columnType: decimal(10,5) → decimal(12,6)',
      'tables.messages.columns.price.nullable: true → false',
    ]);
  });

  test.each([
    [{ a: 1 }, {}, 'a: 1 → (absent)'],
    [{}, { a: { b: [1] } }, 'a: (absent) → {"b":[1]}'],
    [{ a: [1] }, { a: [1, 2] }, 'a[1]: (absent) → 2'],
    [{ a: { b: 1 } }, { a: null }, 'a: {"b":1} → null'],
    [{ a: 1 }, { a: '1' }, 'a: 1 → "1"'],
    [{ a: null }, { a: 'null' }, 'a: null → "null"'],
    [{ a: '' }, { a: ' x' }, 'a: "" → " x"'],
    [{ a: 'x\ny' }, { a: 'x' }, 'a: "x\\ny" → x'],
    [{ 'a.b': { 'c d': 1 } }, { 'a.b': { 'c d': 2 } }, '["a.b"]["c d"]: 1 → 2'],
    [{}, { constructor: 1 }, 'constructor: (absent) → 1'],
  ])('changed shows the change from %j to %j', (from, to, line) => {
    expect(linesOf(from, to)).toEqual([line]);
  });

  test('changed cuts a long value to where it differs, never inside a character', () => {
    const [line] = linesOf({ a: `${'😀'.repeat(100)}old` }, { a: `${'😀'.repeat(100)}new${'x'.repeat(100)}` });
    expect(line).toBe(`a: …${'😀'.repeat(57)}old → …${'😀'.repeat(20)}new${'x'.repeat(37)}…`);
  });

  test('changed lists eight changes, and counts the others', () => {
    const of = (value: number) => Object.fromEntries(Array.from({ length: 20 }, (_, i) => [`k${i}`, value]));
    const lines = linesOf(of(1), of(2));
    expect(lines).toHaveLength(9);
    expect(lines.at(-1)).toBe('and 12 more');
  });

  test('changed says how to go on', () => {
    const error = changed('s01', fingerprintChanges({ a: 1 }, { a: 2 }));
    expect(error).toMatchObject({ code: 'E_STATE_CHANGED', exitCode: 6 });
    expect(error.hint).toContain('dynaferry backfill --restart --shard s01');
  });
});
