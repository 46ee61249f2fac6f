/**
 * Sets up a whole migration for one test: shards with rows, a target table, a dynaferry.yaml, and the real command
 * line to run on them. After disposal, databases, table, state and every process are gone.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DeleteTableCommand, waitUntilTableNotExists } from '@aws-sdk/client-dynamodb';
import { createConnection } from 'mysql2/promise';
import { parse, stringify } from 'yaml';
import { seedShard } from '../../fixtures/postflight/generate.js';
import { runCli, spawnCli, type CliOptions, type CliResult, type RunningCli } from './cli.js';
import {
  createTable,
  dynamodbServers,
  TEST_AWS_ENVIRONMENT,
  type DynamodbServer,
  type TableKeys,
  type TestTable,
} from './dynamodb.js';
import { createDatabase, mysqlServers, type MysqlServer, type TestDatabase } from './mysql.js';
import { temporaryFolder, type TemporaryFolder } from './temporary.js';

export interface Servers {
  /** For test titles. */
  readonly name: string;
  readonly mysql: MysqlServer;
  readonly dynamodb: DynamodbServer;
}

/** Every MySQL with every DynamoDB. */
export const serverCombinations: readonly Servers[] = mysqlServers.flatMap((mysql) =>
  dynamodbServers.map((dynamodb) => combined(mysql, dynamodb)),
);

/**
 * Each server at least once, for tests that would take too long in every combination. Empty where one sort is lacking.
 */
export const serverPairs: readonly Servers[] =
  serverCombinations.length === 0
    ? []
    : Array.from({ length: Math.max(mysqlServers.length, dynamodbServers.length) }, (_, index) =>
        combined(nth(mysqlServers, index), nth(dynamodbServers, index)),
      );

/** Each DynamoDB once, for what does not depend on the MySQL server. */
export const dynamodbPairs: readonly Servers[] = serverPairs.slice(0, dynamodbServers.length);

/** Any one pair, for what does not depend on the servers: `describe.each(onePair)`. */
export const onePair: readonly Servers[] = dynamodbPairs.slice(-1);

function combined(mysql: MysqlServer, dynamodb: DynamodbServer): Servers {
  return { name: `${mysql.name} to ${dynamodb.name}`, mysql, dynamodb };
}

/** The last one where there are not so many. */
function nth<T>(list: readonly T[], index: number): T {
  const found = list[Math.min(index, list.length - 1)];
  if (found === undefined) throw new RangeError('an empty list has no elements');
  return found;
}

/** dynaferry.yaml as a test may alter it; what a test does not touch stays as loosely typed as YAML is. */
export interface ConfigDocument {
  state: string;
  source: {
    shards: Record<string, unknown>[];
    table?: Record<string, unknown>;
    limits: Record<string, number>;
    [key: string]: unknown;
  };
  target: Record<string, unknown>;
  mapping: Record<string, unknown>;
  [key: string]: unknown;
}

export interface MigrationOptions {
  readonly servers: Servers;
  /** Databases, called s01, s02 and so on; 1 unless given. */
  readonly shards?: number;
  /**
   * Postflight rows in each shard, always the same ones on the same day; or SQL that makes a shard (from 0) of the
   * test's own.
   */
  readonly rows: number | ((shard: number) => readonly string[]);
  /** Keys of the target table, `pk` and `sk` of type S unless given; `missing`: there is no such table yet. */
  readonly table?: TableKeys | 'missing';
  /** Alters the config: the postflight mapping, small chunks, a budget that no emulator reaches. */
  readonly config?: (config: ConfigDocument) => void;
}

export interface Migration extends AsyncDisposable {
  /** Where dynaferry.yaml lies and dynaferry runs. */
  readonly folder: string;
  readonly stateFolder: string;
  /** What the config and AWS need in the environment. */
  readonly env: Readonly<Record<string, string>>;
  /** By index: `s01` is 0. */
  readonly databases: readonly TestDatabase[];
  /** The target; with `missing`, its name and client alone are of use until dynaferry has made it. */
  readonly table: TestTable;
  /** Rewrites dynaferry.yaml; alterations add up. */
  configure(alter: (config: ConfigDocument) => void): void;
  /**
   * Runs the command line to its end in `folder`. `env` comes on top of what the config and AWS need. A `--restart` is
   * confirmed with `--yes`, since no test has a terminal; `confirm: false` leaves the words as they are.
   */
  run(
    args: readonly string[],
    options?: Pick<CliOptions, 'env' | 'program'> & { readonly timeoutMs?: number; readonly confirm?: boolean },
  ): Promise<CliResult>;
  /** Starts the command line, with the words that `run` would give it. */
  spawn(args: readonly string[], options?: Pick<CliOptions, 'env' | 'graceMs' | 'program'>): Promise<RunningCli>;
  /** The target's items as the plain SDK reads them, in the order of `pk` and `sk`. */
  items(): Promise<Awaited<ReturnType<TestTable['items']>>>;
}

export const KEYS: TableKeys = { partitionKey: { name: 'pk', type: 'S' }, sortKey: { name: 'sk', type: 'S' } };
/** Small enough for several chunks and commits in a test of a thousand rows. */
const SMALL_CHUNKS = { chunkRows: 100, rangesPerTable: 4, scansPerServer: 2 };
const BEYOND_ANY_EMULATOR = 100_000;
const TABLE_GONE_WITHIN_SECONDS = 20;

/** `await using migration = await createMigration({ servers, rows: 1_000 })` */
export async function createMigration(options: MigrationOptions): Promise<Migration> {
  const held: AsyncDisposable[] = [];
  const hold = <T extends AsyncDisposable>(made: T): T => {
    held.push(made);
    return made;
  };
  try {
    const folder = hold(await temporaryFolder());
    const databases: TestDatabase[] = [];
    for (let shard = 0; shard < (options.shards ?? 1); shard++) {
      const database = hold(await createDatabase(options.servers.mysql));
      databases.push(database);
      await fill(database, shard, options);
    }
    const table = hold(await targetTable(options));
    return { ...commandLine(folder, databases, table, options), [Symbol.asyncDispose]: () => disposeAll(held) };
  } catch (error) {
    await disposeAll(held);
    throw error;
  }
}

/** Disposes of all in reverse order, whether or not one throws. @throws what the first of them threw */
async function disposeAll(held: readonly AsyncDisposable[]): Promise<void> {
  const failures: unknown[] = [];
  for (const made of [...held].reverse()) {
    await Promise.resolve(made[Symbol.asyncDispose]()).catch((error: unknown) => failures.push(error));
  }
  if (failures.length > 0) throw failures[0];
}

function commandLine(
  folder: TemporaryFolder,
  databases: readonly TestDatabase[],
  table: TestTable,
  options: MigrationOptions,
): Omit<Migration, typeof Symbol.asyncDispose> {
  const config = firstConfig(folder, databases, table.name);
  const env = {
    ...TEST_AWS_ENVIRONMENT,
    AWS_ENDPOINT_URL_DYNAMODB: table.endpoint,
    MYSQL_PASSWORD: options.servers.mysql.password,
  };
  const configure = (alter: (config: ConfigDocument) => void): void => {
    alter(config);
    writeFileSync(join(folder.path, 'dynaferry.yaml'), stringify(config));
  };
  configure(options.config ?? (() => undefined));
  return {
    folder: folder.path,
    stateFolder: config.state,
    env,
    databases,
    table,
    configure,
    run: async (args, { env: extra, confirm = true, ...rest } = {}) =>
      await runCli(confirm ? confirmed(args) : args, { cwd: folder.path, env: { ...env, ...extra }, ...rest }),
    spawn: async (args, { env: extra, ...rest } = {}) =>
      await spawnCli(confirmed(args), { cwd: folder.path, env: { ...env, ...extra }, ...rest }),
    items: async () => inKeyOrder(await table.items()),
  };
}

function confirmed(args: readonly string[]): readonly string[] {
  return args.includes('--restart') && !args.includes('--yes') ? [...args, '--yes'] : args;
}

/** Items told apart by `pk` and `sk`, as both are of type S in most tests. */
export function inKeyOrder<T extends Record<string, { S?: string | undefined }>>(items: readonly T[]): T[] {
  const keyOf = (item: T): string => `${item['pk']?.S ?? ''}\n${item['sk']?.S ?? ''}`;
  return [...items].sort((a, b) => (keyOf(a) < keyOf(b) ? -1 : 1));
}

/** Postflight rows live for 400 days from their creation: as they are dated from today, none is over. */
function today(): Date {
  return new Date(new Date().toISOString().slice(0, 10));
}

async function fill(database: TestDatabase, shard: number, { rows, shards = 1 }: MigrationOptions): Promise<void> {
  if (typeof rows === 'function') {
    for (const statement of rows(shard)) await database.query(statement);
    return;
  }
  const { host, port, user, password, database: name } = database.shard();
  const connection = await createConnection({ host, port, user, password, database: name });
  try {
    await seedShard(connection, { seed: 1, shard, shards, count: rows, now: today() });
  } finally {
    await connection.end();
  }
}

async function targetTable({ servers, table = KEYS }: MigrationOptions): Promise<TestTable> {
  if (table !== 'missing') return await createTable(servers.dynamodb, table);
  // Made and deleted again: what is left is its name, and the clean-up of a table that dynaferry makes under it.
  const created = await createTable(servers.dynamodb, KEYS);
  await created.client.send(new DeleteTableCommand({ TableName: created.name }));
  const patience = { client: created.client, maxWaitTime: TABLE_GONE_WITHIN_SECONDS, minDelay: 0.05, maxDelay: 0.5 };
  await waitUntilTableNotExists(patience, { TableName: created.name });
  return created;
}

function firstConfig(folder: TemporaryFolder, databases: readonly TestDatabase[], table: string): ConfigDocument {
  const fixture = new URL('../../fixtures/postflight/dynaferry.yaml', import.meta.url);
  const { mapping } = parse(readFileSync(fixture, 'utf8')) as ConfigDocument;
  return {
    state: join(folder.path, 'state'),
    source: {
      shards: databases.map((database, index) => {
        const { host, port, user, database: name } = database.shard();
        const id = `s${String(index + 1).padStart(2, '0')}`;
        return { id, host, port, user, password: '${MYSQL_PASSWORD}', database: name };
      }),
      table: { name: 'messages', shardedBy: 'account_sid', globallyUnique: ['sid'] },
      limits: { ...SMALL_CHUNKS },
    },
    target: { table, writeCapacity: BEYOND_ANY_EMULATOR, readCapacity: BEYOND_ANY_EMULATOR },
    mapping,
  };
}
