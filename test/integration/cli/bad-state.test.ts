/**
 * State that is in use, damaged, of something else, or of another migration: refused, left as it is, and put aside by
 * --restart alone.
 */
import { copyFileSync, cpSync, existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DeleteTableCommand, waitUntilTableNotExists } from '@aws-sdk/client-dynamodb';
import { describe, expect, it } from 'vitest';
import {
  createMigration,
  dynamodbPairs,
  onePair,
  serverPairs,
  type ConfigDocument,
  type Migration,
  type Servers,
} from '../../support/migration.js';
import { BudgetLedger } from '../../../src/state/shared/budget-ledger.js';
import type { CliResult } from '../../support/cli.js';
import { letLateWriteWindowPass } from '../../support/late-writes.js';
import { expectRefusal, type Refusal } from './refusal.js';

const ROWS = 300;
const ITEMS = 2 * ROWS;

/**
 * Refused by backfill and verify; what is recorded and the target stay as they are; --restart begins again and ends
 * well.
 */
async function refusedUntilRestarted(migration: Migration, refusal: Refusal, unreadable = false): Promise<void> {
  const [recorded, items] = [await statusOf(migration), await migration.items()];
  for (const command of ['check', 'backfill', 'verify']) {
    expectRefusal(await migration.run([command]), refusal);
    expect(await statusOf(migration)).toEqual(recorded);
    expect(await migration.items()).toEqual(items);
  }
  expect(await migration.run(['backfill', '--restart'])).toMatchObject({ code: 0 });
  const archives = readdirSync(migration.stateFolder).filter((name) => /^s01\.\d{8}T\d{6}Z\.db$/.test(name));
  expect(archives).toHaveLength(1);
  if (unreadable) {
    // Nobody can tell any more what had been sent.
    const early = await migration.run(['verify']);
    expect(early, early.stdout + early.stderr).toMatchObject({ code: 7 });
    letLateWriteWindowPass(migration.stateFolder, ['s01']);
  }
  expect(await migration.run(['verify'])).toMatchObject({ code: 0 });
}

async function statusOf(migration: Migration): Promise<unknown> {
  const { stdout } = await migration.run(['status', '--json']);
  return (JSON.parse(stdout) as { shards: unknown }).shards;
}

describe.each(onePair)('a state file of $name', { timeout: 120_000 }, (servers) => {
  it('dynaferry refuses a damaged state file until --restart', async () => {
    await using migration = await createMigration({ servers, rows: ROWS });
    expect(await migration.run(['backfill'])).toMatchObject({ code: 0 });
    const file = join(migration.stateFolder, 's01.db');
    writeFileSync(file, readFileSync(file).fill(0xa5, 0, 5_000));
    const refusal = {
      code: 'E_STATE_CORRUPT',
      exit: 6,
      fact: /shard s01: .*s01\.db/,
      next: /--restart --shard s01/,
    } as const;
    const status = await migration.run(['status']);
    expect(status.code).toBe(6);
    expect(status.stdout).toMatch(/^s01 +unreadable$/m);
    expect(status.stdout).toContain('E_STATE_CORRUPT');
    await refusedUntilRestarted(migration, refusal, true);
    expect(await migration.items()).toHaveLength(ITEMS);
  });

  it('a restart that is refused for the budget leaves the state file as it is, and the next backfill does not restart', async () => {
    await using migration = await createMigration({ servers, rows: ROWS });
    expect(await migration.run(['backfill'])).toMatchObject({ code: 0 });
    const recorded = await statusOf(migration);
    const other = BudgetLedger.join({ folder: migration.stateFolder, resource: 'write another', restMs: 1_000 });
    writeFileSync(join(migration.stateFolder, 'budget.ledger'), 'not a ledger at all, but long enough to be looked at');
    expectRefusal(await migration.run(['backfill', '--restart']), {
      code: 'E_STATE_CORRUPT',
      exit: 6,
      fact: /the shared capacity budget/,
      next: /wait until the run of process \d+ has ended/,
    });
    other.leave();
    expect(await statusOf(migration)).toEqual(recorded);
    expect((await migration.run(['backfill'])).stdout).toContain('was done already');
  });

  it('dynaferry refuses the state file of another shard until --restart', async () => {
    await using migration = await createMigration({ servers, shards: 2, rows: ROWS });
    expect(await migration.run(['backfill', '--shard', 's02'])).toMatchObject({ code: 0 });
    copyFileSync(join(migration.stateFolder, 's02.db'), join(migration.stateFolder, 's01.db'));
    // With one shard in the config, the commands need not name it.
    migration.configure((config) => config.source.shards.splice(1));
    await refusedUntilRestarted(
      migration,
      {
        code: 'E_STATE_FOREIGN',
        exit: 6,
        fact: /s01\.db is the state of shard s02/,
        next: /--restart --shard s01/,
      },
      true,
    );
    expect(await migration.items()).toHaveLength(2 * ITEMS);
  });

  it('dynaferry refuses a copied state file until it is adopted; then verify waits out late writes of the original', async () => {
    await using migration = await createMigration({ servers, shards: 2, rows: ROWS });
    const run = async (args: readonly string[]): Promise<CliResult> => await migration.run(args);
    expect(await run(['backfill', '--all'])).toMatchObject({ code: 0 });
    cpSync(migration.stateFolder, join(migration.folder, 'copy'), { recursive: true });
    migration.configure((config) => (config.state = './copy'));

    const refusal = {
      code: 'E_STATE_COPIED',
      exit: 6,
      fact: /shard s01: .*s01\.db is a copy/,
      next: /end it\. Then `dynaferry state adopt --shard s01`/,
    } as const;
    for (const args of [['check'], ['backfill'], ['backfill', '--restart'], ['backfill', '--retry-bad'], ['verify']])
      expectRefusal(await run(args[0] === 'check' ? args : [...args, '--shard', 's01']), refusal);
    expect((await run(['status'])).stdout).toContain('s01: E_STATE_COPIED: ');

    expectRefusal(await run(['state', 'adopt']), { code: 'E_USAGE', exit: 2, fact: /2 shards/, next: /--all/ });
    const adopted = await run(['state', 'adopt', '--shard', 's01']);
    expect(adopted).toMatchObject({ code: 0, stderr: '' });
    expect(adopted.stdout).toMatch(/^s01 {2}adopted; DynamoDB may still apply .* for 20m 00s: verify after 20.* UTC$/m);
    const { code, stdout } = await run(['state', 'adopt', '--all', '--json']);
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({
      command: 'state adopt',
      shards: [
        { shard: 's01', outcome: 'lives-here', reason: null, lateWritesUntil: null, fault: null },
        { shard: 's02', outcome: 'adopted', reason: 'copied', fault: null },
      ],
    });
    expect(await run(['backfill', '--all'])).toMatchObject({ code: 0 });
    const early = await run(['verify', '--all']);
    expect(early).toMatchObject({ code: 7 });
    expect(early.stdout).toContain('s01  not proven: an earlier run ended with writes in flight');
    letLateWriteWindowPass(join(migration.folder, 'copy'), ['s01', 's02']);
    expect(await run(['verify', '--all'])).toMatchObject({ code: 0 });
    expectRefusal(await run(['state', 'adopt', '--shard', 's03']), {
      ...{ code: 'E_SHARD_UNKNOWN', exit: 2, fact: /s03/, next: /s01, s02/ },
    });
  });

  it('verify refuses a shard without a state file, as it would not know what was moved', async () => {
    await using migration = await createMigration({ servers, rows: ROWS });
    expectRefusal(await migration.run(['verify']), {
      code: 'E_STATE_MISSING',
      exit: 6,
      fact: /shard s01: nothing is recorded/,
      next: /backfill --shard s01.*`state` in the config/,
    });
    expect(existsSync(join(migration.stateFolder, 's01.db'))).toBe(false);
    expect((await migration.run(['status'])).stdout).toMatch(/^s01 +not started$/m);
    // The same shape as a shard that was begun, for programs: with the tables that the config names, of which nothing
    // was begun.
    const table = {
      ...{
        table: 'messages',
        inConfig: true,
        planned: false,
        scanKey: null,
        plannedAt: null,
        estimatedRows: 0,
        badRows: 0,
      },
      ...{ backfill: null, verify: null, standing: 'none', firstCompared: null, lastCompared: null, overtakenBy: 0 },
    };
    const nothing = {
      phase: 'new',
      running: false,
      heartbeat: null,
      tables: [table],
      oldestComparison: null,
      suspects: 0,
      incidents: [],
      lateWritesUntil: null,
      restartAsked: false,
      lateWritesForMs: null,
      copied: null,
      fault: null,
    };
    expect(await statusOf(migration)).toEqual([{ shard: 's01', ...nothing }]);
  });

  it('dynaferry refuses a state folder that is a file', async () => {
    await using migration = await createMigration({ servers, rows: ROWS });
    migration.configure((config) => (config.state = './dynaferry.yaml'));
    for (const args of [['check'], ['backfill'], ['backfill', '--dry-run']]) {
      expectRefusal(await migration.run(args), {
        code: 'E_STATE_IO',
        exit: 6,
        fact: /the state folder .* cannot be used: .*dynaferry\.yaml is a file/,
        next: /name another folder as `state`/,
      });
    }
    expect(await migration.items()).toEqual([]);
  });

  it('dynaferry refuses a state file that another process works on, and does not disturb that process', async () => {
    await using migration = await createMigration({ servers, rows: ROWS });
    // Half a minute at least, however slow the others are.
    migration.configure((config) => (config.target['writeCapacity'] = ITEMS / 30));
    await using first = await migration.spawn(['backfill']);
    await first.waitFor(/s01 backfill messages/);
    expect((await migration.run(['status'])).stdout).toMatch(/^s01 +backfilling now /m);
    for (const args of [['backfill'], ['verify'], ['backfill', '--restart']]) {
      expectRefusal(await migration.run(args), {
        code: 'E_STATE_LOCKED',
        exit: 6,
        fact: /shard s01: process \d+ works on this shard/,
        next: /dynaferry status.*kill \d+/,
      });
    }
    expect(first.stderr).not.toMatch(/failed|E_STATE/);
    expect(readdirSync(migration.stateFolder)).not.toContainEqual(expect.stringMatching(/^s01\..*Z\.db$/));
    first.kill('SIGTERM');
    expect(await first.result).toMatchObject({ code: 130 });
    migration.configure((config) => (config.target['writeCapacity'] = 100_000));
    expect(await migration.run(['backfill'])).toMatchObject({ code: 0 });
    expect(await migration.items()).toHaveLength(ITEMS);
    expect(await migration.run(['verify'])).toMatchObject({ code: 0 });
  });
});

/** A backfill that was stopped midway. */
async function halfDone(servers: Servers): Promise<Migration> {
  const migration = await createMigration({ servers, rows: ROWS });
  migration.configure((config) => (config.target['writeCapacity'] = ITEMS / 4));
  await using backfill = await migration.spawn(['backfill']);
  await backfill.waitFor(/s01 backfill messages/);
  backfill.kill('SIGTERM');
  expect(await backfill.result).toMatchObject({ code: 130 });
  migration.configure((config) => (config.target['writeCapacity'] = 100_000));
  return migration;
}

describe.each(onePair)('a resume on $name', { timeout: 120_000 }, (servers) => {
  it('a resume with another mapping is refused with the difference, and completes with the old mapping', async () => {
    await using migration = await halfDone(servers);
    const template = (text: string) => (config: ConfigDocument) => {
      const { items } = config.mapping['messages'] as { items: { sortKey: { template: string } }[] };
      Object.assign(items[1]?.sortKey ?? {}, { template: text });
    };
    migration.configure(template('MESSAGE'));
    for (const command of ['backfill', 'verify']) {
      expectRefusal(await migration.run([command]), {
        code: 'E_STATE_CHANGED',
        exit: 6,
        fact: /lookup\.sortKey\.template: MSG → MESSAGE/,
        next: /restore the former values.*--restart --shard s01/,
      });
    }
    migration.configure(template('MSG'));
    expect(await migration.run(['backfill'])).toMatchObject({ code: 0 });
    expect(await migration.items()).toHaveLength(ITEMS);
    expect(await migration.run(['verify'])).toMatchObject({ code: 0 });
  });

  it('verify advises to resume an unfinished backfill, and not to restart it', async () => {
    await using migration = await createMigration({ servers, rows: ROWS });
    // A segment of text is no number: the first chunk stops the backfill before anything is done.
    const asNumber = (type: string | undefined) => (config: ConfigDocument) => {
      const { messages } = config.mapping as {
        messages: { items: [{ attributes: { rules: Record<string, unknown> } }] };
      };
      messages.items[0].attributes.rules['body'] = type === undefined ? {} : { type };
    };
    migration.configure(asNumber('N'));
    expect(await migration.run(['backfill'])).toMatchObject({ code: 1 });
    const verify = await migration.run(['verify']);
    expect(verify.code).toBe(1);
    expect(verify.stdout).toContain('next: the backfill is not finished; `dynaferry backfill --all` resumes it');
    expect(verify.stdout).not.toContain('--restart');
    migration.configure(asNumber(undefined));
    expect(await migration.run(['backfill', '--restart'])).toMatchObject({ code: 0 });
    const again = await migration.run(['backfill']);
    expect(again.stdout).toMatch(/was done already[^]*verify finds rows added or changed in MySQL since then/);
  });
});

describe.each(dynamodbPairs)('a resume on $name', { timeout: 120_000 }, (servers) => {
  it('a resume into a table that replaced the first target is refused until --restart', async () => {
    await using migration = await createMigration({ servers, rows: ROWS, table: 'missing' });
    expect(await migration.run(['backfill', '--create-table'])).toMatchObject({ code: 0 });
    const { client, name } = migration.table;
    await client.send(new DeleteTableCommand({ TableName: name }));
    await waitUntilTableNotExists({ client, maxWaitTime: 20, minDelay: 0.05, maxDelay: 0.5 }, { TableName: name });
    const refusal = {
      code: 'E_STATE_CHANGED',
      exit: 6,
      fact: /target\.identity/,
      next: /--restart --shard s01/,
    } as const;
    expectRefusal(await migration.run(['backfill', '--create-table']), refusal);
    expectRefusal(await migration.run(['verify']), refusal);
    expect(await migration.items()).toEqual([]);
    expect(await migration.run(['backfill', '--restart'])).toMatchObject({ code: 0 });
    expect(await migration.items()).toHaveLength(ITEMS);
  });
});

describe.each(serverPairs)('a resume on $name', { timeout: 120_000 }, (servers) => {
  it('a resume of an altered source table is refused with the difference until --restart', async () => {
    await using migration = await halfDone(servers);
    await migration.databases[0]?.query(
      'ALTER TABLE messages ADD COLUMN campaign VARCHAR(20) NULL, MODIFY num_media SMALLINT',
    );
    await refusedUntilRestarted(migration, {
      code: 'E_STATE_CHANGED',
      exit: 6,
      fact: /columns\.campaign: \(absent\) → (.|\n)*columns\.num_media\.columnType: tinyint.* → smallint/,
      next: /--restart --shard s01/,
    });
    expect(await migration.items()).toHaveLength(ITEMS);
  });
});
