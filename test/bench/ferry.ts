/** The real command line, on a config that maps one item a row to a sink. */
import { mkdtempSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { stringify } from 'yaml';
import type { MysqlServer } from '../support/servers/server.js';
import { measure, type Measured } from './measure.js';
import type { Sink } from './start-sink.js';

export const LAUNCHER = fileURLToPath(new URL('../../bin/dynaferry', import.meta.url));

/** One item a row with all columns: 17 attributes and the keys. */
const MAPPING = {
  messages: {
    items: [
      {
        name: 'message',
        partitionKey: { name: 'pk', template: 'ACCT#{account_sid}' },
        sortKey: { name: 'sk', template: '{created_at:iso}#{sid}' },
        attributes: { add: { entity: { constant: 'message' } } },
        ttl: { attribute: 'expires_at', column: 'created_at', retention: '400d' },
      },
    ],
  },
};

export interface Ferry {
  readonly command: readonly string[];
  readonly sink: Sink;
  readonly databases: readonly string[];
  readonly jobs?: number;
  /** Kept between a backfill and its verifications. */
  readonly state?: string;
  /** The program to run: this checkout's own, unless another build is measured beside it. */
  readonly launcher?: string;
}

export async function ferry(scratch: string, mysql: MysqlServer, run: Ferry): Promise<Measured> {
  const folder = mkdtempSync(join(scratch, 'ferry-'));
  const config = {
    state: run.state ?? join(folder, 'state'),
    source: {
      shards: run.databases.map((database) => ({
        id: database,
        host: mysql.host,
        port: mysql.port,
        user: mysql.user,
        password: '${MYSQL_PWD}',
        database,
      })),
      table: { name: 'messages', shardedBy: 'account_sid', globallyUnique: ['sid'] },
    },
    target: {
      table: 'bench',
      region: 'eu-west-1',
      endpoint: run.sink.endpoint,
      writeCapacity: 10_000_000,
      readCapacity: 10_000_000,
    },
    mapping: MAPPING,
  };
  writeFileSync(join(folder, 'dynaferry.yaml'), stringify(config));
  const jobs = run.jobs === undefined ? [] : ['--jobs', String(run.jobs)];
  const command = [
    'node',
    run.launcher ?? LAUNCHER,
    ...run.command,
    '-c',
    join(folder, 'dynaferry.yaml'),
    '--all',
    ...jobs,
  ];
  return await measure(command, environment(mysql, run.sink));
}

export function environment(mysql: MysqlServer, sink: Sink): NodeJS.ProcessEnv {
  return {
    ...process.env,
    MYSQL_PWD: mysql.password,
    AWS_REGION: 'eu-west-1',
    AWS_ACCESS_KEY_ID: 'bench',
    AWS_SECRET_ACCESS_KEY: 'bench',
    AWS_ENDPOINT_URL_DYNAMODB: sink.endpoint,
    AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED: 'true',
    // Nobody's own certificates: each Node process would read them at its start.
    NODE_EXTRA_CA_CERTS: sink.certificate ?? '',
  };
}
