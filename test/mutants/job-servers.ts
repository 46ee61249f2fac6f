/**
 * The servers of one job, started once for all of its mutants. What a test run that was cut short may leave behind is removed after it:
 * databases, tables, global variables, a server that no longer answers.
 */
import { DeleteTableCommand, DynamoDBClient, paginateListTables } from '@aws-sdk/client-dynamodb';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createConnection, type Connection, type RowDataPacket } from 'mysql2/promise';
import { dynamodbKinds, mysqlKinds } from '../support/servers/kinds.js';
import type { DynamodbServer, MysqlServer, Running, ServerKind } from '../support/servers/server.js';

/** Variables that tell of the server's work, not of how it is set. */
const MOVING = /gtid|timestamp|binlog_pos|rand_seed|insert_id|identity|warning_count|error_count|in_transaction/i;
const ANSWERS_WITHIN_MS = 10_000;

// The AWS SDK would print at every start that Node 20 is old.
process.env['AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED'] = 'true';

type Variables = ReadonlyMap<string, string>;

export class JobServers {
  #mysql: { server: Running<MysqlServer>; variables: Variables }[] = [];
  #dynamodb: Running<DynamodbServer>[] = [];

  private constructor(private readonly folder: string) {}

  static async start(folder: string): Promise<JobServers> {
    const servers = new JobServers(folder);
    await servers.#startAll();
    return servers;
  }

  /** For DYNAFERRY_TEST_RUNNING. */
  get file(): string {
    return join(this.folder, 'servers.json');
  }

  /** After a run that failed. Servers that no longer are what they were are started again. */
  async tidy(): Promise<void> {
    try {
      await Promise.all([...this.#mysql.map(tidyMysql), ...this.#dynamodb.map(tidyDynamodb)]);
    } catch {
      await this.close();
      await this.#startAll();
    }
  }

  async close(): Promise<void> {
    await Promise.all([...this.#mysql.map(({ server }) => server.close()), ...this.#dynamodb.map((it) => it.close())]);
    this.#mysql = [];
    this.#dynamodb = [];
  }

  async #startAll(): Promise<void> {
    const [mysql, dynamodb] = await Promise.all([startThose(mysqlKinds()), startThose(dynamodbKinds())]);
    this.#dynamodb = dynamodb;
    this.#mysql = await Promise.all(
      mysql.map(async (server) => ({ server, variables: await withConnection(server, globalVariables) })),
    );
    await writeFile(
      this.file,
      JSON.stringify({ mysql: mysql.map(withoutClose), dynamodb: dynamodb.map(withoutClose) }),
    );
  }
}

async function startThose<Server>(kinds: readonly ServerKind<Server>[]): Promise<Running<Server>[]> {
  const started = await Promise.all(
    kinds.map(async (kind) => ((await kind.available()) === true ? await kind.start() : null)),
  );
  return started.filter((server) => server !== null);
}

/** @throws Error where it does not answer, or is set otherwise than when it started */
async function tidyMysql({ server, variables }: { server: MysqlServer; variables: Variables }): Promise<void> {
  await withConnection(server, async (connection) => {
    const [databases] = await connection.query<RowDataPacket[]>("SHOW DATABASES LIKE 'ferry\\_%'");
    for (const row of databases) await connection.query(`DROP DATABASE ${String(Object.values(row)[0])}`);
    for (const [name, value] of await globalVariables(connection)) {
      if (variables.get(name) !== value) throw new Error(`${name} is set otherwise`);
    }
  });
}

async function tidyDynamodb({ endpoint }: DynamodbServer): Promise<void> {
  const client = new DynamoDBClient({
    endpoint,
    region: 'us-east-1',
    credentials: { accessKeyId: 'test', secretAccessKey: 'test' },
    maxAttempts: 1,
  });
  const abortSignal = AbortSignal.timeout(ANSWERS_WITHIN_MS);
  try {
    const pages = paginateListTables({ client }, {});
    const names: string[] = [];
    for await (const { TableNames } of pages) names.push(...(TableNames ?? []));
    for (const TableName of names) await client.send(new DeleteTableCommand({ TableName }), { abortSignal });
  } finally {
    client.destroy();
  }
}

async function withConnection<Result>(
  { host, port, user, password }: MysqlServer,
  use: (connection: Connection) => Promise<Result>,
): Promise<Result> {
  const connection = await createConnection({ host, port, user, password, connectTimeout: ANSWERS_WITHIN_MS });
  try {
    await connection.query('SET SESSION lock_wait_timeout = 5');
    return await use(connection);
  } finally {
    connection.destroy();
  }
}

async function globalVariables(connection: Connection): Promise<Variables> {
  const [rows] = await connection.query<RowDataPacket[]>('SHOW GLOBAL VARIABLES');
  return new Map(
    rows
      .map((row) => [String(row['Variable_name']), String(row['Value'])] as const)
      .filter(([name]) => !MOVING.test(name)),
  );
}

function withoutClose<Server>({ close: _, ...server }: Running<Server>): Omit<Running<Server>, 'close'> {
  return server;
}
