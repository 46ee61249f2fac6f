/**
 * DynamoDB's faults under a whole run: what passes is ridden out, told in the log and counted in `status`; what does
 * not pass ends the run with an error of its own, and a resume completes what is missing.
 */
import { describe, expect, test } from 'vitest';
import { type Fate, type FaultPlan, type FaultProxy, inOrder, startFaultProxy } from '../support/fault-proxy.js';
import { skewedClock, tableStatus } from '../support/fault-proxy/plans.js';
import { createMigration, onePair, type Migration, type Servers } from '../support/migration.js';

const ROWS = 300;
const ITEMS = 2 * ROWS;
const HOUR_MS = 3_600_000;
const PASS: Fate = { kind: 'pass' };

function behind(proxy: FaultProxy): { readonly env: Record<string, string> } {
  return { env: { AWS_ENDPOINT_URL_DYNAMODB: proxy.endpoint } };
}

/**
 * The endpoint comes from the environment, so a resume would speak of another one: every run of a test goes through one
 * proxy.
 */
async function migrationThrough(
  servers: Servers,
  plan: FaultPlan,
  control?: FaultPlan,
): Promise<[FaultProxy, Migration]> {
  const proxy = await startFaultProxy(
    servers.dynamodb.endpoint,
    plan,
    undefined,
    control === undefined ? {} : { control },
  );
  const config = ({ target }: { target: Record<string, unknown> }): void => {
    // One after the other, so that each fate meets a full batch.
    target['maxInFlightRequests'] = 1;
  };
  return [proxy, await createMigration({ servers, rows: ROWS, config })];
}

describe.each(onePair)('a target that fails, $name', { timeout: 120_000 }, (servers) => {
  test('a backfill rides out passing faults of DynamoDB, and logs and counts them', async () => {
    const [proxy, migration] = await migrationThrough(
      servers,
      inOrder(
        { kind: 'error', status: 503, name: 'ServiceUnavailable' },
        { kind: 'error', status: 500, name: 'InternalServerError', applied: true },
        { kind: 'reset', applied: true },
        { kind: 'drop', applied: false },
        { kind: 'garbled', applied: true },
        { kind: 'throttle', name: 'ThrottlingException', reasons: ['TableWriteMaxOnDemandThroughputExceeded'] },
        { kind: 'throttle', reasons: ['IndexWriteProvisionedThroughputExceeded'], spelling: 'throttlingReasons' },
        { kind: 'unprocessed', count: 24 },
        { kind: 'slow answer', ms: 300 },
        { kind: 'no capacity' },
        { kind: 'total capacity' },
      ),
      tableStatus('UPDATING'),
    );
    await using _ = proxy;
    await using __ = migration;
    const run = await migration.run(['backfill'], behind(proxy));
    expect(run.code, run.stderr).toBe(0);
    expect(await migration.items()).toHaveLength(ITEMS);
    for (const line of [
      /BatchWriteItem got no answer \(ServiceUnavailable\), so it may have been applied. dynaferry records its items, so that verify looks at them again/,
      /BatchWriteItem got no answer \(InternalServerError\)/,
      /BatchWriteItem got no answer \(unreadable answer\)/,
      /DynamoDB throttles \(TableWriteMaxOnDemandThroughputExceeded\)/,
      /DynamoDB throttles \(IndexWriteProvisionedThroughputExceeded\)/,
      /DynamoDB throttles; dynaferry sends the refused requests again/,
    ]) {
      expect(run.stderr).toMatch(line);
    }
    const { stdout: status } = await migration.run(['status'], behind(proxy));
    expect(status).toMatch(/s01: faults handled so far: .*3 requests throttled by DynamoDB \(last/);
    expect(status).toMatch(/s01: faults handled so far: .*5 writes without an answer \(last/);
    const verify = await migration.run(['verify'], behind(proxy));
    expect(verify.code, verify.stdout).toBe(7);
    expect(verify.stdout).toMatch(
      /125 writes ended without an answer, and DynamoDB may still apply them: verify again after/,
    );
  });

  test('a backfill signs its requests by the clock of DynamoDB where the clock of the machine is off', async () => {
    const [proxy, migration] = await migrationThrough(servers, skewedClock(2 * HOUR_MS));
    await using _ = proxy;
    await using __ = migration;
    const run = await migration.run(['backfill'], behind(proxy));
    expect(run.code, run.stderr).toBe(0);
    expect(await migration.items()).toHaveLength(ITEMS);
  });

  test.each<[string, Fate, RegExp, RegExp]>([
    [
      'access is denied',
      { kind: 'error', status: 400, name: 'AccessDeniedException' },
      /error s01 E_TARGET_ACCESS: BatchWriteItem on table \S+: AWS denied dynamodb:BatchWriteItem \(AccessDeniedException\)/,
      /IAM policy/,
    ],
    [
      'credentials expire and nobody has new ones',
      { kind: 'error', status: 400, name: 'ExpiredTokenException' },
      /error s01 E_TARGET_CREDENTIALS: .*have expired and could not be renewed/,
      /renew the credentials/,
    ],
    [
      'the table is deleted',
      { kind: 'error', status: 400, name: 'ResourceNotFoundException' },
      /error s01 E_TARGET_GONE: .*does not exist, or no longer exists/,
      /check the region, endpoint and table name/,
    ],
    [
      'nothing comes through',
      { kind: 'throttle' },
      /error s01 E_TARGET_UNAVAILABLE: .*no progress for 2 s; the last failure was ProvisionedThroughputExceeded/,
      /raise the table\'s capacity/,
    ],
  ])('a backfill ends where in mid-run %s, and a resume completes it', async (_, fate, error, next) => {
    let broken = true;
    const [proxy, migration] = await migrationThrough(servers, ({ ordinal }) => (broken && ordinal >= 8 ? fate : PASS));
    await using __ = proxy;
    await using ___ = migration;
    migration.configure(({ target }) => (target['retryTimeoutSeconds'] = 2));
    const ended = await migration.run(['backfill'], behind(proxy));
    expect(ended.code, ended.stderr).toBe(5);
    expect(ended.stderr).toMatch(error);
    expect(ended.stderr).toMatch(next);
    expect(ended.stdout).toMatch(/^s01 {2}failed/m);
    broken = false;
    const resumed = await migration.run(['backfill'], behind(proxy));
    expect(resumed.code, resumed.stderr).toBe(0);
    expect(await migration.items()).toHaveLength(ITEMS);
    expect(await migration.run(['verify'], behind(proxy))).toMatchObject({ code: 0 });
  });
});
