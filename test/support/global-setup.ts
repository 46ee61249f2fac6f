/**
 * Starts each server that can be had once per vitest run, hands the endpoints to the tests (`inject`), and stops them
 * all. `DYNAFERRY_TEST_REPORT` may name a file (JSON, ServerReport) that learns which servers could not be had, and
 * why. `DYNAFERRY_TEST_RUNNING` may name one (JSON, RunningServers) with servers of the same kinds that run already:
 * for many runs one after the other (test/mutants).
 */
import { readFile, writeFile } from 'node:fs/promises';
import type { TestProject } from 'vitest/node';
import { dynamodbKinds, mysqlKinds } from './servers/kinds.js';
import type { DynamodbServer, MysqlServer, Running, ServerKind } from './servers/server.js';
import { tracerAvailable } from './system-calls.js';

declare module 'vitest' {
  interface ProvidedContext {
    readonly mysqlServers: readonly MysqlServer[];
    readonly dynamodbServers: readonly DynamodbServer[];
    /** For `describe.each`: strace, or nothing. */
    readonly tracers: readonly string[];
  }
}

export interface ServerReport {
  readonly mysql: SortReport;
  readonly dynamodb: SortReport;
  /** Programs that single tests need. */
  readonly tools: SortReport;
}

interface RunningServers {
  readonly mysql: readonly MysqlServer[];
  readonly dynamodb: readonly DynamodbServer[];
}

interface SortReport {
  readonly started: readonly string[];
  readonly lacking: readonly { readonly name: string; readonly reason: string }[];
}

/**
 * @returns the tear-down.
 * @throws Error where a server that is available does not start: that is a failure, not a skip
 */
export async function setup(project: TestProject): Promise<() => Promise<void>> {
  const runningFile = process.env['DYNAFERRY_TEST_RUNNING'];
  if (runningFile !== undefined) {
    const { mysql, dynamodb } = JSON.parse(await readFile(runningFile, 'utf8')) as RunningServers;
    project.provide('mysqlServers', mysql);
    project.provide('dynamodbServers', dynamodb);
    project.provide('tracers', (await tracerReport()).started);
    return () => Promise.resolve();
  }
  const running: Running<unknown>[] = [];
  const closeAll = async (): Promise<void> => {
    await Promise.all(running.map((server) => server.close()));
  };
  try {
    const mysql = await startSort(mysqlKinds(), running);
    const dynamodb = await startSort(dynamodbKinds(), running);
    project.provide('mysqlServers', mysql.servers.map(withoutClose));
    project.provide('dynamodbServers', dynamodb.servers.map(withoutClose));
    const tools = await tracerReport();
    project.provide('tracers', tools.started);
    const file = process.env['DYNAFERRY_TEST_REPORT'];
    const report: ServerReport = { mysql: mysql.report, dynamodb: dynamodb.report, tools };
    if (file !== undefined) await writeFile(file, JSON.stringify(report));
    return closeAll;
  } catch (error) {
    await closeAll();
    throw error;
  }
}

/**
 * Starts one of each kind that is available, all at once; each that runs is added to `running`, whatever happens to
 * others.
 */
async function startSort<Server extends { readonly name: string }>(
  kinds: readonly ServerKind<Server>[],
  running: Running<unknown>[],
): Promise<{ readonly servers: readonly Running<Server>[]; readonly report: SortReport }> {
  const lacking: { name: string; reason: string }[] = [];
  const outcomes = await Promise.allSettled(
    kinds.map(async (kind) => {
      const availability = await kind.available();
      if (availability !== true) {
        lacking.push({ name: kind.name, reason: availability });
        return null;
      }
      const server = await kind.start();
      running.push(server);
      return server;
    }),
  );
  const servers = outcomes.map((outcome) => {
    if (outcome.status === 'rejected') throw outcome.reason;
    return outcome.value;
  });
  const started = servers.filter((server) => server !== null);
  return { servers: started, report: { started: started.map(({ name }) => name), lacking } };
}

async function tracerReport(): Promise<SortReport> {
  const available = await tracerAvailable();
  if (available === true) return { started: ['strace'], lacking: [] };
  return { started: [], lacking: [{ name: 'strace', reason: available }] };
}

function withoutClose<Server>({ close: _, ...server }: Running<Server>): Omit<Running<Server>, 'close'> {
  return server;
}
