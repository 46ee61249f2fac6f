/**
 * The hand-written rows of the postflight fixture, moved by the real command line, become exactly the hand-written
 * items.
 */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import type { Item } from '../../support/dynamodb.js';
import { createMigration, inKeyOrder, serverPairs } from '../../support/migration.js';

const fixture = (name: string): string =>
  readFileSync(new URL(`../../../fixtures/postflight/${name}`, import.meta.url), 'utf8');

describe.each(serverPairs)('postflight rows from $name', (servers) => {
  it('a backfill makes the expected items of the postflight rows, and verify finds them equal', async () => {
    await using migration = await createMigration({
      servers,
      rows: () => [fixture('schema.sql'), fixture('expected/rows.sql')],
    });
    expect(await migration.run(['backfill'])).toMatchObject({ code: 0 });
    const expected = JSON.parse(fixture('expected/items.json')) as Item[];
    expect(expected).toHaveLength(24);
    expect(await migration.items()).toEqual(inKeyOrder(expected));

    expect(await migration.run(['verify'])).toMatchObject({ code: 0 });
  });
});
