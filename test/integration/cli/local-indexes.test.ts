/**
 * A target with local indexes, where DynamoDB's 400 KB hold an item and its entries: every command that asks the target
 * judges a row alike, before the service has to refuse it (DynamoDB Local would, and the run would end; dynalite would
 * take it).
 */
import { describe, expect, it } from 'vitest';
import { createMigration, dynamodbPairs, KEYS, type ConfigDocument } from '../../support/migration.js';

/** Twice this is more than 400 KB. */
const HALF_TOO_LARGE = 205 * 1024;
/** 2 is too large with its entry; 3 is as large and has none, since the index's sort key is NULL. */
const NOTES = [
  'CREATE TABLE notes (id INT PRIMARY KEY, noted INT, body MEDIUMTEXT)',
  `INSERT INTO notes VALUES (1, 11, 'a'), (2, 12, REPEAT('y', ${HALF_TOO_LARGE})), (3, NULL, REPEAT('z', ${HALF_TOO_LARGE}))`,
];
const TABLE = {
  ...KEYS,
  localIndexes: [{ name: 'by_noted', sortKey: { name: 'noted', type: 'N' }, projection: 'all' }],
} as const;
const REASON = /with its entries in local indexes \(by_noted\) exceeds the 409600 bytes of DynamoDB/;
const NOBODY_LISTENS = { AWS_ENDPOINT_URL_DYNAMODB: 'http://127.0.0.1:9' };

function notesConfig(config: ConfigDocument): void {
  config.source.table = { name: 'notes' };
  const keys = { partitionKey: { name: 'pk', template: 'NOTES' }, sortKey: { name: 'sk', template: '{id:pad(10)}' } };
  config.mapping = { notes: { items: [keys] } };
}

describe.each(dynamodbPairs)('local indexes: $name', { timeout: 240_000 }, (servers) => {
  it('diff, plan, backfill, verify and a retry report a row whose index entries make it too large as bad', async () => {
    await using migration = await createMigration({ servers, rows: () => NOTES, config: notesConfig, table: TABLE });
    const rowsMoved = async () => (await migration.items()).map((item) => item['id']?.N);

    expect((await migration.run(['check'])).stdout).toMatch(/local indexes \(by_noted\): DynamoDB allows 400 KB/);
    const diff = await migration.run(['diff', '--keys', '1', '2', '3']);
    expect(diff.code).toBe(1);
    expect(diff.stdout).toMatch(REASON);
    expect(diff.stdout.match(/too large|local indexes \(/g)).toHaveLength(1);
    const plan = JSON.parse((await migration.run(['plan', '--all', '--json'])).stdout) as PlanDocument;
    expect(plan.shards[0]?.tables[0]?.badRowsInSample).toBe(1);
    // Without a target it knows of no index.
    expect(await migration.run(['backfill', '--all', '--dry-run'])).toMatchObject({ code: 0 });

    const stopped = await migration.run(['backfill', '--all']);
    expect(stopped.code).toBe(1);
    expect(stopped.stderr + stopped.stdout).toContain('E_BAD_ROWS');
    const allowed = await migration.run(['backfill', '--all', '--max-bad-rows', '1', '--json']);
    expect(outcomeOf(allowed.stdout)).toMatchObject({
      badRows: 1,
      findings: {
        badRows: [
          {
            row: 'id=2',
            column: null,
            reason: expect.stringMatching(REASON) as string,
            remedy: expect.stringContaining('local indexes project fewer attributes') as string,
            kind: expect.stringMatching(
              /^an item of 2\d{5} bytes, 4\d{5} with its entries in local indexes$/,
            ) as string,
          },
        ],
      },
    });
    expect(await rowsMoved()).toEqual(['1', '3']);

    const verify = await migration.run(['verify', '--all', '--json']);
    expect(verify.code).toBe(1);
    expect(outcomeOf(verify.stdout)).toMatchObject({ badRows: 1, missing: 0, differing: 0 });
    expect((await migration.run(['backfill', '--all', '--retry-bad', '--max-bad-rows', '1'])).code).toBe(1);
    expect(await rowsMoved()).toEqual(['1', '3']);

    await migration.databases[0]?.query('UPDATE notes SET noted = NULL WHERE id = 2');
    expect(await migration.run(['backfill', '--all', '--retry-bad'])).toMatchObject({ code: 0 });
    expect(await migration.run(['verify', '--all'])).toMatchObject({ code: 0 });
    expect(await rowsMoved()).toEqual(['1', '2', '3']);
  });

  it('diff --explain judges a row with local indexes as backfill does, or says that the target did not answer', async () => {
    await using migration = await createMigration({ servers, rows: () => NOTES, config: notesConfig, table: TABLE });
    const explain = ['diff', '--explain', '--key', '2'];
    const asked = await migration.run(explain);
    expect(asked.code).toBe(1);
    expect(asked.stdout.replace(/\s+/g, ' ')).toMatch(REASON);
    expect(asked.stdout).not.toContain('did not answer');
    const unasked = await migration.run(explain, { env: NOBODY_LISTENS });
    expect(unasked.code).toBe(0);
    expect(unasked.stdout).toContain('the target did not answer');
  });
});

interface PlanDocument {
  readonly shards: readonly { readonly tables: readonly { readonly badRowsInSample: number }[] }[];
}

function outcomeOf(stdout: string): unknown {
  return (JSON.parse(stdout) as { shards: unknown[] }).shards[0];
}
