/**
 * The converters, the fixtures that prove them, and the type table of README.md know the same types and the same ways
 * to map them.
 */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import {
  outcomesOf,
  readTypeFixtures,
  ruleOf,
  WAYS,
  type TypeFixture,
  type Way,
} from '../../../fixtures/types/read.js';
import type { AttributeType, DateFormat } from '../../../src/config/model.js';
import { cellWriter, RuleFault } from '../../../src/mapping/value/attribute-value.js';
import { KNOWN_TYPES } from '../../../src/mapping/value/column-kind.js';

/** Fixtures of what is no type of its own. */
const PROPERTIES = ['generated', 'invisible'];

const fixtures = readTypeFixtures().filter(({ name }) => !PROPERTIES.includes(name));
const byType = new Map(fixtures.flatMap((fixture) => fixture.type.map((type) => [type, fixture] as const)));

interface Documented {
  readonly types: readonly string[];
  readonly becomes: string;
  readonly ways: readonly string[];
}

const quoted = (cell: string): string[] => [...cell.matchAll(/`([^`]+)`/g)].map(([, text = '']) => text);

/** The rows of the type table. */
const documented: readonly Documented[] = (() => {
  const readme = readFileSync(new URL('../../../README.md', import.meta.url), 'utf8');
  const [, table = ''] = /\n\| column type \|.*\n\|[-|]+\|\n((?:\|.*\n)+)/.exec(readme) ?? [];
  return table
    .trimEnd()
    .split('\n')
    .map((row) => {
      const [, types = '', becomes = '', ways = ''] = row.split('|');
      return { types: quoted(types).map((type) => type.toLowerCase()), becomes: becomes.trim(), ways: quoted(ways) };
    });
})();

const sorted = (names: Iterable<string>): readonly string[] => [...names].sort();

/** Ways of the fixture's cases besides those that every type has. */
function fixtureWays(fixture: TypeFixture): ReadonlySet<Way> {
  const outcomes = fixture.columns.flatMap(({ cases }) => cases.flatMap(outcomesOf));
  return new Set(outcomes.map(([way]) => way).filter((way) => way !== 'default' && way !== 'keep'));
}

/** The attribute type that the fixture's values have by default. */
function defaultOf(fixture: TypeFixture): string {
  const outcomes = fixture.columns.flatMap(({ cases }) => cases.flatMap(outcomesOf));
  const types = outcomes.flatMap(([way, outcome]) => (way === 'default' ? Object.keys(outcome) : []));
  return sorted(new Set(types.filter((type) => /^[A-Z]+$/.test(type)))).join();
}

function isOffered(dataType: string, way: Way): boolean {
  const rule = ruleOf(way) ?? {};
  const type = (rule['type'] ?? null) as AttributeType | null;
  const format = (rule['format'] ?? null) as DateFormat | null;
  const column = {
    ...{ name: 'c', dataType, columnType: dataType, nullable: true, unsigned: false, charset: null, collation: null },
    ...{ maxLength: null, precision: null, scale: null, fractionDigits: null, generated: false, invisible: false },
  };
  try {
    cellWriter({ ...column, transport: 'text' }, { type, format });
    return true;
  } catch (error) {
    if (error instanceof RuleFault) return false;
    throw error;
  }
}

it('every type that the mapping knows has a fixture and a row in README.md, and no other has', () => {
  expect(sorted(byType.keys())).toEqual(sorted(KNOWN_TYPES));
  expect(sorted(documented.flatMap(({ types }) => types))).toEqual(sorted(KNOWN_TYPES));
});

describe.each([...byType])('type %s', (type, fixture) => {
  const row = documented.find(({ types }) => types.includes(type));

  it(`type ${type} becomes by default what README.md says`, () => {
    expect(row?.becomes).toMatch(new RegExp(`^${defaultOf(fixture)}\\b`));
  });

  it(`type ${type} has a case for each way that the mapping offers, and README.md names them`, () => {
    const ways = WAYS.slice(2).filter((way) => way !== defaultOf(fixture));
    const offered = ways.filter((way) => isOffered(type, way));
    expect(sorted(fixtureWays(fixture))).toEqual(sorted(offered));
    expect(sorted(row?.ways ?? [])).toEqual(sorted(offered));
  });
});

it('every case of a type fixture says something, under a name of its own', () => {
  for (const { name, columns } of readTypeFixtures()) {
    for (const { cases } of columns) {
      expect(new Set(cases.map((typeCase) => typeCase.case)).size, name).toBe(cases.length);
      for (const typeCase of cases) expect(outcomesOf(typeCase), `${name}: ${typeCase.case}`).not.toHaveLength(0);
    }
  }
});
