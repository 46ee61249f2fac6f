/** Bad rows by the hundred thousand: they are listed, and one of them is explained, in the memory that a few take. */
import { execFile } from 'node:child_process';
import { createReadStream, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { promisify } from 'node:util';
import Database from 'better-sqlite3';
import { describe, expect, it } from 'vitest';
import { LAUNCHER } from '../../support/cli.js';
import { createMigration, onePair, type Migration } from '../../support/migration.js';
import { BAD_PRICES, prices, pricesConfig } from './bad-row-tables.js';

const MANY = 300_000;
/**
 * V8 lets the garbage of a list grow to some 50 MB before it collects it; held all at once, the rows take six times
 * what a few do.
 */
const MOST_TIMES = 2.5;
const SCRIPT = new URL('scripts/peak-memory.js', import.meta.url).href;

interface Ended {
  readonly stdout: string;
  readonly stderr: string;
  readonly peakKiB: number;
}

/** @param line of bash, in which `$DYNAFERRY` is the command */
async function bash(migration: Migration, line: string): Promise<Ended> {
  const peak = join(migration.folder, 'peak');
  const env = {
    ...{ ...process.env, ...migration.env, NODE_OPTIONS: `--import=${SCRIPT}`, PEAK_MEMORY: peak },
    DYNAFERRY: `${process.execPath} ${LAUNCHER}`,
  };
  const { stdout, stderr } = await promisify(execFile)('bash', ['-c', line], { cwd: migration.folder, env });
  return { stdout, stderr, peakKiB: Number(readFileSync(peak, 'utf8')) };
}

/** Straight into the state, as if a backfill had met them. */
function addBadRows({ stateFolder }: Migration, count: number): void {
  const database = new Database(join(stateFolder, 's01.db'));
  database
    .prepare(
      `INSERT INTO bad_rows (table_name, cursor, scan_key, column_name, kind, reason, remedy, recorded_at)
       WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?)
       SELECT 'prices', '["more-' || i || '"]', 'code=more-' || i, 'price', 'decimal(65,0)', 'more than 38 significant digits',
              'map the column with \`type: S\`', 0 FROM n`,
    )
    .run(count);
  database.close();
}

const EXPLAIN = '$DYNAFERRY diff --shard s01 --explain --bad-row 1 --json; echo "ended with $?"';

describe.each(onePair)('hundreds of thousands of bad rows of $name', { timeout: 400_000 }, (servers) => {
  it('bad-rows and diff --explain take for hundreds of thousands of bad rows the memory that a few take', async () => {
    await using migration = await createMigration({ servers, rows: prices, config: pricesConfig });
    expect((await migration.run(['backfill', '--max-bad-rows', '99'])).code).toBe(1);
    const list = (options: string): string => `$DYNAFERRY bad-rows ${options} > list; echo "ended with $?"`;
    const ways = [list('--json'), list(`--limit ${2 * MANY}`), EXPLAIN];
    const few = [];
    for (const way of ways) few.push(await bash(migration, way));
    addBadRows(migration, MANY);
    for (const [index, way] of ways.entries()) {
      const many = await bash(migration, way);
      expect([way, many.stderr, many.stdout.trimEnd().split('\n').at(-1)]).toEqual([way, '', 'ended with 1']);
      expect(many.peakKiB / (few[index]?.peakKiB ?? 0), way).toBeLessThan(MOST_TIMES);
    }
  });

  it('bad-rows --json prints one record a line, and ends silently when its reader leaves early', async () => {
    await using migration = await createMigration({ servers, rows: prices, config: pricesConfig });
    expect((await migration.run(['backfill', '--max-bad-rows', '99'])).code).toBe(1);
    addBadRows(migration, MANY);
    await bash(migration, '$DYNAFERRY bad-rows --json | cat > list');
    const types: Record<string, number> = {};
    const numbers = new Set<number>();
    let last: unknown;
    for await (const line of createInterface({ input: createReadStream(join(migration.folder, 'list')) })) {
      const record = JSON.parse(line) as { readonly type: string; readonly number?: number };
      types[record.type] = (types[record.type] ?? 0) + 1;
      if (record.number !== undefined) numbers.add(record.number);
      last = record;
    }
    expect(types).toEqual({ group: 3, row: MANY + BAD_PRICES, total: 1 });
    expect(numbers.size).toBe(MANY + BAD_PRICES);
    expect(last).toMatchObject({ type: 'total', rows: MANY + BAD_PRICES, listed: MANY + BAD_PRICES, fault: null });

    const left = await bash(migration, '$DYNAFERRY bad-rows --json | head -1; echo "${PIPESTATUS[0]}"');
    expect(left.stderr).toBe('');
    expect(left.stdout).toMatch(/^\{"type":"group".*\}\n1\n$/);
    const limited = await bash(migration, '$DYNAFERRY bad-rows --json --limit 2500 | tail -1');
    expect(JSON.parse(limited.stdout)).toMatchObject({ rows: MANY + BAD_PRICES, listed: 2_500 });
  });
});
