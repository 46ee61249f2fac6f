/**
 * Servers of one job, started once for all of its mutants. What a test run that was cut short may leave behind is
 * removed after it: databases, tables, global variables, a server that no longer answers.
 */
import { DeleteTableCommand, DynamoDBClient, paginateListTables } from '@aws-sdk/client-dynamodb';
import { writeFile } from 'node:fs/promises';
import { createConnection, type Connection, type RowDataPacket } from 'mysql2/promise';
import { dynamodbKinds, mysqlKinds } from '../support/servers/kinds.js';
import type { DynamodbServer, MysqlServer, Running, ServerKind } from '../support/servers/server.js';

/** Variables that tell of the server's work, not of how it is set. */
const MOVING = /gtid|timestamp|binlog_pos|rand_seed|insert_id|identity|warning_count|error_count|in_transaction/i;
const ANSWERS_WITHIN_MS = 10_000;

// The AWS SDK would print at every start that Node 20 is old.
process.env['AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED'] = 'true';

type Variables = ReadonlyMap<string, string>;

interface ServersHere {
  readonly mysql: readonly ServerKind<MysqlServer>[];
  readonly dynamodb: readonly ServerKind<DynamodbServer>[];
}

let here: Promise<ServersHere> | null = null;

/** The kinds that can be had here, the ones to try first in front; looked for once, since some must be fetched. */
export function serversHere(): Promise<ServersHere> {
  here ??= (async () => ({
    mysql: await availableOf(mysqlKinds()),
    // Last of those of the environment's or of ours is the one that needs no virtual machine.
    dynamodb: (await availableOf(dynamodbKinds())).toReversed(),
  }))();
  return here;
}

async function availableOf<Server>(kinds: readonly ServerKind<Server>[]): Promise<readonly ServerKind<Server>[]> {
  const available = await Promise.all(kinds.map(async (kind) => (await kind.available()) === true));
  return kinds.filter((_, i) => available[i]);
}

export class JobServers {
  #mysql: { server: Running<MysqlServer>; variables: Variables }[] = [];
  #dynamodb: Running<DynamodbServer>[] = [];

  private constructor(
    readonly file: string,
    private readonly kinds: ServersHere,
    private readonly besides: JobServers | null,
  ) {}

  /**
   * @param file for DYNAFERRY_TEST_RUNNING, written here
   * @param besides servers that stand in the file for a sort of which there is no kind
   */
  static async start(
    file: string,
    mysql: ServersHere['mysql'],
    dynamodb: ServersHere['dynamodb'],
    besides: JobServers | null,
  ): Promise<JobServers> {
    const servers = new JobServers(file, { mysql, dynamodb }, besides);
    await servers.#startAll();
    return servers;
  }

  /** After a run that failed. Servers that no longer are what they were are started again, elsewhere. */
  async tidy(): Promise<'as it was' | 'restarted'> {
    try {
      await Promise.all([...this.#mysql.map(tidyMysql), ...this.#dynamodb.map(tidyDynamodb)]);
      return 'as it was';
    } catch {
      await this.close();
      await this.#startAll();
      return 'restarted';
    }
  }

  async close(): Promise<void> {
    await Promise.all([...this.#mysql.map(({ server }) => server.close()), ...this.#dynamodb.map((it) => it.close())]);
    this.#mysql = [];
    this.#dynamodb = [];
  }

  async #startAll(): Promise<void> {
    const [mysql, dynamodb] = await Promise.all([
      Promise.all(this.kinds.mysql.map((kind) => kind.start())),
      Promise.all(this.kinds.dynamodb.map((kind) => kind.start())),
    ]);
    this.#dynamodb = dynamodb;
    this.#mysql = await Promise.all(
      mysql.map(async (server) => ({ server, variables: await withConnection(server, globalVariables) })),
    );
    const { mysql: mysqlBesides, dynamodb: dynamodbBesides } = this.besides?.running ?? { mysql: [], dynamodb: [] };
    await writeFile(
      this.file,
      JSON.stringify({
        mysql: (mysql.length > 0 ? mysql : mysqlBesides).map(withoutClose),
        dynamodb: (dynamodb.length > 0 ? dynamodb : dynamodbBesides).map(withoutClose),
      }),
    );
  }

  private get running(): {
    readonly mysql: readonly Running<MysqlServer>[];
    readonly dynamodb: readonly Running<DynamodbServer>[];
  } {
    return { mysql: this.#mysql.map(({ server }) => server), dynamodb: this.#dynamodb };
  }
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
