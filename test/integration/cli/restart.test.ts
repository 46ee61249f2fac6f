/** `backfill --restart` asks before it gives up what is recorded, and says where the former state stays. */
import { expect, describe, test } from 'vitest';
import { createMigration, onePair, type Migration } from '../../support/migration.js';
import { LAUNCHER } from '../../support/cli.js';

/** `script` gives the program a terminal of its own, which keeps what was typed until the program reads it. */
const onTerminal = (words: string, answer: string): readonly string[] => [
  '/bin/sh',
  '-c',
  `echo ${answer} | script -qec "${process.execPath} ${LAUNCHER} ${words}" /dev/null`,
];

async function recorded(migration: Migration): Promise<{ readonly rows: number; readonly standing: string }> {
  const { stdout } = await migration.run(['status', '--json']);
  const [shard] = (
    JSON.parse(stdout) as {
      shards: { tables: { standing: string; backfill: null | { counts: { rows: number } } }[] }[];
    }
  ).shards;
  const [table] = shard?.tables ?? [];
  return { rows: table?.backfill?.counts.rows ?? 0, standing: table?.standing ?? '' };
}

describe.each(onePair)('restarts, $name', (servers) => {
  test('a restart without a terminal needs --yes, and changes nothing without it', { timeout: 240_000 }, async () => {
    await using migration = await createMigration({ servers, rows: 300 });
    await migration.run(['backfill']);
    const refused = await migration.run(['backfill', '--restart'], { confirm: false });
    expect(refused).toMatchObject({ code: 2, stdout: '' });
    expect(refused.stderr).toMatch(
      /^error E_USAGE: --restart gives up what is recorded of s01 \(300 rows moved, \d+ items\)/,
    );
    expect(refused.stderr).toContain('nothing was changed');
    expect(refused.stderr).toMatch(/next: .*`--yes`.*the former state stays in the state folder as s01\.<time>Z\.db/);
    const json = await migration.run(['backfill', '--restart', '--json'], { confirm: false });
    expect(JSON.parse(json.stdout)).toMatchObject({ error: { code: 'E_USAGE' } });
    expect(await recorded(migration)).toMatchObject({ rows: 300 });

    const restarted = await migration.run(['backfill', '--restart', '--yes']);
    expect(restarted.code).toBe(0);
    expect(restarted.stderr).toMatch(/gives up what is recorded of 1 shard:\n {2}s01 {2}300 rows moved, \d+ items\n/);
    expect(restarted.stderr).toContain('items under former keys, stay in the target');
    expect(restarted.stderr).toContain('as s01.<time>Z.db; no command brings it back yet\n');
    const again = await migration.run(['backfill', '--restart', '--yes', '--json']);
    expect(JSON.parse(again.stdout)).toMatchObject({ givenUp: [{ shard: 's01', recorded: true, rows: 300 }] });
  });

  test.each(['n', 'y'])(
    'a restart asks on a terminal, and %s is what it does',
    { timeout: 240_000 },
    async (answer) => {
      await using migration = await createMigration({ servers, rows: 300 });
      await migration.run(['backfill']);
      await migration.run(['verify']);
      const asked = await migration.run([], { program: onTerminal('backfill --restart', answer) });
      expect(asked.stdout).toContain('s01  300 rows moved');
      expect(asked.stdout).toContain('the verification of messages');
      expect(asked.stdout).toContain('start it again? [y/N] ');
      expect(asked.code).toBe(answer === 'y' ? 0 : 2);
      expect(await recorded(migration)).toMatchObject({ standing: answer === 'y' ? 'none' : 'stands' });
    },
  );

  test('--yes without --restart is refused', async () => {
    await using migration = await createMigration({ servers, rows: 10 });
    expect(await migration.run(['backfill', '--shard', 's01', '--yes'])).toMatchObject({ code: 2, stdout: '' });
  });

  test(
    'a restart that was killed is resumed by the command that it names, without --restart',
    { timeout: 240_000 },
    async () => {
      await using migration = await createMigration({
        ...{ servers, rows: 1_500 },
        config: ({ target }) => void (target['writeCapacity'] = 100_000),
      });
      await migration.run(['backfill']);
      migration.configure(({ target }) => void (target['writeCapacity'] = 200));
      await using running = await migration.spawn(['backfill', '--restart']);
      await running.waitFor(/[1-9]\d* of about/).catch(() => undefined);
      running.kill('SIGTERM');
      const { stdout, code } = await running.result;
      expect(code).toBe(130);
      expect(stdout).toContain('to resume, run `dynaferry backfill --all`');
      expect(stdout).not.toContain('run the same command again');
      const repeated = await migration.run(['backfill', '--restart'], { confirm: false });
      expect(repeated).toMatchObject({ code: 2 });
      migration.configure(({ target }) => void (target['writeCapacity'] = 100_000));
      expect(await migration.run(['backfill', '--all'])).toMatchObject({ code: 0 });
      expect(await recorded(migration)).toMatchObject({ rows: 1_500 });
    },
  );
});

describe.each(onePair)('what verify did not look for, $name', (servers) => {
  const lastLine = (text: string): string => text.trimEnd().split('\n').at(-1) ?? '';

  test(
    'the last line of verify says that it did not look for items without a row, and more after a restart',
    { timeout: 240_000 },
    async () => {
      await using migration = await createMigration({ servers, rows: 50 });
      await migration.run(['backfill']);
      const first = await migration.run(['verify']);
      expect(lastLine(first.stdout)).toBe('items without a row were not looked for');
      migration.configure(({ source }) => {
        source.table = { ...source.table, where: "sid > ''" };
      });
      await migration.run(['backfill', '--restart']);
      const second = await migration.run(['verify']);
      expect(second.code).toBe(0);
      expect(lastLine(second.stdout)).toMatch(
        /^items without a row were not looked for; s01 was started again, so items may remain/,
      );
      migration.configure(({ mapping }) => {
        const { items } = mapping['messages'] as { items: [{ partitionKey: Record<string, unknown> }] };
        items[0].partitionKey['template'] = 'NEW#{account_sid}';
      });
      const restarted = await migration.run(['backfill', '--restart']);
      expect(restarted.code).toBe(0);
      const third = await migration.run(['verify']);
      expect(third.code).toBe(0);
      expect(lastLine(third.stdout)).toContain(
        's01 wrote items under other keys before its restart, and they are still there',
      );
      const json = await migration.run(['verify', '--json']);
      expect(JSON.parse(json.stdout)).toMatchObject({
        shards: [{ itemsWithoutRow: { lookedFor: false, earlierBackfill: 'other-keys' } }],
      });
    },
  );
});
