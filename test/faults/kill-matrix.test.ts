/**
 * SIGKILL at any moment loses nothing: processes are killed at occurrences of every event (`kill-places.ts`), resumed,
 * and killed again, until the target holds what an undisturbed run puts there, item for item. After each kill, what the
 * state calls done is never written again. `DYNAFERRY_TEST_KILLS` sets the kills at each event and command (1),
 * `DYNAFERRY_TEST_SEED` victims and occurrences.
 */
import { DeleteItemCommand, PutItemCommand } from '@aws-sdk/client-dynamodb';
import { createConnection } from 'mysql2/promise';
import { describe, expect, it } from 'vitest';
import type { EventName } from '../../src/core/events.js';
import { committedRows, sidOf, type RowKey } from '../support/committed-rows.js';
import { createTable, type Item } from '../support/dynamodb.js';
import { seededRandom, startFaultProxy, type FaultPlan, type FaultProxy } from '../support/fault-proxy.js';
import { killAt, type KillOrder } from '../support/killing.js';
import { letLateWriteWindowPass } from '../support/late-writes.js';
import { createMigration, inKeyOrder, KEYS, serverPairs, type Migration } from '../support/migration.js';
import { chosenKills, PLACES, type Command, type Kill } from './kill-places.js';

const ROWS = 240;
/** Three steps of a retry. */
const BAD_ROWS = 24;
const SEED = Number(process.env['DYNAFERRY_TEST_SEED'] ?? Math.floor(Math.random() * 1e6));
const EACH = Number(process.env['DYNAFERRY_TEST_KILLS'] ?? 1);
const KILLS = chosenKills(seededRandom(SEED), EACH);
const SLEEPERS = 8;
const MOST_TRIES = 4;

const COMMANDS: Readonly<Record<Command, readonly string[]>> = {
  backfill: ['backfill', '--max-bad-rows', String(BAD_ROWS)],
  verify: ['verify'],
  retry: ['backfill', '--retry-bad', '--max-bad-rows', String(BAD_ROWS)],
};
/** After these there may be nothing left to kill. */
const LAST_WORDS: readonly EventName[] = ['shard.finished', 'shard.progress', 'segment.completed'];

/** Slow enough for kills to fall between events, and with something to ride out in every run. */
const plan: FaultPlan = ({ operation, ordinal }) => {
  if (operation === 'BatchGetItem') return { kind: 'late', ms: 10 };
  if (ordinal % 4 === 1) return { kind: 'unprocessed', share: 0.3 };
  return ordinal % 8 === 4 ? { kind: 'throttle' } : { kind: 'late', ms: 25 };
};

/** One migration, killed again and again. */
class Matrix {
  /** Rows that the state called done after the last kill. */
  #done: ReadonlySet<string> = new Set();
  #finished = true;

  constructor(
    readonly migration: Migration,
    readonly proxy: FaultProxy,
    readonly keys: readonly RowKey[],
  ) {}

  async kill(kill: Kill): Promise<void> {
    for (let tries = 1; ; tries++) {
      // A worker that lost its supervisor ends its step: of a few bad rows, none may be left.
      if (kill.command === 'retry' && this.#done.size === ROWS) return;
      // What came to its end is begun again: of a backfill, with a state of its own.
      const anew = kill.command === 'backfill' && (this.#finished || tries > 1);
      if (anew) this.#done = new Set();
      const hit = await this.#run(kill, anew);
      if (hit || LAST_WORDS.includes(kill.event)) return;
      expect(tries, `${kill.event} (${kill.occurrence}) never came`).toBeLessThan(MOST_TRIES);
    }
  }

  async #run(kill: Kill, anew: boolean): Promise<boolean> {
    const { migration, proxy } = this;
    const from = proxy.requests.length;
    await using sleepers =
      kill.event === 'source.paused' || kill.event === 'source.resumed' ? await busyServer(migration) : null;
    const args = [...COMMANDS[kill.command], ...(anew ? ['--restart'] : []), '--all-events'];
    await using cli = await migration.spawn(args, {
      env: { AWS_ENDPOINT_URL_DYNAMODB: proxy.endpoint },
      graceMs: 30_000,
    });
    const provoke: Record<string, KillOrder['provoke']> = {
      'run.stopping': { 'watermark.advanced': () => cli.kill('SIGINT') },
      'source.resumed': { 'source.paused': () => void sleepers?.wake() },
      'source.retried': { 'chunk.read': () => void cutConnections(migration) },
    };
    const { hit, result } = await killAt(cli, { ...kill, provoke: provoke[kill.event] ?? {} });
    if (hit && kill.victim !== 'worker' && !LAST_WORDS.includes(kill.event)) expect(result.signal).toBe('SIGKILL');
    if (kill.command === 'verify') return hit;

    const written = proxy.requests
      .slice(from)
      .flatMap(({ operation, entries }) => (operation === 'BatchWriteItem' ? entries : []));
    const again = [...new Set(written.map(sidOf))].filter((sid) => this.#done.has(sid));
    expect(again, `rows of committed chunks were written again after ${JSON.stringify(kill)}`).toEqual([]);
    this.#done = committedRows(migration.stateFolder, this.keys);
    this.#finished = this.#done.size >= ROWS - BAD_ROWS;
    return hit;
  }
}

interface Sleepers extends AsyncDisposable {
  wake(): Promise<void>;
}

/** Threads that run: more than the config allows. */
async function busyServer({ databases: [database] }: Migration): Promise<Sleepers> {
  if (database === undefined) throw new Error('a migration has a database');
  const { host, port, user, password } = database.server;
  const asleep = await Promise.all(
    Array.from({ length: SLEEPERS }, async () => await createConnection({ host, port, user, password })),
  );
  const queries = asleep.map((connection) => connection.query('SELECT SLEEP(60)').catch(() => undefined));
  const wake = async (): Promise<void> => {
    for (const { threadId } of asleep) await database.query(`KILL QUERY ${threadId}`).catch(() => undefined);
  };
  return {
    wake,
    async [Symbol.asyncDispose]() {
      await wake();
      await Promise.all(queries);
      for (const connection of asleep) connection.destroy();
    },
  };
}

/** Those of dynaferry. */
async function cutConnections({ databases: [database] }: Migration): Promise<void> {
  const found = await database?.query(
    `SELECT id AS id FROM information_schema.processlist WHERE db = '${database.name}' AND id <> CONNECTION_ID()`,
  );
  for (const { id } of (found ?? []) as { id: number }[]) await database?.query(`KILL ${id}`).catch(() => undefined);
}

const sidOfItem = (item: Item): string => sidOf(JSON.stringify({ PutRequest: { Item: item } }));

describe('the matrix of kills', () => {
  it('the kill matrix has a place for every event, or says why it has none', () => {
    for (const [event, places] of Object.entries(PLACES)) {
      if (typeof places === 'string') expect(places.length, event).toBeGreaterThan(20);
      else expect(KILLS.filter((kill) => kill.event === event)).toHaveLength(places.length * EACH);
    }
  });
});

describe.each(serverPairs.map((servers, index) => ({ ...servers, servers, index })))(
  'runs from $name',
  { timeout: 240_000 * EACH },
  ({ servers, index }) => {
    // Every server has its share of the kills; the commands come in their order.
    const kills = KILLS.filter((_, number) => number % serverPairs.length === index);

    it(`a backfill that is killed ${kills.length} times leaves the same items as an undisturbed one (seed ${SEED})`, async () => {
      await using migration = await createMigration({ servers, rows: ROWS });
      await using undisturbed = await createTable(servers.dynamodb, KEYS);
      const { table, stateFolder } = migration;
      const [database] = migration.databases;
      const query = async (sql: string): Promise<unknown> => await database?.query(sql);
      const keys = (await query('SELECT account_sid, sid FROM messages')) as RowKey[];
      const bad = keys.filter((_, row) => row % (ROWS / BAD_ROWS) === 0).map(({ sid }) => sid);
      const media = (value: string): Promise<unknown> =>
        query(`UPDATE messages SET media = ${value}, updated_at = updated_at WHERE sid IN ('${bad.join("','")}')`);
      await media('NULL');

      migration.configure((config) => {
        config.target['table'] = undisturbed.name;
        config.state = `${stateFolder}-undisturbed`;
        const [shard] = config.source.shards;
        // No replica, so it cannot be watched.
        Object.assign(shard ?? {}, { replicas: [{ host: shard?.['host'], port: shard?.['port'] }] });
        Object.assign(config.source.limits, { chunkRows: 20, maxThreadsRunning: SLEEPERS - 2 });
        config.target['maxInFlightRequests'] = 4;
      });
      expect(await migration.run(['backfill'])).toMatchObject({ code: 0 });
      const expected = inKeyOrder(await undisturbed.items());
      expect(expected).toHaveLength(2 * ROWS);
      migration.configure((config) => {
        config.target['table'] = table.name;
        config.state = stateFolder;
      });

      await media("'not JSON'");

      await using proxy = await startFaultProxy(servers.dynamodb.endpoint, plan);
      const matrix = new Matrix(migration, proxy, keys);
      const killAll = async (command: Command): Promise<void> => {
        for (const kill of kills.filter((each) => each.command === command)) await matrix.kill(kill);
      };
      const through = { env: { AWS_ENDPOINT_URL_DYNAMODB: proxy.endpoint } };

      await killAll('backfill');
      expect(await migration.run(COMMANDS.backfill, through)).toMatchObject({ code: 1 });
      const good = expected.filter((item) => !bad.includes(sidOfItem(item)));
      expect(await migration.items()).toEqual(good);

      const [first, second] = good;
      for (const item of [first, second]) {
        const Key = { pk: item?.['pk'] ?? { S: '' }, sk: item?.['sk'] ?? { S: '' } };
        await table.client.send(new DeleteItemCommand({ TableName: table.name, Key }));
      }
      await killAll('verify');
      const verify = await migration.run(['verify', '--json'], through);
      expect(JSON.parse(verify.stdout)).toMatchObject({ shards: [{ missing: 2, differing: 0, badRows: BAD_ROWS }] });
      for (const Item of [first, second]) {
        if (Item !== undefined) await table.client.send(new PutItemCommand({ TableName: table.name, Item }));
      }

      await media('NULL');
      await killAll('retry');
      expect(await migration.run(COMMANDS.retry, through)).toMatchObject({ code: 0 });
      expect(await migration.items()).toEqual(expected);
      letLateWriteWindowPass(stateFolder, ['s01']);
      expect(await migration.run(['verify'], through)).toMatchObject({ code: 0 });
    });
  },
);
