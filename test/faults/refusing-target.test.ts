/**
 * A target that says why it cannot be used: a state of the table, an index under way, a policy, a key. Each is named
 * with what is to be done, by `check` and by a run alike; nothing is written, and nothing of AWS's own text that is not
 * known is shown.
 */
import { describe, expect, test } from 'vitest';
import { type Fate, type FaultPlan, startFaultProxy } from '../support/fault-proxy.js';
import { firstOf, tableTold } from '../support/fault-proxy/plans.js';
import { createMigration, onePair } from '../support/migration.js';

const PASS: Fate = { kind: 'pass' };
const AS_ROLE = 'User: arn:aws:sts::123456789012:assumed-role/ferry/i is not authorized to perform:';
const KEY_DENIED =
  'KMS key access denied error: com.amazonaws.services.kms.model.AWSKMSException: The ciphertext refers to a customer master key that does not exist, does not exist in this region, or you are not allowed to access. (Service: AWSKMS; Status Code: 400; Error Code: AccessDeniedException)';

const index = {
  IndexName: 'by_date',
  IndexStatus: 'CREATING',
  Backfilling: true,
  KeySchema: [{ AttributeName: 'pk', KeyType: 'HASH' }],
  Projection: { ProjectionType: 'ALL' },
};
const denied = (operation: string, text?: string): FaultPlan => {
  const fate: Fate = {
    kind: 'error',
    status: 400,
    name: 'AccessDeniedException',
    ...(text === undefined ? {} : { text }),
  };
  return (request) => (request.operation === operation ? fate : PASS);
};

const CASES: readonly (readonly [string, FaultPlan, number, RegExp])[] = [
  [
    'is being created',
    tableTold({ TableStatus: 'CREATING' }),
    3,
    /E_TARGET_NOT_ACTIVE.* is CREATING, which ends without action[^]*wait until/,
  ],
  [
    'cannot use its KMS key',
    tableTold({
      TableStatus: 'INACCESSIBLE_ENCRYPTION_CREDENTIALS',
      SSEDescription: { Status: 'ENABLED', InaccessibleEncryptionDateTime: 1_700_000_000 },
    }),
    3,
    /\(since 2023-11-14T22:13:20.000Z\), which does not end without action[^]*enable the KMS key again/,
  ],
  [
    'may not be described',
    denied(
      'DescribeTable',
      `${AS_ROLE} dynamodb:DescribeTable on resource: arn:aws:x with an explicit deny in a service control policy`,
    ),
    5,
    /E_TARGET_ACCESS.*AWS denied dynamodb:DescribeTable, by a service control policy/,
  ],
  [
    'has a key that may not be used',
    denied('DescribeTable', KEY_DENIED),
    5,
    /AWS denied kms:Decrypt with the table's KMS key[^]*allow kms:Decrypt/,
  ],
  [
    'is another service, which sends no checksum',
    () => ({
      kind: 'forged',
      executed: 'all',
      forge: (truth) => ({ ...truth, headers: { ...truth.headers, 'x-amz-crc32': undefined }, delivery: 'whole' }),
    }),
    5,
    /E_TARGET_UNAVAILABLE.* answer without x-amz-crc32[^]*does not support services without .*ScyllaDB Alternator/,
  ],
  [
    'has an index that is being built and a replica without its key, and may not be asked for its TTL',
    firstOf(
      denied('DescribeTimeToLive'),
      tableTold({
        GlobalSecondaryIndexes: [index],
        Replicas: [{ RegionName: 'eu-west-1', ReplicaStatus: 'INACCESSIBLE_ENCRYPTION_CREDENTIALS' }],
      }),
    ),
    0,
    /warning E_PREFLIGHT: table \S+: index by_date is CREATING and backfilling: it is being built[^]*: the replica in eu-west-1 is INACCESSIBLE_ENCRYPTION_CREDENTIALS[^]*AWS denied the TTL status[^]*allow dynamodb:DescribeTimeToLive/,
  ],
];

describe.each(onePair)('a target that refuses, $name', { timeout: 240_000 }, (servers) => {
  test('check names why a target refuses, and the next step', async () => {
    let plan: FaultPlan = () => PASS;
    await using proxy = await startFaultProxy(servers.dynamodb.endpoint, () => PASS, undefined, {
      control: (request) => plan(request),
    });
    await using migration = await createMigration({ servers, rows: 20 });
    const env = { AWS_ENDPOINT_URL_DYNAMODB: proxy.endpoint };
    for (const [what, told, code, says] of CASES) {
      plan = told;
      const { code: ended, stdout, stderr } = await migration.run(['check'], { env });
      expect([what, ended, stdout + stderr]).toEqual([what, code, expect.stringMatching(says)]);
      expect(stdout + stderr, what).not.toMatch(/SECRET|123456789012/);
    }
  });

  test('a run names a table deleted, an access revoked or a TTL changed in mid-run', async () => {
    let writes: Fate = PASS;
    let plan: FaultPlan = () => PASS;
    await using proxy = await startFaultProxy(
      servers.dynamodb.endpoint,
      ({ ordinal }) => (ordinal >= 4 ? writes : PASS),
      undefined,
      { control: (request) => (proxy.requests.length > 4 ? plan(request) : PASS) },
    );
    const env = { AWS_ENDPOINT_URL_DYNAMODB: proxy.endpoint };
    await using migration = await createMigration({
      servers,
      rows: 300,
      config: ({ target }) => (target['maxInFlightRequests'] = 1),
    });
    // AWS answers so while a table is being deleted.
    writes = { kind: 'error', status: 400, name: 'ResourceNotFoundException' };
    plan = tableTold({ TableStatus: 'DELETING' });
    const gone = await migration.run(['backfill'], { env });
    expect([gone.code, gone.stderr]).toEqual([3, expect.stringMatching(/E_TARGET_NOT_ACTIVE: table \S+ is DELETING/)]);
    plan = () => PASS;
    writes = { kind: 'error', status: 400, name: 'AccessDeniedException', text: KEY_DENIED };
    const key = await migration.run(['backfill'], { env });
    expect([key.code, key.stderr]).toEqual([
      5,
      expect.stringMatching(/AWS denied kms:Decrypt with the table's KMS key/),
    ]);
    writes = PASS;
    expect(await migration.run(['backfill'], { env })).toMatchObject({ code: 0 });
    expect(await migration.items()).toHaveLength(600);

    const on = { TimeToLiveDescription: { TimeToLiveStatus: 'ENABLED', AttributeName: 'gone_at' } };
    plan = ({ operation }) => {
      const compared = proxy.requests.some((request) => request.operation === 'BatchGetItem');
      return operation === 'DescribeTimeToLive' && compared ? { kind: 'altered', alter: () => on } : PASS;
    };
    const verify = await migration.run(['verify'], { env });
    expect(verify.stderr).toMatch(
      /TTL of table \S+ was changed during this verification: it deletes items by gone_at now/,
    );
  });
});
