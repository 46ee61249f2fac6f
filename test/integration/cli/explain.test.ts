/**
 * `diff --explain` finds the row that is meant and tells how its items come to be, with values only where they are
 * asked for.
 */
import { expect, it, describe } from 'vitest';
import { ONLY_PLACES } from '../../support/cli.js';
import { createMigration, onePair } from '../../support/migration.js';
import { prices, pricesConfig } from './bad-row-tables.js';

describe.each(onePair)('explain: $name', { timeout: 120_000 }, (servers) => {
  it('diff --explain explains a row by key, by condition, by the number of a bad row, or the first one', async () => {
    await using migration = await createMigration({ servers, rows: prices, config: pricesConfig });
    const good = await migration.run(['diff', '--explain', '--key', 'secret-0-33']);
    expect(good).toMatchObject({ code: 0, stderr: expect.stringMatching(ONLY_PLACES) as string });
    expect(good.stdout).toMatch(/^ {4}price: N, \d+ B; from price decimal\(65,0\); default$/m);
    expect(good.stdout).toMatch(/^ {4}noted: absent, NULL is left out/m);
    expect(good.stdout).toMatch(/^ {6}\{code\} gives 11 characters$/m);
    expect(good.stdout).not.toContain('secret');
    const where = await migration.run(['diff', '--explain', '--where', 'id = 31', '--show-values', '--json']);
    expect(where.code).toBe(1);
    expect(JSON.parse(where.stdout)).toMatchObject({
      row: 'code=secret-0-31',
      outcome: 'bad',
      bad: { column: 'noted' },
    });
    await migration.run(['backfill', '--max-bad-rows', '99']);
    expect((await migration.run(['diff', '--explain', '--bad-row', '1'])).code).toBe(1);
    expect((await migration.run(['diff', '--explain', '--key', 'none'])).stderr).toMatch(
      /E_USAGE[^]*next: .* scan key/,
    );
    const unknown = await migration.run(['diff', '--explain', '--bad-row', '999']);
    expect(unknown).toMatchObject({ code: 2 });
    expect(unknown.stderr).toMatch(/E_USAGE[^]*next: `dynaferry bad-rows` lists the numbers/);
    expect((await migration.run(['diff', '--key', 'none'])).stderr).toContain('E_USAGE');
    expect((await migration.run(['diff', '--explain'])).stdout).toMatch(/^s01 prices {2}/);
  });
});
