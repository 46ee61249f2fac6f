/**
 * The demo's shards: a database of the message log on each server, and a user with no more rights than a migration
 * needs.
 */
import { randomBytes } from 'node:crypto';
import { createConnection, type Connection, type RowDataPacket } from 'mysql2/promise';
import { largestAccount, seedShard } from '../../../fixtures/postflight/generate.js';
import type { MysqlServer } from '../servers/server.js';
import type { Cleanup } from './cleanup.js';

/** The accounts that fixtures/postflight/dynaferry.yaml spreads are those of this seed. */
const SEED = 1;

export interface DemoShard {
  readonly id: 's01' | 's02';
  readonly server: MysqlServer;
  readonly database: string;
}

export interface DemoSource {
  readonly shards: readonly [DemoShard, DemoShard];
  readonly user: string;
  readonly password: string;
  /** Rows in all. */
  readonly rows: number;
  /** Two delivered messages of the first shard, of accounts that are not spread. */
  pickSids(): Promise<readonly [string, string]>;
}

export interface SourceOptions {
  /** A shard. */
  readonly rows: number;
  readonly now: Date;
  readonly stop: AbortSignal;
}

/**
 * Makes databases, user and rows; all of it is gone after the clean-up, servers that the environment named included.
 */
export async function seedSource(
  servers: readonly [MysqlServer, MysqlServer],
  options: SourceOptions,
  cleanup: Cleanup,
): Promise<DemoSource> {
  // No underscore: GRANT takes it for a wildcard.
  const name = `ferrydemo${randomBytes(3).toString('hex')}`;
  const password = randomBytes(9).toString('hex');
  const shards = [
    { id: 's01', server: servers[0], database: `${name}s01` },
    { id: 's02', server: servers[1], database: `${name}s02` },
  ] as const;
  const connections = new Map<DemoShard, Connection>();
  // One after the other: both may be on one server, where the user is made twice.
  for (const shard of shards) connections.set(shard, await openShard(shard, name, password, cleanup));
  const counts = await Promise.all(shards.map((shard, index) => fill(connectionOf(shard), index, options)));
  return {
    shards,
    user: name,
    password,
    rows: counts.reduce((sum, count) => sum + count, 0),
    async pickSids() {
      const [rows] = await connectionOf(shards[0]).query<RowDataPacket[]>(
        "SELECT sid FROM messages WHERE account_sid <> ? AND status = 'delivered' ORDER BY sid LIMIT 2",
        [largestAccount({ seed: SEED, shard: 0 })],
      );
      const [first, second] = rows;
      return [String(first?.['sid']), String(second?.['sid'])];
    },
  };

  function connectionOf(shard: DemoShard): Connection {
    const connection = connections.get(shard);
    if (connection === undefined) throw new Error(`shard ${shard.id} is not open`);
    return connection;
  }
}

/** The clean-up goes over the same connection, so it comes behind whatever was asked for before. */
async function openShard(shard: DemoShard, user: string, password: string, cleanup: Cleanup): Promise<Connection> {
  const { server, database } = shard;
  const { host, port } = server;
  const connection = await createConnection({ host, port, user: server.user, password: server.password });
  // Where this machine comes from in the server's eyes: an anonymous user of that host would go before one of any host.
  const [[seen]] = await connection.query<RowDataPacket[]>("SELECT SUBSTRING_INDEX(USER(), '@', -1) AS host");
  const account = `'${user}'@'${String(seen?.['host'])}'`;
  cleanup.add(async () => {
    await connection.query(`DROP DATABASE IF EXISTS ${database}`);
    // Of two shards on one server, the first to go has taken it along.
    await connection.query(`DROP USER ${account}`).catch(() => undefined);
    await connection.end();
  });
  const [users] = await connection.query<RowDataPacket[]>('SELECT 1 FROM mysql.user WHERE user = ?', [user]);
  if (users.length === 0) await connection.query(`CREATE USER ${account} IDENTIFIED BY '${password}'`);
  await connection.query(`CREATE DATABASE ${database} CHARACTER SET utf8mb4`);
  await connection.query(`GRANT REPLICATION CLIENT ON *.* TO ${account}`);
  await connection.query(`GRANT SELECT ON ${database}.* TO ${account}`);
  await connection.query(`USE ${database}`);
  return connection;
}

async function fill(connection: Connection, shard: number, { rows, now, stop }: SourceOptions): Promise<number> {
  // Seeding knows no signal: it ends at the first statement after one.
  const stoppable = {
    query: ((...args: Parameters<Connection['query']>) => {
      stop.throwIfAborted();
      return connection.query(...args);
    }) as Connection['query'],
  };
  return await seedShard(stoppable, { seed: SEED, shard, shards: 2, count: rows, now });
}
