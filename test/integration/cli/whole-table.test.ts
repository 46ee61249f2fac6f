/** Tables without a usable key: refused with the alternatives, or read whole where the config says so. */
import { describe, expect, it } from 'vitest';
import { createMigration, onePair, serverPairs, type ConfigDocument } from '../../support/migration.js';
import { expectRefusal } from './refusal.js';

const PREFIXES = [
  'CREATE TABLE prefixes (country CHAR(2) NOT NULL, prefix VARCHAR(15) NOT NULL, cents DECIMAL(6,3) NOT NULL, seen INT, UNIQUE (prefix, seen))',
  "INSERT INTO prefixes VALUES ('de','49',1.5,1), ('de','4915',2,NULL), ('at','43',1,NULL), ('at','436',0.125,NULL)",
];

const whole =
  (wholeTable: Readonly<Record<string, number>> | undefined, template = '{prefix}') =>
  (config: ConfigDocument): void => {
    config.source.table = { name: 'prefixes', ...(wholeTable === undefined ? {} : { wholeTable }) };
    const keys = { partitionKey: { name: 'pk', template: '{country}' }, sortKey: { name: 'sk', template } };
    config.mapping = { prefixes: { items: [keys] } };
  };

describe.each(serverPairs)('a table without a usable key: $name', { timeout: 120_000 }, (servers) => {
  it('a backfill refuses a table without a usable key with the alternatives, and moves it whole where the config says so', async () => {
    await using migration = await createMigration({ servers, rows: () => PREFIXES, config: whole(undefined) });
    expectRefusal(await migration.run(['backfill']), {
      code: 'E_TABLE_NO_KEY',
      exit: 3,
      fact: /prefixes has no unique key that a scan can follow \(prefix: one of its columns can be NULL/,
      next: /unique key over NOT NULL columns.*wholeTable.*exclude/,
    });
    migration.configure(whole({ maxRows: 4 }));
    expect(await migration.run(['check'])).toMatchObject({ code: 0 });
    expect((await migration.run(['plan'])).stdout).toMatch(/scan +whole, in one chunk/);
    expect(await migration.run(['backfill'])).toMatchObject({ code: 0 });
    expect((await migration.items()).map((item) => item['sk']?.S)).toEqual(['43', '436', '49', '4915']);
    expect(await migration.run(['verify'])).toMatchObject({ code: 0 });
    expect((await migration.run(['diff', '--sample', '2'])).stdout).toMatch(/prefixes {2}a row without a key/);
  });
});

describe.each(onePair)('a table that is read whole: $name', { timeout: 120_000 }, (servers) => {
  it('dynaferry refuses to read a table whole that exceeds its limits, before it writes anything', async () => {
    await using migration = await createMigration({ servers, rows: () => PREFIXES, config: whole({ maxRows: 3 }) });
    for (const command of ['check', 'backfill']) {
      expectRefusal(await migration.run([command]), {
        code: 'E_TABLE_TOO_LARGE',
        exit: 3,
        fact: /shard s01: .*prefixes has more than 3 rows, the limit for a table that is read whole/,
        next: /add a primary key.*raise `wholeTable\.maxRows`/,
      });
    }
    migration.configure(whole({ maxRows: 4, maxBytes: 1024 }));
    await migration.databases[0]?.query('ALTER TABLE prefixes ADD COLUMN note TEXT');
    await migration.databases[0]?.query("UPDATE prefixes SET note = REPEAT('x', 400)");
    expectRefusal(await migration.run(['backfill']), {
      code: 'E_TABLE_TOO_LARGE',
      exit: 3,
      fact: /more than 1024 bytes/,
      next: /`wholeTable\.maxBytes`/,
    });
    expect(await migration.items()).toEqual([]);
  });

  it('a backfill of a whole table refuses two rows of one item key before it writes anything, and names both', async () => {
    await using migration = await createMigration({
      servers,
      rows: () => PREFIXES,
      config: whole({ maxRows: 9 }, 'PREFIX'),
    });
    const refused = await migration.run(['backfill']);
    expectRefusal(refused, {
      code: 'E_ITEM_KEY_SHARED',
      exit: 1,
      fact: /two rows of table prefixes map to one item key/,
      next: /names both rows/,
    });
    // Without a key, the row's name would be its content.
    expect(refused.stdout.match(/bad row +prefixes #\d/g)).toHaveLength(2);
    const named = await migration.run(['diff', '--explain', '--bad-row', '1', '--show-values']);
    expect(named.stdout).toMatch(/cents: N.*= /);
    expect(await migration.items()).toEqual([]);
    // Equal rows too: one item could not stand for both.
    await migration.databases[0]?.query("DELETE FROM prefixes WHERE prefix <> '43'");
    await migration.databases[0]?.query("INSERT INTO prefixes VALUES ('at','43',1,NULL)");
    migration.configure(whole({ maxRows: 9 }));
    expectRefusal(await migration.run(['backfill', '--restart']), {
      code: 'E_ITEM_KEY_SHARED',
      exit: 1,
      fact: /two rows/,
      next: /names both rows/,
    });
    expect(await migration.items()).toEqual([]);
  });

  it('a backfill of a whole table that bad rows stopped starts its chunk again, and forgets mended rows', async () => {
    await using migration = await createMigration({ servers, rows: () => PREFIXES, config: whole({ maxRows: 9 }) });
    await migration.databases[0]?.query("UPDATE prefixes SET prefix = '' WHERE prefix = '4915'");
    const stopped = await migration.run(['backfill']);
    expect(stopped.code).toBe(1);
    expect(stopped.stdout).toMatch(/bad row +prefixes #1 /);
    await migration.databases[0]?.query("UPDATE prefixes SET prefix = '4916', cents = 3 WHERE prefix = ''");
    expect(await migration.run(['backfill'])).toMatchObject({ code: 0 });
    expect(await migration.items()).toHaveLength(4);
    expect(await migration.run(['verify'])).toMatchObject({ code: 0 });
  });

  it('verify finds missing and differing items of a table that is read whole', async () => {
    await using migration = await createMigration({ servers, rows: () => PREFIXES, config: whole({ maxRows: 9 }) });
    expect(await migration.run(['backfill'])).toMatchObject({ code: 0 });
    await migration.databases[0]?.query("UPDATE prefixes SET cents = 9 WHERE prefix = '43'");
    await migration.databases[0]?.query("INSERT INTO prefixes VALUES ('ch','41',1,NULL)");
    const verify = await migration.run(['verify']);
    expect(verify.code).toBe(1);
    expect(verify.stdout).toMatch(/NOT verified: 1 missing, 1 differing/);
    expect(verify.stdout).toMatch(/differing +\{.*"43".*cents/);
  });
});
