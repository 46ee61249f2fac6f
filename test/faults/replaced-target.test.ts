/**
 * A target table that is deleted and made again under its name while a run goes on, between two requests, so that no
 * request ever fails: no run may say "done" or "verified" of it, and no resume may believe what was recorded of the
 * first table.
 */
import {
  CreateTableCommand,
  DeleteTableCommand,
  DescribeTableCommand,
  waitUntilTableNotExists,
} from '@aws-sdk/client-dynamodb';
import { BatchWriteItemCommand, type WriteRequest } from '@aws-sdk/client-dynamodb';
import { describe, expect, test } from 'vitest';
import { type Fate, type FaultPlan, type FaultProxy, startFaultProxy } from '../support/fault-proxy.js';
import { createMigration, dynamodbPairs, type Migration, onePair } from '../support/migration.js';

const ROWS = 300;
const PASS: Fate = { kind: 'pass' };
/** Requests of a run: 24 batches of 25 items, or some of up to 100 keys. */
const WRITES_BEFORE = 12;
const READS_BEFORE = 3;
const WITHIN_SECONDS = 20;
const BATCH = 25;

type Items = Awaited<ReturnType<Migration['items']>>;

function behind(proxy: FaultProxy): { readonly env: Record<string, string> } {
  return { env: { AWS_ENDPOINT_URL_DYNAMODB: proxy.endpoint } };
}

/** One request after the other: nothing else is under way when the table goes. */
const oneAtOnce = ({ target }: { target: Record<string, unknown> }): void => {
  target['maxInFlightRequests'] = 1;
};

/** Deletes the table, makes it again, and puts these items into the new one. */
async function replaceTable({ table: { client, name } }: Migration, items: Items): Promise<void> {
  const { Table } = await client.send(new DescribeTableCommand({ TableName: name }));
  await client.send(new DeleteTableCommand({ TableName: name }));
  const patience = { client, maxWaitTime: WITHIN_SECONDS, minDelay: 0.05, maxDelay: 0.5 };
  await waitUntilTableNotExists(patience, { TableName: name });
  const { AttributeDefinitions, KeySchema } = Table ?? {};
  await client.send(
    new CreateTableCommand({ TableName: name, BillingMode: 'PAY_PER_REQUEST', AttributeDefinitions, KeySchema }),
  );
  await expect
    .poll(async () => (await client.send(new DescribeTableCommand({ TableName: name }))).Table?.TableStatus)
    .toBe('ACTIVE');
  for (let from = 0; from < items.length; from += BATCH) {
    const requests: WriteRequest[] = items.slice(from, from + BATCH).map((Item) => ({ PutRequest: { Item } }));
    await client.send(new BatchWriteItemCommand({ RequestItems: { [name]: requests } }));
  }
}

/** From that request of one operation on, all wait until the table is another one. */
function replacingAt(ordinal: number, operation: string, replace: () => Promise<void>): FaultPlan {
  let replaced: Promise<void> | null = null;
  let seen = 0;
  return (request) => {
    if (request.operation !== operation || seen++ < ordinal) return PASS;
    replaced ??= replace();
    return { kind: 'after', done: replaced };
  };
}

describe.each(onePair)(
  'a table that is made again between two shards of a run, $name',
  { timeout: 120_000 },
  (servers) => {
    test('the second shard of a run does not start on a target table that replaced the first one', async () => {
      let migration: Migration | null = null;
      let writes = 0;
      let looks = 0;
      let replaced: Promise<void> | null = null;
      // All of the first shard is written and confirmed: the next look is the second shard's.
      const control: FaultPlan = ({ operation }) => {
        if (operation !== 'DescribeTable' || writes < (2 * ROWS) / BATCH || ++looks < 2 || migration === null)
          return PASS;
        replaced ??= replaceTable(migration, []);
        return { kind: 'after', done: replaced };
      };
      const count: FaultPlan = () => (writes++, PASS);
      await using proxy = await startFaultProxy(servers.dynamodb.endpoint, count, undefined, { control });
      await using made = await createMigration({ servers, rows: ROWS, shards: 2, config: oneAtOnce });
      migration = made;
      const run = await made.run(['backfill', '--all', '--jobs', '1'], behind(proxy));
      expect(run.code, run.stdout + run.stderr).toBe(5);
      expect(run.stdout).toMatch(/^s01 {2}done/m);
      expect(run.stderr).toMatch(/error s02 E_TARGET_GONE: table \S+ is not the table that this run started with/);
      expect(await made.items()).toEqual([]);
    });
  },
);

describe.each(dynamodbPairs)(
  'a table that is deleted and made again in mid-run, $name',
  { timeout: 120_000 },
  (servers) => {
    test('a backfill whose target table is replaced in mid-run does not report "done", and a resume refuses its state', async () => {
      let migration: Migration | null = null;
      await using proxy = await startFaultProxy(
        servers.dynamodb.endpoint,
        replacingAt(WRITES_BEFORE, 'BatchWriteItem', async () => {
          if (migration !== null) await replaceTable(migration, []);
        }),
      );
      await using made = await createMigration({ servers, rows: ROWS, config: oneAtOnce });
      migration = made;
      const run = await made.run(['backfill'], behind(proxy));
      const held = await made.items();
      expect(held.length).toBeGreaterThan(0);
      expect(held.length).toBeLessThan(2 * ROWS);
      expect(run.code, run.stdout + run.stderr).toBe(5);
      expect(run.stderr).toMatch(/error s01 E_TARGET_GONE: table \S+ is not the table that this run started with/);
      expect(run.stderr).toMatch(/backfill --restart/);

      const again = await made.run(['backfill'], behind(proxy));
      expect([again.code, again.stderr]).toEqual([6, expect.stringMatching(/E_STATE_CHANGED[^]*target\.identity/)]);
      // What the run wrote before it noticed lies in a table that no state knows.
      const refused = await made.run(['backfill', '--restart'], behind(proxy));
      expect([refused.code, refused.stderr]).toEqual([3, expect.stringMatching(/E_TARGET_NOT_EMPTY/)]);
      const restart = ['backfill', '--restart', '--into-existing'];
      expect(await made.run(restart, behind(proxy))).toMatchObject({ code: 0 });
      expect(await made.items()).toHaveLength(2 * ROWS);
    });

    test('a verification whose target table is replaced in mid-run proves nothing, though all that it read was equal', async () => {
      let migration: Migration | null = null;
      const proxies: FaultProxy[] = [];
      const replace = async (): Promise<void> => {
        if (migration === null) throw new Error('no migration yet');
        // What was compared by now is left out: of the new table, only what equals will ever be read.
        const read = new Set(
          proxies
            .flatMap(({ requests }) => requests.slice(0, -1))
            .flatMap(({ operation, entries }) => (operation === 'BatchGetItem' ? entries : [])),
        );
        const left = (await migration.items()).filter(({ pk, sk }) => !read.has(JSON.stringify({ pk, sk })));
        expect(left.length).toBeLessThan(2 * ROWS);
        await replaceTable(migration, left);
      };
      await using proxy = await startFaultProxy(
        servers.dynamodb.endpoint,
        replacingAt(READS_BEFORE, 'BatchGetItem', replace),
      );
      proxies.push(proxy);
      await using made = await createMigration({ servers, rows: ROWS, config: oneAtOnce });
      migration = made;
      expect(await made.run(['backfill'], behind(proxy))).toMatchObject({ code: 0 });
      const run = await made.run(['verify'], behind(proxy));
      expect((await made.items()).length).toBeLessThan(2 * ROWS);
      expect(run.code, run.stdout + run.stderr).toBe(5);
      expect(run.stderr).toMatch(/error s01 E_TARGET_GONE: table \S+ is not the table that this run started with/);
      expect(run.stdout).not.toMatch(/equal|verified/);
      expect((await made.run(['verify'], behind(proxy))).stderr).toMatch(/E_STATE_CHANGED[^]*target\.identity/);
    });
  },
);
