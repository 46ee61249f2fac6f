/** The demo's servers: the first kind of each sort that can be had here, two MySQL servers of it and one DynamoDB. */
import { access } from 'node:fs/promises';
import { dynamodbKinds, mysqlKinds } from '../servers/kinds.js';
import { cacheFolder } from '../servers/download.js';
import type { DynamodbServer, MysqlServer, Running, ServerKind } from '../servers/server.js';
import type { Cleanup } from './cleanup.js';

export interface DemoServers {
  /** One a shard; the same one twice where the environment names a single one. */
  readonly shards: readonly [MysqlServer, MysqlServer];
  readonly target: DynamodbServer;
}

/** Where downloads go, where that is still to be made. */
export async function freshCache(): Promise<string | null> {
  const folder = cacheFolder();
  return await access(folder).then(
    () => null,
    () => folder,
  );
}

/** @throws Error that names every kind with the reason why it cannot be had */
export async function startServers(cleanup: Cleanup): Promise<DemoServers> {
  const [[first, second], target] = await Promise.all([startShards(cleanup), startTarget(cleanup)]);
  return { shards: [first, second], target };
}

async function startShards(cleanup: Cleanup): Promise<readonly [MysqlServer, MysqlServer]> {
  const named = (process.env['DYNAFERRY_TEST_MYSQL'] ?? '') !== '';
  const kinds = mysqlKinds();
  const [first, other] = named ? kinds : [];
  if (first !== undefined) {
    const one = await start(await having([first], 'MySQL'), cleanup);
    return [one, other === undefined ? one : await start(await having([other], 'MySQL'), cleanup)];
  }
  const kind = await having(kinds, 'MySQL');
  return await Promise.all([start(kind, cleanup), start(kind, cleanup)]);
}

async function startTarget(cleanup: Cleanup): Promise<DynamodbServer> {
  return await start(await having(dynamodbKinds(), 'DynamoDB'), cleanup);
}

async function having<Server>(kinds: readonly ServerKind<Server>[], sort: string): Promise<ServerKind<Server>> {
  const reasons: string[] = [];
  for (const kind of kinds) {
    const available = await kind.available();
    if (available === true) return kind;
    reasons.push(`\n  ${kind.name}: ${available}`);
  }
  throw new Error(`no ${sort} server can be had here; see bin/demo --help${reasons.join('')}`);
}

async function start<Server>(kind: ServerKind<Server>, cleanup: Cleanup): Promise<Running<Server>> {
  const server = await kind.start();
  cleanup.add(async () => {
    await server.close();
  });
  return server;
}
