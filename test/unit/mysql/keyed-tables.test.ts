/**
 * The tables that scans are tested with have every type that can be a primary key: those of fixtures/types, less the
 * ones named here.
 */
import { readdirSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { KEYED_TABLES } from '../../contract/row-source-tables.js';

/** Only a prefix of these can be indexed, or a spatial index, or nothing at all; such keys are refused. */
const NO_KEY: ReadonlySet<string> = new Set([
  ...['tinytext', 'text', 'mediumtext', 'longtext', 'tinyblob', 'blob', 'mediumblob', 'longblob', 'json', 'vector'],
  ...['geometry', 'point', 'linestring', 'polygon', 'multipoint', 'multilinestring', 'multipolygon'],
  'geometrycollection',
  // No types: what may be said of columns of any type.
  ...['generated', 'invisible'],
]);

const types = readdirSync(new URL('../../../fixtures/types', import.meta.url))
  .filter((name) => name.endsWith('.yaml'))
  .map((name) => name.slice(0, -'.yaml'.length));

describe('KEYED_TABLES', () => {
  test.each(types.filter((type) => !NO_KEY.has(type)))('KEYED_TABLES have a key of type %s', (type) => {
    const definition = new RegExp(`(^|, )[a-z]+ ${type}\\b`, 'i');
    expect(KEYED_TABLES.some(({ columns }) => definition.test(columns))).toBe(true);
  });

  test('KEYED_TABLES have keys of one to four parts', () => {
    expect(new Set(KEYED_TABLES.map(({ parts }) => parts.length))).toEqual(new Set([1, 2, 3, 4]));
  });
});
