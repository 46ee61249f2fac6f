/** Starts the demo's servers, two MySQL servers and one DynamoDB, each of the first kind that this machine can run. */
import { access } from 'node:fs/promises';
import { dynamodbKinds, mysqlKinds } from '../servers/kinds.js';
import { cacheFolder } from '../servers/cache.js';
import type { DynamodbServer, MysqlServer, Running, ServerKind } from '../servers/server.js';
import type { Cleanup } from './cleanup.js';

export interface DemoServers {
  /** One a shard; the same one twice where the environment names a single one. */
  readonly shards: readonly [MysqlServer, MysqlServer];
  readonly target: DynamodbServer;
}

/** Returns the folder of downloads where it does not exist yet, else null. */
export async function freshCache(): Promise<string | null> {
  const folder = cacheFolder();
  return await access(folder).then(
    () => null,
    () => folder,
  );
}

/** @throws Error that names every kind with the reason why it cannot be had */
export async function startServers(cleanup: Cleanup): Promise<DemoServers> {
  const running: Running<unknown>[] = [];
  cleanup.add(async () => {
    await Promise.all(running.map((server) => server.close()));
  });
  const start = async <Server>(kind: ServerKind<Server>): Promise<Server> => {
    const server = await kind.start();
    running.push(server);
    return server;
  };
  const [shards, target] = await Promise.all([
    shardKinds().then(async ([first, second]) => {
      const one = start(first);
      return await Promise.all([one, second === null ? one : start(second)]);
    }),
    firstAvailable(dynamodbKinds(), 'DynamoDB').then(start),
  ]);
  return { shards, target };
}

/** Returns a kind of server for each shard. Null: the second shard is on the server of the first. */
async function shardKinds(): Promise<readonly [ServerKind<MysqlServer>, ServerKind<MysqlServer> | null]> {
  const kinds = mysqlKinds();
  if ((process.env['DYNAFERRY_TEST_MYSQL'] ?? '') === '') {
    const kind = await firstAvailable(kinds, 'MySQL');
    return [kind, kind];
  }
  const [, other] = kinds;
  return [
    await firstAvailable(kinds.slice(0, 1), 'MySQL'),
    other === undefined ? null : await firstAvailable([other], 'MySQL'),
  ];
}

async function firstAvailable<Server>(kinds: readonly ServerKind<Server>[], sort: string): Promise<ServerKind<Server>> {
  const reasons: string[] = [];
  for (const kind of kinds) {
    const available = await kind.available();
    if (available === true) return kind;
    reasons.push(`\n  ${kind.name}: ${available}`);
  }
  throw new Error(`no ${sort} server can be had here; see bin/demo --help${reasons.join('')}`);
}
