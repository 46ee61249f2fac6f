/**
 * Rows that cannot become items: each is named with its reason, none is altered or lost silently, and the operator says
 * how many may stay behind.
 */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { CliResult } from '../../support/cli.js';
import { createMigration, onePair, type ConfigDocument, type Migration } from '../../support/migration.js';
import { expectRefusal } from './refusal.js';

/** Two such texts are more than the 400 KB that DynamoDB takes in an item. */
const HALF_TOO_LARGE = 205 * 1024;

/** Ten rows; 3 has an empty name, 7 is more than an item holds, 9 has a media text that is no JSON. */
const NOTES = [
  `CREATE TABLE notes (
    id INT PRIMARY KEY, name VARCHAR(20) NOT NULL, body MEDIUMTEXT, reply MEDIUMTEXT, media TEXT, UNIQUE (name, id)
  )`,
  `INSERT INTO notes (id, name, media) VALUES
    (1,'a',NULL), (2,'b',NULL), (3,'',NULL), (4,'d',NULL), (5,'e','[1]'), (6,'f',NULL), (7,'g',NULL), (8,'h',NULL), (9,'i','[1'), (10,'j','{}')`,
  `UPDATE notes SET body = REPEAT('y', ${HALF_TOO_LARGE}), reply = body WHERE id = 7`,
];
const BAD = [
  { row: 'id=3', column: null, kind: /^an item$/, reason: /empty partition key/ },
  { row: 'id=7', column: null, kind: /^an item of 4\d{5} bytes$/, reason: /exceeds the 409600 bytes of DynamoDB/ },
  { row: 'id=9', column: 'media', kind: /^text$/, reason: /JSON/ },
];

function notesConfig(config: ConfigDocument): void {
  config.source.table = { name: 'notes' };
  const keys = { partitionKey: { name: 'pk', template: '{name}' }, sortKey: { name: 'sk', template: '{id:pad(10)}' } };
  config.mapping = { notes: { items: [{ ...keys, attributes: { rules: { media: { type: 'JSON' } } } }] } };
}

interface Outcome {
  readonly exitCode: number;
  readonly badRows: number;
  readonly counts: { readonly rows: number; readonly items: number; readonly badRows: number };
  readonly findings: {
    readonly badRows: readonly { row: string; column: string | null; reason: string; remedy: string }[];
  };
}

function outcomeOf(result: CliResult): Outcome {
  const [outcome] = (JSON.parse(result.stdout) as { shards: Outcome[] }).shards;
  if (outcome === undefined) throw new Error('no shard in the document');
  return outcome;
}

/** What the preflight warned of, from the one document of `--json`. */
function warningsOf({ stdout }: CliResult): readonly { readonly code: string }[] {
  return (JSON.parse(stdout) as { warnings: { code: string }[] }).warnings;
}

function expectAllBad({ badRows, findings }: Outcome): void {
  expect(badRows).toBe(BAD.length);
  expect(findings.badRows).toMatchObject(
    BAD.map(({ row, column, kind, reason }) => ({
      row,
      column,
      kind: expect.stringMatching(kind) as string,
      reason: expect.stringMatching(reason) as string,
      remedy: expect.stringMatching(/\w/) as string,
    })),
  );
}

const notes = (migration: Migration): Promise<string[]> =>
  migration.items().then((items) => items.map((item) => item['id']?.N ?? '?').sort((a, b) => Number(a) - Number(b)));
const GOOD = ['1', '2', '4', '5', '6', '8', '10'];

describe.each(onePair)('bad rows of $name', { timeout: 120_000 }, (servers) => {
  // As many as no pipe holds: what is told must arrive all the same, and so must the outcome behind it.
  it('a backfill with thousands of bad rows reports each of them, and the outcome last', async () => {
    const rows = 20_000;
    const digits =
      'SELECT 0 d UNION SELECT 1 UNION SELECT 2 UNION SELECT 3 UNION SELECT 4 UNION SELECT 5 UNION SELECT 6 UNION SELECT 7 UNION SELECT 8 UNION SELECT 9';
    await using migration = await createMigration({
      servers,
      rows: () => [
        NOTES[0] ?? '',
        `INSERT INTO notes (id, name) SELECT a.d + 10*b.d + 100*c.d + 1000*e.d + 10000*f.d, ''
           FROM (${digits}) a, (${digits}) b, (${digits}) c, (${digits}) e, (SELECT 0 d UNION SELECT 1) f`,
      ],
      config: (config) => {
        notesConfig(config);
        config.source.limits = {};
      },
      table: 'missing',
    });
    const result = await migration.run(['backfill', '--dry-run', '--json']);
    expect(result).toMatchObject({ code: 1 });
    expect(outcomeOf(result)).toMatchObject({ badRows: rows, counts: { badRows: rows } });
    const events = result.stderr
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as { event: string; rows?: number });
    expect(events.reduce((sum, event) => sum + (event.event === 'row.rejected' ? (event.rows ?? 0) : 0), 0)).toBe(rows);
  });

  it('backfill --dry-run finds all bad rows, writes nothing and needs no target', async () => {
    await using migration = await createMigration({
      servers,
      rows: () => NOTES,
      config: notesConfig,
      table: 'missing',
    });
    const result = await migration.run(['backfill', '--dry-run', '--json']);
    expect(result.code).toBe(1);
    expectAllBad(outcomeOf(result));
    expect(outcomeOf(result)).toMatchObject({ counts: { rows: 10, items: 7, badRows: 3 } });
    expect(existsSync(join(migration.stateFolder, 's01.db'))).toBe(false);
    expect((await migration.run(['status'])).stdout).toMatch(/^s01 +not started$/m);

    // Without a number, a dry run is for finding them all.
    const plain = await migration.run(['backfill', '--dry-run']);
    expect(plain.code).toBe(1);
    for (const { row } of BAD) expect(plain.stdout).toMatch(new RegExp(`^ +bad row +notes ${row} `, 'm'));
    expect(plain.stdout).toContain('nothing written');
  });

  it('bad rows stop a backfill before it exceeds --max-bad-rows, and a resume moves the repaired ones', async () => {
    await using migration = await createMigration({ servers, rows: () => NOTES, config: notesConfig });
    expectRefusal(await migration.run(['backfill', '--max-bad-rows', '2']), {
      code: 'E_BAD_ROWS',
      exit: 1,
      fact: /shard s01: 3 bad rows so far; --max-bad-rows allows 2$/,
      next: /--max-bad-rows/,
    });
    await migration.databases[0]?.query("UPDATE notes SET name = 'c' WHERE id = 3");
    await migration.databases[0]?.query("UPDATE notes SET body = 'short' WHERE id = 7");
    await migration.databases[0]?.query('UPDATE notes SET media = NULL WHERE id = 9');
    expect(await migration.run(['backfill'])).toMatchObject({ code: 0 });
    expect(await notes(migration)).toEqual(['1', '2', '3', '4', '5', '6', '7', '8', '9', '10']);
    expect(await migration.run(['verify'])).toMatchObject({ code: 0 });
    expect((await migration.run(['status'])).stdout).toMatch(/^s01 +verified +notes +10 +100% +0 +equal/m);
  });

  it('a backfill leaves behind and records as many bad rows as --max-bad-rows allows', async () => {
    await using migration = await createMigration({ servers, rows: () => NOTES, config: notesConfig });
    const backfill = await migration.run(['backfill', '--max-bad-rows', '3', '--json']);
    expect(backfill.code).toBe(1);
    expectAllBad(outcomeOf(backfill));
    expect(await notes(migration)).toEqual(GOOD);

    const again = await migration.run(['backfill', '--max-bad-rows', '3']);
    expect(again.code).toBe(1);
    expect(again.stdout).toContain('bad row    notes id=7');
    const plain = await migration.run(['verify']);
    expect(plain.stdout).toMatch(/^s01 {2}NOT verified: 3 bad rows left behind/m);
    const verify = await migration.run(['verify', '--json']);
    expect(verify.code).toBe(1);
    expect(outcomeOf(verify)).toMatchObject({ badRows: 3, missing: 0, differing: 0 });
    expect(await notes(migration)).toEqual(GOOD);
  });
});

describe.each(onePair)('rows that share an item key: $name', { timeout: 120_000 }, (servers) => {
  /** `a` + `bc` and `ab` + `c` give one sort key: no schema can tell, so keys are registered while running. */
  const PATHS = [
    'CREATE TABLE paths (folder VARCHAR(20) NOT NULL, file VARCHAR(20) NOT NULL, size INT, PRIMARY KEY (folder, file))',
    "INSERT INTO paths VALUES ('a','bc',1), ('ab','c',2), ('x','y',3)",
  ];
  function pathsConfig(config: ConfigDocument): void {
    config.source.table = { name: 'paths' };
    const keys = {
      partitionKey: { name: 'pk', template: 'PATHS' },
      sortKey: { name: 'sk', template: '{folder}{file}' },
    };
    config.mapping = { paths: { items: [keys] } };
  }

  it('a backfill names both rows that share an item key, and neither overwrites the other', async () => {
    await using migration = await createMigration({ servers, rows: () => PATHS, config: pathsConfig });
    const check = await migration.run(['check']);
    expect(check.code).toBe(0);
    expect(check.stderr).toBe('');
    expect(check.stdout).toMatch(/^warning E_ITEM_KEY_NOT_UNIQUE: .*paths/m);

    const dry = await migration.run(['backfill', '--dry-run', '--json']);
    expect(warningsOf(dry)).toContainEqual(
      expect.objectContaining({
        level: 'warning',
        code: 'E_ITEM_KEY_NOT_UNIQUE',
        hint: expect.stringMatching(/\w/) as string,
      }),
    );
    for (const args of [['backfill', '--dry-run'], ['backfill'], ['backfill']]) {
      const result = await migration.run(args);
      expectRefusal(result, {
        code: 'E_ITEM_KEY_SHARED',
        exit: 1,
        fact: /shard s01: two rows of table paths map to one item key/,
        next: /report names both rows.*--restart/,
      });
      expect(result.stdout).toMatch(/bad row +paths folder=a, file=bc /);
      expect(result.stdout).toMatch(/bad row +paths folder=ab, file=c /);
      const held = (await migration.items()).filter((item) => item['sk']?.S === 'abc').map((item) => item['size']?.N);
      expect(held).not.toContain(undefined);
      expect(held.length).toBeLessThanOrEqual(1);
    }

    migration.configure((config) => {
      const { items } = config.mapping['paths'] as { items: { sortKey: { template: string } }[] };
      Object.assign(items[0]?.sortKey ?? {}, { template: '{folder}/{file}' });
    });
    expect(warningsOf(await migration.run(['backfill', '--restart', '--json'])).length).toBeGreaterThan(0);
    const keys = (await migration.items()).map((item) => item['sk']?.S);
    expect(keys).toEqual(expect.arrayContaining(['a/bc', 'ab/c', 'x/y']));
    const verify = await migration.run(['verify', '--json']);
    expect(verify.code).toBe(0);
    expect(warningsOf(verify).map(({ code }) => code)).toContain('E_ITEM_KEY_NOT_UNIQUE');
  });

  it('a backfill names the shards of two rows that share an item key, and does not write the second row', async () => {
    await using migration = await createMigration({
      servers,
      shards: 2,
      rows: (shard) => [
        PATHS[0] ?? '',
        `INSERT INTO paths VALUES ${shard === 0 ? "('a','bc',1)" : "('ab','c',2)"}, ('only${shard}','y',3)`,
      ],
      config: pathsConfig,
    });
    expect(await migration.run(['backfill', '--shard', 's01'])).toMatchObject({ code: 0 });
    const before = await migration.items();
    const second = await migration.run(['backfill', '--shard', 's02']);
    expectRefusal(second, {
      code: 'E_ITEM_KEY_SHARED',
      exit: 1,
      fact: /shard s02: two rows of table paths, one here and one on shard s01, map to one item key/,
      next: /--restart/,
    });
    expect(second.stdout).toMatch(/bad row +paths folder=ab, file=c /);
    expect(await migration.items()).toEqual(expect.arrayContaining(before));
    expect((await migration.items()).filter((item) => item['sk']?.S === 'abc')).toEqual([
      expect.objectContaining({ size: { N: '1' } }),
    ]);
  });
});
