/**
 * Whatever the templates: where the verdict is `proven`, different rows never give one item key. Rows and literals are
 * made of few characters, separators and digits above all, so that wrong proofs break soon.
 */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Cell } from '../../../src/core/model.js';
import { BadValue } from '../../../src/mapping/value/bad-value.js';
import { judgeUniqueness, type KeyFacts } from '../../../src/mapping/key/key-uniqueness.js';
import { compile, mapRow, rule, table, uniqueKey } from './tables.js';
import { holds } from './seeded.js';

const bytes = (min: number, max: number) =>
  fc
    .array(fc.constantFrom(0x23, 0x30, 0x31, 0xa0), { minLength: min, maxLength: max })
    .map((list) => Buffer.from(list));
const times = fc.constantFrom(
  '2026-01-01 00:00:00.0',
  '1969-12-31 23:59:59.5',
  '1970-01-01 00:00:00.1',
  '1970-01-01 00:00:01.0',
);
const likeSuffixed = ['#0', '#1', '#2', 'a#0', 'a#1', '1#0', '1#1'];
const text = fc.oneof(
  fc.string({ unit: fc.constantFrom('#', '1', 'a', 'A'), maxLength: 3 }),
  fc.constantFrom('', 'a', '1', ...likeSuffixed),
);

const fractions = fc.constantFrom('-1.10', '-0.10', '0.00', '0.10', '1.00', '1.10', '1.01', '11.10', '0.01');

/**
 * By column: its type, its cells, and what may be asked of it: in a partition key, and in a sort key, which must sort.
 */
const KINDS = {
  t: {
    type: 'varchar(9)',
    cells: text,
    calls: ['', '', ':hex', ':lower', ':hash(3)'],
    sorting: ['', '', ':upper:hex'],
  },
  u: { type: 'varchar(9)', cells: text, calls: ['', '', ':hex'], sorting: ['', ''] },
  i: {
    type: 'int',
    cells: fc.integer({ min: -2, max: 12 }).map(String),
    calls: ['', '', ':sortable', ':hash(2)'],
    sorting: [':sortable', ':hash(2):pad(1)'],
  },
  j: {
    type: 'int unsigned',
    cells: fc.constantFrom('0', '1', '10', '11', '101', '110', '111'),
    calls: ['', '', ':pad(3)'],
    sorting: [':pad(3)', ':sortable'],
  },
  z: {
    type: 'int(3) unsigned zerofill',
    cells: fc.integer({ min: 0, max: 12 }).map((n) => String(n).padStart(3, '0')),
    calls: [''],
    sorting: [':pad(3)'],
  },
  d: {
    type: 'decimal(3,2)',
    cells: fractions,
    calls: ['', '', ':sortable'],
    sorting: [':sortable'],
  },
  e: {
    type: 'decimal(3,2)',
    cells: fractions,
    calls: ['', '', ':sortable'],
    sorting: [':sortable'],
  },
  x: { type: 'binary(2)', cells: bytes(2, 2), calls: [':hex', ':hash(2)'], sorting: [':hex'] },
  y: { type: 'varbinary(4)', cells: bytes(0, 2), calls: [':hex'], sorting: [':hex'] },
  at: {
    type: 'datetime(1)',
    cells: times,
    calls: ['', ':iso', ':epoch-ms', ':epoch-us:sortable'],
    sorting: ['', ':iso', ':epoch-ms:sortable'],
  },
  day: {
    type: 'date',
    cells: fc.constantFrom('2026-01-01', '1969-12-31', '1970-01-01'),
    calls: ['', ':iso', ':epoch-s', ':epoch-s:hash(2)'],
    sorting: ['', ':iso'],
  },
} as const;
type Name = keyof typeof KINDS;
const NAMES = Object.keys(KINDS) as Name[];

const literals = fc.constantFrom('#', '-', '.', '1', '#1', 'A');

function template(names: readonly Name[], calls: 'calls' | 'sorting'): fc.Arbitrary<string> {
  const expressions = fc
    .constantFrom(...names)
    .chain((name) => fc.constantFrom(...KINDS[name][calls]).map((call) => `{${name}${call}}`));
  const parts = fc.array(fc.oneof({ weight: 2, arbitrary: expressions }, literals), { minLength: 1, maxLength: 5 });
  // The shapes that operators write, oftener than chance would have them.
  const shapes = fc.oneof(
    fc.tuple(literals, expressions),
    fc.tuple(expressions, literals, expressions),
    fc.tuple(expressions),
  );
  return fc.oneof(shapes, parts).map((list) => list.join(''));
}

/** Texts and numbers above all: the rest has one width. */
const columns = fc.uniqueArray(fc.constantFrom<Name>('t', 't', 't', 'u', 'u', 'u', 'i', 'd', 'd', 'e', 'e', ...NAMES), {
  minLength: 1,
  maxLength: 3,
});

/** Some accounts are not spread, others are: that is where a suffix may be taken for the end of a text. */
const spread = (names: readonly Name[]) =>
  fc.record({
    by: fc.constantFrom(...names),
    shards: fc.integer({ min: 1, max: 3 }),
    account: fc.constantFrom(...names),
    overrides: fc.constant(Object.fromEntries(likeSuffixed.map((name) => [name, 1]))),
  });

/**
 * A few columns, a unique key over them, one or two rules of them, and many rows that are likely to collide where rows
 * can.
 */
const samples = columns.chain((names) =>
  fc.record({
    unique: fc.oneof(fc.constant(names), fc.subarray(names, { minLength: 1 })),
    rules: fc.array(
      fc.record({
        partition: template(names, 'calls'),
        sort: fc.option(template(names, 'sorting'), { nil: null, freq: 2 }),
        spread: fc.option(spread(names), { nil: null, freq: 2 }),
      }),
      { minLength: 1, maxLength: 2 },
    ),
    rows: fc.array(fc.record(Object.fromEntries(names.map((name) => [name, KINDS[name].cells]))), {
      minLength: 60,
      maxLength: 60,
    }),
  }),
);

const ONE_SHARD: KeyFacts = { severalShards: false, ofOneShard: () => [], readWhole: () => false };

describe('proofs of unique keys', () => {
  it('a proof of unique keys holds for all rows', () => {
    let proven = 0;
    holds(2_000, samples, ({ unique, rules, rows }) => {
      const info = table(Object.fromEntries(NAMES.map((name) => [name, KINDS[name].type])), [uniqueKey(unique)]);
      const mappings = rules.map(({ partition, sort, spread: spreading }) =>
        compile(info, rule(partition, sort, { pk: { spread: spreading } })),
      );
      if (
        judgeUniqueness(
          mappings.flatMap((mapping) => mapping.keys),
          ONE_SHARD,
        ).verdict !== 'proven'
      )
        return;
      proven += 1;
      const owners = new Map<string, string>();
      for (const row of rows) {
        const identity = unique.map((name) => String(row[name])).join('\n');
        for (const [index, mapping] of mappings.entries()) {
          const key = keyText(mapping, row);
          const owner = `${identity} by rule ${index}`;
          if (key !== null) expect(owners.get(key) ?? owner).toBe(owner);
          if (key !== null) owners.set(key, owner);
        }
      }
    });
    expect(proven).toBeGreaterThan(100);
  });

  it('a proof of unique keys holds for rows of two shards, each with unique keys of its own', () => {
    let proven = 0;
    holds(4_000, samples, ({ unique, rules, rows }) => {
      const info = table(Object.fromEntries(NAMES.map((name) => [name, KINDS[name].type])), [uniqueKey(unique)]);
      const mappings = rules.map(({ partition, sort, spread: spreading }) =>
        compile(info, rule(partition, sort, { pk: { spread: spreading } })),
      );
      const declared = NAMES[rows.length % NAMES.length] ?? 'n';
      const shards: KeyFacts = { severalShards: true, ofOneShard: () => [declared], readWhole: () => false };
      if (
        judgeUniqueness(
          mappings.flatMap((mapping) => mapping.keys),
          shards,
        ).verdict !== 'proven'
      )
        return;
      proven += 1;
      const owners = new Map<string, string>();
      for (const row of rows) {
        // One value of the declared column, one shard.
        const shard = String(row[declared]).length % 2;
        const identity = `${unique.map((name) => String(row[name])).join('\n')} on ${shard}`;
        for (const [index, mapping] of mappings.entries()) {
          const key = keyText(mapping, row);
          if (key === null) continue;
          const owner = `${identity} by rule ${index}`;
          expect(owners.get(key) ?? owner).toBe(owner);
          owners.set(key, owner);
        }
      }
    });
    expect(proven).toBeGreaterThan(100);
  });
});

/** null for a bad row: it has no item, so it shares no key. */
function keyText(mapping: ReturnType<typeof compile>, row: Readonly<Record<string, Cell>>): string | null {
  try {
    return mapRow(mapping, row)[0]?.keyText ?? null;
  } catch (error) {
    if (error instanceof BadValue) return null;
    throw error;
  }
}
