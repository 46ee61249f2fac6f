/**
 * Whole migrations behind wrong answers, by the built command: what `backfill` ends with 0 is there, as an honest look
 * says, and what is missing no `verify` passes.
 */
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DeleteItemCommand, DynamoDBClient, ScanCommand } from '@aws-sdk/client-dynamodb';
import { seedSoakSource, SHARDS, writeConfig, type SoakSource } from '../soak/migration.js';
import { runCli, type CliResult } from '../support/cli.js';
import { seededRandom, startFaultProxy } from '../support/fault-proxy.js';
import { letLateWriteWindowPass } from '../support/late-writes.js';
import { mysqlKinds } from '../support/servers/kinds.js';
import type { DynamodbServer, MysqlServer, Running } from '../support/servers/server.js';
import { pick } from './changes.js';
import { forging } from './forging.js';
import { AWS, createFuzzTable } from './stage.js';

const ROWS = 2_000;
/** Of requests; a run meets so many of each operation at most. */
const CHANCE = 0.15;
const MOST = 12;
const RUNS = 8;
const RUN_WITHIN_MS = 240_000;
const PACE = { write: 1_000_000, read: 1_000_000 };

export interface FullRuns {
  readonly runs: number;
  readonly answers: number;
  readonly finds: number;
}

interface Setting {
  readonly mysql: MysqlServer;
  readonly source: SoakSource;
  readonly server: DynamodbServer;
  readonly seed: number;
}

/** One after the other, until the time is over; without a MySQL there are none. */
export async function fullRuns(
  servers: readonly DynamodbServer[],
  { seed, seconds }: { readonly seed: number; readonly seconds: number },
  tell: (text: string) => void,
): Promise<FullRuns> {
  const until = performance.now() + seconds * 1_000;
  const mysql = await firstMysql();
  let [runs, answers, finds] = [0, 0, 0];
  if (mysql === null) {
    tell('no MySQL can be had here: no full runs');
    return { runs, answers, finds };
  }
  try {
    const source = await seedSoakSource(mysql, ROWS);
    try {
      while (performance.now() < until) {
        const server = servers[runs % servers.length] as DynamodbServer;
        const { found, said } = await fullRun({ mysql, source, server, seed: seed + runs++ });
        answers += said.length;
        finds += found.length;
        for (const find of found)
          tell(`FIND full run ${seed + runs - 1} (${server.name}): ${find}\n${said.join('\n')}`);
      }
    } finally {
      await source.close();
    }
  } finally {
    await mysql.close();
  }
  return { runs, answers, finds };
}

async function fullRun({
  mysql,
  source,
  server,
  seed,
}: Setting): Promise<{ readonly found: readonly string[]; readonly said: readonly string[] }> {
  const random = seededRandom(seed);
  const folder = mkdtempSync(join(tmpdir(), 'dynaferry-fuzz-'));
  const state = join(folder, 'state');
  const table = `fuzz_full_${seed}_${Date.now()}`;
  const client = new DynamoDBClient({
    endpoint: server.endpoint,
    region: AWS.AWS_REGION,
    credentials: { accessKeyId: AWS.AWS_ACCESS_KEY_ID, secretAccessKey: AWS.AWS_SECRET_ACCESS_KEY },
  });
  await createFuzzTable(client, table);
  const found: string[] = [];
  const said: string[] = [];
  const run = async (command: string, forge: boolean): Promise<CliResult> => {
    const wrong = forging(random, MOST, CHANCE);
    const plan = forge ? wrong.plan : () => ({ kind: 'pass' }) as const;
    await using proxy = await startFaultProxy(server.endpoint, plan, random, { control: plan });
    const env = writeConfig(folder, { state, mysql, source, table, endpoint: proxy.endpoint, pace: PACE });
    const result = await runCli([command, '--all', '--json'], { cwd: folder, env, timeoutMs: RUN_WITHIN_MS });
    said.push(`${command} ended with ${result.code}`, ...wrong.said.map((each) => `    ${each}`));
    found.push(...faultsOf(command, result));
    return result;
  };
  const until = async (command: string, ended: (code: number | null) => boolean): Promise<number | null> => {
    for (let runs = 1; ; runs++) {
      // What the wrong answers left behind: what they had no answer to cannot land any more.
      const { code } = await run(command, runs < RUNS);
      if (ended(code) || runs === RUNS) return code;
      // A run that was refused before it began leaves no state.
      if (existsSync(state)) letLateWriteWindowPass(state, SHARDS);
    }
  };
  try {
    if ((await until('backfill', (code) => code === 0)) !== 0) found.push('the backfill does not come to its end');
    letLateWriteWindowPass(state, SHARDS);
    const honest = await run('verify', false);
    if (honest.code !== 0)
      found.push(`a false success: after the backfill, an honest verify ended with ${honest.code}`);
    await deleteOne(client, table, random);
    rmSync(state, { recursive: true });
    // With a state of its own it is written again; the verification alone has to see what is missing.
    await run('backfill', false);
    await deleteOne(client, table, random);
    const verdict = await until('verify', (code) => code === 0 || code === 1);
    if (verdict !== 1) found.push(`a false verdict: an item is missing, and verify ended with ${verdict}`);
  } catch (thrown) {
    found.push(thrown instanceof Error ? (thrown.stack ?? thrown.message) : String(thrown));
  } finally {
    client.destroy();
    rmSync(folder, { recursive: true, force: true });
  }
  return { found, said };
}

function faultsOf(command: string, { code, signal, stdout, stderr }: CliResult): readonly string[] {
  const all = stdout + stderr;
  const internal = /E_INTERNAL|E_WORKER_DIED|E_STALLED|\n\s+at .+:\d+:\d+|TypeError|RangeError/.exec(all);
  return internal === null && signal === null
    ? []
    : [
        `${command} ended with ${code ?? signal}: ${all.slice(Math.max(0, (internal?.index ?? 0) - 1_000)).slice(0, 2_000)}`,
      ];
}

async function deleteOne(client: DynamoDBClient, table: string, random: () => number): Promise<void> {
  const { Items = [] } = await client.send(new ScanCommand({ TableName: table, ProjectionExpression: 'pk, sk' }));
  await client.send(new DeleteItemCommand({ TableName: table, Key: pick(random, Items) }));
}

async function firstMysql(): Promise<Running<MysqlServer> | null> {
  for (const kind of mysqlKinds()) if ((await kind.available()) === true) return await kind.start();
  return null;
}
