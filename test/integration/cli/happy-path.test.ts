/**
 * From check to verify in the usual order, on every pair of servers: exit codes, documents, lines, and the items at the
 * end.
 */
import { describe, expect, it } from 'vitest';
import { ONLY_PLACES, type CliResult } from '../../support/cli.js';
import { createMigration, onePair, serverPairs } from '../../support/migration.js';

const ROWS = 400;
const SHARDS = ['s01', 's02'];

const document = (result: CliResult): unknown => JSON.parse(result.stdout);

function events(result: CliResult): { time: string; event: string; shard: string }[] {
  return result.stderr
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as { time: string; event: string; shard: string });
}

const counts = { rows: ROWS, items: 2 * ROWS, badRows: 0, expiredRows: 0 };
const outcome = (shard: string): object => ({
  shard,
  status: 'done',
  exitCode: 0,
  fault: null,
  counts,
  badRows: 0,
  findings: { badRows: [] },
});
/** A verification alone has looked for these. */
const compared = { missing: 0, differing: 0, unresolved: 0, suspects: 0 };

describe.each(serverPairs)('two shards from $name', (servers) => {
  it('check, plan, diff, backfill and verify move two shards, as their output says', { timeout: 120_000 }, async () => {
    await using migration = await createMigration({ servers, shards: 2, rows: ROWS, table: 'missing' });

    const refused = await migration.run(['check', '--json']);
    expect(refused).toMatchObject({ code: 3, stderr: '' });
    expect(document(refused)).toMatchObject({ ok: false, shards: [{ shard: 's01' }, { shard: 's02' }] });
    expect(refused.stdout).toContain('E_TARGET_TABLE_MISSING');

    const plan = await migration.run(['plan', '--json']);
    expect(plan).toMatchObject({ code: 0, stderr: '' });
    const table = { table: 'messages', scanKey: 'PRIMARY', itemsPerRow: 2, badRowsInSample: 0, badReasons: [] };
    expect(document(plan)).toMatchObject({
      shards: SHARDS.map((shard) => ({ shard, tables: [table] })),
      total: { writeCapacity: 100_000 },
    });

    const before = await migration.run(['diff', '--sample', '3', '--json']);
    expect(before).toMatchObject({ code: 0, stderr: '' });
    expect(document(before)).toMatchObject({
      tables: SHARDS.map((shard) => ({ shard, table: 'messages' })),
      totals: { created: 12, same: 0, changed: 0, bad: 0, expired: 0 },
    });

    const backfill = await migration.run(['backfill', '--all', '--create-table', '--json']);
    expect(backfill.code).toBe(0);
    expect(document(backfill)).toMatchObject({ command: 'backfill', dryRun: false, shards: SHARDS.map(outcome) });
    expect(Object.keys(compared).filter((name) => backfill.stdout.includes(`"${name}"`))).toEqual([]);
    expect(backfill.stdout).not.toContain('"differences"');
    for (const shard of SHARDS) {
      const names = events(backfill).flatMap((entry) => (entry.shard === shard ? [entry.event] : []));
      expect(names.filter((name) => name !== 'shard.progress')).toEqual([
        'shard.started',
        'shard.phase',
        'table.planned',
        ...names.filter((name) => name === 'segment.completed'),
        'shard.phase',
        'shard.finished',
      ]);
      expect(names).toContain('shard.progress');
      expect(names).toContain('segment.completed');
    }
    expect(await migration.items()).toHaveLength(2 * 2 * ROWS);

    const after = await migration.run(['diff', '--sample', '3', '--json']);
    expect(after).toMatchObject({ code: 0, stderr: '' });
    expect(document(after)).toMatchObject({ totals: { created: 0, same: 12, changed: 0, bad: 0, expired: 0 } });

    const verify = await migration.run(['verify', '--all', '--json']);
    expect(verify.code).toBe(0);
    const findings = { badRows: [], differences: [] };
    const verified = SHARDS.map((shard) => ({ ...outcome(shard), ...compared, findings }));
    expect(document(verify)).toMatchObject({ command: 'verify', shards: verified });
    expect(events(verify).map(({ event }) => event)).toContain('shard.finished');

    const status = await migration.run(['status', '--json']);
    expect(status).toMatchObject({ code: 0, stderr: '' });
    const pass = { counts, rangesComplete: expect.any(Number) as number };
    expect(document(status)).toMatchObject({
      at: expect.stringMatching(/^\d{4}-\d\d-\d\dT.*Z$/) as string,
      shards: SHARDS.map((shard) => ({
        shard,
        phase: 'verified',
        running: false,
        fault: null,
        suspects: 0,
        tables: [{ table: 'messages', badRows: 0, backfill: pass, verify: { ...pass, missing: 0, differing: 0 } }],
      })),
    });
  });
});

describe.each(onePair)('without a terminal', (servers) => {
  it('dynaferry without a terminal prints reports to stdout and progress to stderr', { timeout: 120_000 }, async () => {
    await using migration = await createMigration({ servers, shards: 2, rows: ROWS });

    const check = await migration.run(['check']);
    expect(check.code).toBe(0);
    expect(check.stdout).toMatch(/^ok {4}s01: table messages, 18 columns, mapped to 2 items a row$/m);
    expect(check.stdout).toMatch(/^check passed/m);

    const plan = await migration.run(['plan', '--shard', 's02']);
    expect(plan).toMatchObject({ code: 0, stderr: expect.stringMatching(ONLY_PLACES) as string });
    expect(plan.stdout).toMatch(/^s02 {2}messages$/m);
    expect(plan.stdout).toMatch(/^total: about [\d,]+ write units/m);
    expect(plan.stdout).not.toContain('s01');

    const unnamed = await migration.run(['backfill']);
    expect(unnamed.code).toBe(2);
    expect(unnamed.stderr).toMatch(/E_USAGE.*2 shards.*\n.*--all \(s01, s02\)/);

    const first = await migration.run(['backfill', '--shard', 's01']);
    expect(first.code).toBe(0);
    expect(first.stdout).toMatch(/^s01 {2}done: 400 rows, 800 items \(/m);
    expect(progressOf(first)).toContain('s01 is backfilled, and not verified');
    expect(progressOf(first).join('\n')).not.toContain('s02');
    expect(await migration.items()).toHaveLength(2 * ROWS);

    const both = await migration.run(['backfill', '--all']);
    expect(both.stdout).toMatch(/^s01 {2}was done already: 400 rows/m);
    expect(both.stdout).toMatch(/^s02 {2}done: 400 rows/m);

    const verify = await migration.run(['verify', '--all']);
    expect(verify.code).toBe(0);
    expect(verify.stdout).toMatch(/^s02 {2}verified: 400 rows, 800 items/m);
    expect(verify.stdout).toContain('every row has its item, equal in every attribute');
    expect(progressOf(verify)).toContain('s02 is verified: verify found no missing and no differing item');

    const status = await migration.run(['status']);
    expect(status).toMatchObject({ code: 0, stderr: '' });
    expect(status.stdout).toMatch(/^s01 +verified +messages +400 +100% .*equal, \d+s ago$/m);
  });
});

/** The lines on stderr behind the preflight, without their times; every one begins with a time and a shard. */
function progressOf({ stderr }: CliResult): readonly string[] {
  const [preflight = '', ...warnings] = stderr.split(/^warning E_\w+: .*\n {2}next: .*\n/m);
  expect(preflight).toMatch(/^checking \d shards? and the target first\n/);
  const lines = warnings.join('').trimEnd();
  return lines.split('\n').map((line) => {
    expect(line).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ s\d\d /);
    return line.replace(/^\S+ /, '');
  });
}
