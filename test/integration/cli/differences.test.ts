/** All differences of a verification, with keys that `diff` takes, and what is said where no verification stands. */
import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { ONLY_PLACES } from '../../support/cli.js';
import { createMigration, onePair, type ConfigDocument, type Migration } from '../../support/migration.js';

const BEFORE = 310;
const ALL = 1_506;

/** How many items are missing from s01, and how many differ in each shard. */
interface Planted {
  readonly missing: number;
  readonly differing: readonly number[];
}

const MANY: Planted = { missing: 900, differing: [300, 306] };
const FEW: Planted = { missing: 9, differing: [3, 6] };

/** A scan key with a quote, a comma and an ENUM, whose number in the index is not its label. */
const accountOf = (shard: number): string => `O'Hara, ${shard + 1}`;
const ACCOUNT = accountOf(0);

function tables(shard: number): readonly string[] {
  return [
    `CREATE TABLE notes (
      account VARCHAR(20) NOT NULL, kind ENUM('small', 'large') NOT NULL, id INT NOT NULL, body VARCHAR(40),
      PRIMARY KEY (account, kind, id)
    )`,
    insertNotes(shard, 0, BEFORE),
  ];
}

function insertNotes(shard: number, from: number, rows: number): string {
  const values = Array.from(
    { length: rows },
    (_, i) => `("${accountOf(shard)}", 'large', ${from + i}, 'secret ${from + i}')`,
  );
  return `INSERT INTO notes VALUES ${values.join()}`;
}

function config(document: ConfigDocument): void {
  document.source.table = { name: 'notes', shardedBy: 'account' };
  const keys = {
    partitionKey: { name: 'pk', template: '{account}' },
    sortKey: { name: 'sk', template: '{kind:text}#{id:pad(10)}' },
  };
  document.mapping = { notes: { items: [keys] } };
}

/** Rows that came and changed in MySQL since the backfill. */
async function plantDifferences({ databases }: Migration, { missing, differing }: Planted): Promise<void> {
  await databases[0]?.query(insertNotes(0, BEFORE, missing));
  for (const [shard, rows] of differing.entries()) {
    await databases[shard]?.query(`UPDATE notes SET body = 'another secret' WHERE id < ${rows}`);
  }
}

interface Listed {
  readonly type: 'difference' | 'total';
  readonly shard: string;
  readonly class: string;
  readonly table: string;
  readonly itemKey: Readonly<Record<string, unknown>>;
  readonly scanKey: readonly string[];
  readonly attributes: readonly string[];
}

function recordsOf(stdout: string): { readonly items: readonly Listed[]; readonly totals: readonly unknown[] } {
  const records = stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Listed);
  return {
    items: records.filter(({ type }) => type === 'difference'),
    totals: records.filter(({ type }) => type === 'total'),
  };
}

/** Returns the words of a command as a shell reads them. */
function wordsOf(command: string): readonly string[] {
  const words = execFileSync('sh', ['-c', `printf '%s\\n' ${command}`], { encoding: 'utf8' });
  return words.trim().split('\n');
}

const linesOf = (stdout: string): readonly string[] =>
  stdout.split('\n').filter((line) => /^ {2}(missing|diff)/.test(line));

describe.each(onePair)('dynaferry differences, $name', { timeout: 180_000 }, (servers) => {
  it('differences lists all that a verification of two shards found, and diff takes either of their keys', async () => {
    await using migration = await createMigration({ servers, shards: 2, rows: tables, config });
    const never = await migration.run(['differences']);
    expect(never).toMatchObject({ code: 7, stderr: '' });
    expect(never.stdout).toBe('s01  never verified\ns02  never verified\nnext: `dynaferry verify --shard s01 s02`\n');
    const moved = await migration.run(['backfill', '--all']);
    expect(moved, moved.stderr).toMatchObject({ code: 0 });
    const before = await migration.run(['differences', 's01']);
    expect(before).toMatchObject({ code: 7 });
    expect(before.stdout).toMatch(/^s01 {2}no verification stands\n {2}notes: never verified$/m);
    await plantDifferences(migration, MANY);

    const verified = await migration.run(['verify', '--all']);
    expect(verified).toMatchObject({ code: 1 });
    expect(linesOf(verified.stdout)).toHaveLength(10);
    expect(verified.stdout).toContain('  and 1,195 more differences; `dynaferry differences --shard s01` lists all\n');
    expect(verified.stdout).toContain('  and 301 more differences; `dynaferry differences --shard s02` lists all\n');
    // The command that the report names works as it stands.
    const [, shown = ''] = /`dynaferry (diff --shard s01 --keys .*)`;$/m.exec(verified.stdout) ?? [];
    const shownRow = await migration.run(wordsOf(shown));
    expect(shownRow, shown).toMatchObject({ code: 1, stderr: expect.stringMatching(ONLY_PLACES) as string });
    expect(shownRow.stdout).toMatch(/^1 item: 0 new, 0 same, 1 changed|^1 item: 1 new/m);

    const text = await migration.run(['differences']);
    expect(text).toMatchObject({ code: 1, stderr: '' });
    expect(linesOf(text.stdout)).toHaveLength(ALL);
    expect(text.stdout).toMatch(/^s01 {2}1,200 differences: 900 missing, 300 differing$/m);
    expect(text.stdout).toMatch(/^s02 {2}306 differences: 306 differing$/m);
    expect(text.stdout).toContain(
      `  differing   notes  {"pk":{"S":"${ACCOUNT}"},"sk":{"S":"large#0000000007"}}  ["${ACCOUNT}","2","7"]  body\n`,
    );
    expect(text.stdout).not.toContain('secret');

    const { items, totals } = recordsOf((await migration.run(['differences', '--all', '--json'])).stdout);
    expect(items).toHaveLength(ALL);
    expect(new Set(items.map(({ shard, scanKey }) => `${shard} ${String(scanKey)}`)).size).toBe(ALL);
    expect(totals).toMatchObject([
      { shard: 's01', differences: 1_200, missing: 900, differing: 300, unresolved: 0, listed: 1_200, fault: null },
      { shard: 's02', differences: 306, differing: 306, listed: 306, tables: [{ table: 'notes', evidence: 'stands' }] },
    ]);

    const found = items.find((item) => item.shard === 's02');
    for (const key of [JSON.stringify(found?.itemKey), JSON.stringify(found?.scanKey)]) {
      const diff = await migration.run(['diff', '--keys', key]);
      expect(diff, key).toMatchObject({ code: 1, stderr: expect.stringMatching(ONLY_PLACES) as string });
      expect(diff.stdout.match(/^s\d\d notes {2}account=/gm)).toEqual(['s02 notes  account=']);
      expect(diff.stdout).toMatch(/^1 item: 0 new, 0 same, 1 changed/m);
      expect(await migration.run(['diff', '--explain', '--key', key])).toMatchObject({
        code: 0,
        stderr: expect.stringMatching(ONLY_PLACES) as string,
      });
    }
    const byHand = await migration.run(['diff', '--shard', 's01', '--keys', JSON.stringify([ACCOUNT, 'large', '309'])]);
    expect(byHand, 'a key with a comma, of a row without a difference').toMatchObject({ code: 0 });
    expect(byHand.stdout).toMatch(/^1 item: 0 new, 1 same/m);
    const unknown = await migration.run(['diff', '--keys', '{"pk":{"S":"nobody\'s"},"sk":{"S":"x"}}']);
    expect(unknown).toMatchObject({ code: 2, stdout: '' });
    expect(unknown.stderr).toContain(
      'E_USAGE: no state of the chosen shards and tables has a recorded difference with the item key',
    );
    expect(unknown.stderr).not.toContain('nobody');
  });

  it('differences lists one class or the first items, and nothing of a verification before a restart', async () => {
    await using migration = await createMigration({ servers, shards: 2, rows: tables, config });
    const moved = await migration.run(['backfill', '--all']);
    expect(moved, moved.stderr).toMatchObject({ code: 0 });
    await plantDifferences(migration, FEW);
    expect(await migration.run(['verify', '--all'])).toMatchObject({ code: 1 });

    const missing = recordsOf((await migration.run(['differences', '--class', 'missing', '--json'])).stdout);
    expect(missing.items).toHaveLength(FEW.missing);
    expect(new Set(missing.items.map((item) => item.class))).toEqual(new Set(['missing']));
    expect(missing.totals).toMatchObject([
      { differences: FEW.missing, differing: 0 },
      { differences: 0, listed: 0 },
    ]);
    expect(await migration.run(['differences', 's02', '--class', 'missing'])).toMatchObject({
      code: 0,
      stdout: 's02  no missing items\n',
    });
    expect(await migration.run(['differences', '--class', 'extra'])).toMatchObject({ code: 2 });
    const first = await migration.run(['differences', '--limit', '13']);
    expect(linesOf(first.stdout)).toHaveLength(13);
    expect(first.stdout).toContain('  and 5 more, not listed one by one; --limit N lists more\n');
    const counts = await migration.run(['differences', '--limit', '0']);
    expect(counts).toMatchObject({ code: 1 });
    expect(counts.stdout).not.toContain('Hara');

    // A file that cannot be read hides nothing of the others.
    expect(await migration.run(['backfill', '--shard', 's01', '--restart'])).toMatchObject({ code: 0 });
    const again = await migration.run(['differences', 's01']);
    expect(again).toMatchObject({ code: 7 });
    expect(again.stdout).toMatch(/^s01 {2}no verification stands\n {2}notes: never verified\n/);
    expect(await migration.run(['verify', '--shard', 's01'])).toMatchObject({ code: 0 });
    expect(await migration.run(['differences', 's01'])).toMatchObject({ code: 0, stdout: 's01  no differences\n' });
    writeFileSync(join(migration.stateFolder, 's01.db'), 'no state of any version'.repeat(400));
    const unreadable = await migration.run(['differences']);
    expect(unreadable).toMatchObject({ code: 6 });
    expect(unreadable.stdout).toMatch(/^s01 {2}E_STATE_\w+: /m);
    expect(linesOf(unreadable.stdout)).toHaveLength(6);
    const item = await migration.run(['diff', '--keys', '{"pk":{"S":"nobody"},"sk":{"S":"x"}}']);
    expect(item, 'the file that cannot be read may know it').toMatchObject({ code: 6 });
  });
});
