/**
 * Looks at whether the target is still the same table: what each answer of DescribeTable, true of a real table but for
 * one place, means.
 */
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { FerryError } from '../../../src/core/errors.js';
import { EventBus } from '../../../src/core/event-bus.js';
import type { TargetGuard } from '../../../src/core/ports/target-ports.js';
import { connectTarget, type TargetConnection } from '../../../src/dynamodb/client.js';
import { lookAtTable } from '../../../src/dynamodb/table/describe-table.js';
import { lookAtTtl } from '../../../src/dynamodb/table/time-to-live.js';
import { openTargetGuard } from '../../../src/dynamodb/table/target-guard.js';
import { createTable, dynamodbServers, TEST_AWS_ENVIRONMENT, type TestTable } from '../../support/dynamodb.js';
import { type Fate, type FaultProxy, startFaultProxy } from '../../support/fault-proxy.js';

const never = new AbortController().signal;
const PASS: Fate = { kind: 'pass' };
const HOURS = 3_600_000;

const told = (facts: Record<string, unknown>): Fate => ({
  kind: 'altered',
  alter: (answer) => ({ ...answer, Table: { ...(answer['Table'] as Record<string, unknown>), ...facts } }),
});
const refusal = (name: string, status = 400): Fate => ({ kind: 'error', status, name });
const skewed = (ms: number): Fate => ({
  kind: 'error',
  status: 400,
  name: 'RequestTimeTooSkewed',
  date: new Date(ms),
});
const index = (IndexStatus: string): Record<string, unknown> => ({
  IndexName: 'by_date',
  IndexStatus,
  KeySchema: [{ AttributeName: 'pk', KeyType: 'HASH' }],
  Projection: { ProjectionType: 'ALL' },
});

describe.each(dynamodbServers)('the look at the target: $name', (server) => {
  let table: TestTable;
  let proxy: FaultProxy;
  let connection: TargetConnection;
  let fate: Fate = PASS;
  let decide: (() => Fate) | null = null;
  let looks = 0;
  let warnings: string[] = [];

  beforeEach(async () => {
    Object.assign(process.env, TEST_AWS_ENVIRONMENT);
    fate = PASS;
    decide = null;
    looks = 0;
    warnings = [];
    table = await createTable(server, { partitionKey: { name: 'pk', type: 'S' } });
    const control = (): Fate => {
      looks++;
      return decide === null ? fate : decide();
    };
    proxy = await startFaultProxy(server.endpoint, () => PASS, undefined, { control });
    connection = await connectTarget({ region: null, endpoint: proxy.endpoint, table: table.name });
  });
  afterEach(async () => {
    connection.close();
    await proxy[Symbol.asyncDispose]();
    await table[Symbol.asyncDispose]();
  });

  async function guard(
    lookEveryMs = 0,
    retryTimeoutSeconds = 30,
    deletedAfterMs = 0,
    identity: string | null = null,
  ): Promise<TargetGuard> {
    const begun = await lookAtTable(connection, table.name, never);
    if (begun === null) throw new Error('the table is there');
    const emitter = new EventBus();
    emitter.on('shard.warning', ({ code, message }) => warnings.push(`${code} ${message}`));
    looks = 0;
    return openTargetGuard({
      connection,
      shard: 's01',
      table: table.name,
      begun: { ...begun, identity: identity ?? begun.identity },
      retryTimeoutSeconds,
      emitter,
      lookEveryMs,
      deletedAfterMs,
    });
  }

  const codeOf = async (look: Promise<void>): Promise<string> =>
    await look.then(
      () => 'the same table',
      (thrown: unknown) => (thrown instanceof FerryError ? thrown.code : String(thrown)),
    );

  test('the target guard shares one look among checkpoints, skips it where the last one is recent, and looks before each verdict', async () => {
    const seldom = await guard(HOURS);
    await seldom.atCheckpoint(never);
    expect(looks).toBe(0);
    await seldom.confirm(never);
    await seldom.confirm(never);
    expect(looks).toBe(2);
    const often = await guard();
    await Promise.all([often.atCheckpoint(never), often.atCheckpoint(never), often.atCheckpoint(never)]);
    expect(looks).toBe(1);
    expect(warnings).toEqual([]);
  });

  test('the target guard lets a stopping run record its checkpoint, whatever a look would find', async () => {
    const look = await guard();
    fate = told({ TableId: 'another' });
    await look.atCheckpoint(AbortSignal.abort());
    expect(looks).toBe(0);
    fate = { kind: 'hang', applied: false };
    const stopping = new AbortController();
    const waits = look.atCheckpoint(stopping.signal);
    await expect.poll(() => looks).toBe(1);
    stopping.abort();
    await waits;
    expect(warnings).toEqual([]);
  });

  test.each<[string, Fate, string]>([
    ['being updated', told({ TableStatus: 'UPDATING' }), 'the same table'],
    ['of another id, as when it was made again or restored', told({ TableId: 'another' }), 'E_TARGET_GONE'],
    ['of another region or account', told({ TableArn: 'arn:aws:dynamodb:eu-west-1:1:table/t' }), 'E_TARGET_GONE'],
    ['made at another time, where nothing else tells', told({ TableId: null, CreationDateTime: 1 }), 'E_TARGET_GONE'],
    ['not there', refusal('ResourceNotFoundException'), 'E_TARGET_GONE'],
    ['being deleted', told({ TableStatus: 'DELETING' }), 'E_TARGET_NOT_ACTIVE'],
    [
      'being deleted, and has no keys and no id any more',
      told({
        TableStatus: 'DELETING',
        KeySchema: null,
        AttributeDefinitions: null,
        TableId: null,
        CreationDateTime: null,
      }),
      'E_TARGET_NOT_ACTIVE',
    ],
    ['archived', told({ TableStatus: 'ARCHIVED' }), 'E_TARGET_NOT_ACTIVE'],
    ['without its KMS key', told({ TableStatus: 'INACCESSIBLE_ENCRYPTION_CREDENTIALS' }), 'E_TARGET_NOT_ACTIVE'],
    ['in a state that nobody knows', told({ TableStatus: '__proto__' }), 'E_TARGET_NOT_ACTIVE'],
    ['told by nothing', told({ TableId: null, CreationDateTime: null }), 'E_TARGET_REQUEST'],
    ['not to be asked for any more', refusal('AccessDeniedException'), 'E_TARGET_ACCESS'],
  ])('the target guard judges a table that is %s', async (_, answer, code) => {
    const look = await guard();
    fate = answer;
    expect([await codeOf(look.atCheckpoint(never)), await codeOf(look.confirm(never))]).toEqual([code, code]);
  });

  test('the target guard lets a checkpoint pass without an answer, with one warning, and makes a verdict wait', async () => {
    const look = await guard(0, 0);
    fate = refusal('ThrottlingException');
    await look.atCheckpoint(never);
    await look.atCheckpoint(never);
    expect(warnings).toEqual([
      expect.stringMatching(/^E_TARGET_UNAVAILABLE DescribeTable on table .* got no answer \(ThrottlingException\)/),
    ]);
    expect(await codeOf(look.confirm(never))).toBe('E_TARGET_UNAVAILABLE');
    fate = PASS;
    const patient = await guard();
    fate = refusal('InternalServerError', 500);
    const verdict = codeOf(patient.confirm(never));
    // As many as one call makes.
    await expect.poll(() => looks).toBeGreaterThan(4);
    fate = PASS;
    expect(await verdict).toBe('the same table');
  });

  test('the target guard waits once, for two seconds, for an unanswered look, and the next checkpoint gets its result', async () => {
    const look = await guard(0, 30, 0, 'another table');
    fate = { kind: 'late', ms: 3_000 };
    const begun = performance.now();
    await Promise.all(Array.from({ length: 4 }, () => look.atCheckpoint(never)));
    for (let checkpoints = 0; checkpoints < 20; checkpoints++) await look.atCheckpoint(never);
    expect(performance.now() - begun).toBeLessThan(2_900);
    expect(looks).toBe(1);
    expect(warnings).toEqual([
      expect.stringMatching(
        /^E_TARGET_UNAVAILABLE .* got no answer for 2 s: dynaferry checks later whether it is still/,
      ),
    ]);
    await expect.poll(() => codeOf(look.atCheckpoint(never))).toBe('E_TARGET_GONE');
  });

  test('the target guard believes that the table is gone only where it stays so', async () => {
    const look = await guard(0, 30, 60_000);
    for (const asks of [(): Promise<void> => look.atCheckpoint(never), () => look.confirm(never)]) {
      let absences = 0;
      decide = (): Fate => (absences++ < 2 ? refusal('ResourceNotFoundException') : PASS);
      expect([await codeOf(asks()), absences]).toEqual(['the same table', 3]);
    }
    expect(warnings).toEqual([]);
  });

  test('lookAtTtl() asks again before it believes that the table does not exist', async () => {
    let absences = 0;
    decide = (): Fate => (absences++ < 1 ? refusal('ResourceNotFoundException') : PASS);
    await lookAtTtl(connection, table.name, never);
    expect(absences).toBe(2);
  });

  test('the target guard signs a refused look anew, for expired credentials and for a clock that is off', async () => {
    const look = await guard();
    let refusals = 0;
    for (const refused of [refusal('ExpiredTokenException'), skewed(Date.now() + HOURS)]) {
      refusals = 0;
      decide = (): Fate => (refusals++ === 0 ? refused : PASS);
      expect(await codeOf(look.atCheckpoint(never))).toBe('the same table');
      expect(await codeOf(look.confirm(never))).toBe('the same table');
      expect(refusals).toBe(3);
    }
    expect(warnings).toEqual([]);
  });

  test('the target guard warns of unavailable credentials at a checkpoint, and refuses a verdict with E_TARGET_CREDENTIALS', async () => {
    const look = await guard(0, 0);
    fate = refusal('UnrecognizedClientException');
    await look.atCheckpoint(never);
    expect(warnings).toEqual([
      expect.stringMatching(/^E_TARGET_CREDENTIALS DescribeTable on table .*: AWS does not know/),
    ]);
    expect(await codeOf(look.confirm(never))).toBe('E_TARGET_CREDENTIALS');
    fate = PASS;
    expect(await codeOf(look.confirm(never))).toBe('the same table');
  });

  test('the target guard warns once of each index or replica that appears, disappears or fails', async () => {
    const look = await guard();
    const replicas = [{ RegionName: 'eu-west-1', ReplicaStatus: 'REPLICATION_NOT_AUTHORIZED' }];
    for (const facts of [
      { GlobalSecondaryIndexes: [index('CREATING')] },
      { GlobalSecondaryIndexes: [index('CREATING')], Replicas: replicas },
      { GlobalSecondaryIndexes: [index('ACTIVE')], Replicas: replicas },
      {},
    ]) {
      fate = told(facts);
      await look.confirm(never);
    }
    expect(warnings.map((line) => line.replace(/^.*during the run: /, ''))).toEqual([
      expect.stringMatching(/^index by_date is CREATING: it is being built/),
      expect.stringMatching(/^the replica in eu-west-1 is REPLICATION_NOT_AUTHORIZED: a policy denies replication/),
      'index by_date is ACTIVE',
      'index by_date was deleted',
    ]);
  });

  test('the target guard explains why a request found no table', async () => {
    const look = await guard();
    const gone = new FerryError('E_TARGET_GONE', 'not there', 'look');
    expect(await look.explained(gone, never)).toBe(gone);
    fate = told({ TableStatus: 'CREATING' });
    expect(await look.explained(gone, never)).toMatchObject({ code: 'E_TARGET_NOT_ACTIVE' });
    fate = told({ TableId: 'another' });
    expect(await look.explained(gone, never)).toMatchObject({
      message: expect.stringMatching(/is not the table that this run started with/) as string,
    });
    fate = refusal('ResourceNotFoundException');
    expect(await look.explained(gone, never)).toMatchObject({
      message: expect.stringMatching(/somebody deleted table/) as string,
    });
    fate = refusal('AccessDeniedException');
    expect(await look.explained(gone, never)).toBe(gone);
    const other = new FerryError('E_TARGET_ACCESS', 'denied', 'look');
    expect(await look.explained(other, never)).toBe(other);
  });
});
