/**
 * Random values of every kind of column come back from DynamoDB as they were made. FC_SEED takes another seed; a
 * failure names it.
 */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createMigration, serverPairs } from '../../support/migration.js';
import { byKey, itemJson, type Json } from './dynamodb-json.js';
import { RANDOM_COLUMNS } from './random-columns.js';

const SEED = Number(process.env['FC_SEED'] ?? 20_261_122);
const ROWS = 250;
const COLUMNS = Object.entries(RANDOM_COLUMNS);

/** Rows with about one NULL in six. */
const samples = fc.sample(
  fc.record(Object.fromEntries(COLUMNS.map(([name, column]) => [name, fc.option(column.samples, { freq: 5 })]))),
  { seed: SEED, numRuns: ROWS },
);

const table = `CREATE TABLE random (id INT PRIMARY KEY, ${COLUMNS.map(([name, { ddl }]) => `${name} ${ddl}`).join(', ')})`;

const inserts = samples.map((row, id) => {
  const values = COLUMNS.map(([name]) => row[name]?.sql ?? 'NULL');
  return `INSERT INTO random VALUES (${[id, ...values].join(', ')})`;
});

const expected = samples.map((row, id): Json => {
  const attributes = Object.entries(row).flatMap(([name, sample]) =>
    sample === null ? [] : [[name, sample.attribute]],
  );
  return { pk: { S: 'row' }, sk: { S: String(id).padStart(6, '0') }, ...(Object.fromEntries(attributes) as Json) };
});

/** FLOAT and DOUBLE by their value: `random-columns.ts` says why. */
function withNumbers(item: Json): Json {
  return Object.fromEntries(
    Object.entries(item).map(([name, attribute]) => {
      const floating = name === 'c_double' || name === 'c_float';
      return [name, floating ? { number: Number((attribute as { readonly N: string }).N) } : attribute];
    }),
  );
}

describe.each(serverPairs)(`random rows of seed ${SEED} from $name`, (servers) => {
  it('a backfill moves random rows to items with the same values', { timeout: 120_000 }, async () => {
    await using migration = await createMigration({
      servers,
      rows: () => ['SET NAMES utf8mb4', table, 'START TRANSACTION', ...inserts, 'COMMIT'],
      config: (config) => {
        const rules = Object.fromEntries(
          COLUMNS.flatMap(([name, { rule }]) => (rule === undefined ? [] : [[name, rule]])),
        );
        config.source.table = { name: 'random' };
        config.mapping = {
          random: {
            items: [
              {
                name: 'random',
                partitionKey: { name: 'pk', template: 'row' },
                sortKey: { name: 'sk', template: '{id:pad(6)}' },
                attributes: { drop: ['id'], rules },
              },
            ],
          },
        };
      },
    });
    const environment = { env: { TZ: 'Australia/Lord_Howe' } };
    expect(await migration.run(['backfill'], environment)).toMatchObject({ code: 0 });
    const items = await migration.items();
    expect(byKey(items.map((item) => withNumbers(itemJson(item))))).toEqual(byKey(expected));
    expect(await migration.run(['verify'], environment)).toMatchObject({ code: 0 });
  });
});
