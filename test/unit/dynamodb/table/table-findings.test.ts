import { describe, expect, test } from 'vitest';
import type { TableFacts } from '../../../../src/dynamodb/table/describe-table.js';
import { targetFaults, type TargetExpectation } from '../../../../src/dynamodb/table/table-findings.js';

const keys = { partitionKey: { name: 'pk', type: 'S' }, sortKey: { name: 'sk', type: 'N' } } as const;
const expectation: TargetExpectation = {
  ...keys,
  table: 'messages',
  ttlAttribute: 'ttl',
  writeCapacity: 1000,
  maxInFlightRequests: 32,
  version: null,
};
const facts: TableFacts = {
  ...keys,
  name: 'messages',
  identity: 'arn id',
  account: '123456789012',
  itemCount: 0,
  status: 'ACTIVE',
  details: { keyLostAt: null, backup: null },
  indexes: [],
  replicas: [],
  billing: 'on-demand',
  provisionedWriteUnits: null,
  warmWriteUnits: null,
  stream: false,
  ttl: { attribute: 'ttl', status: 'ENABLED' },
};

const found = (given: Partial<TableFacts> | null, wanted: Partial<TargetExpectation> = {}): string[] =>
  targetFaults(given === null ? null : { ...facts, ...given }, { ...expectation, ...wanted }).map(
    ({ level, code, message }) => `${level} ${code}: ${message}`,
  );

describe('targetFaults', () => {
  test('targetFaults says nothing of a table as it should be, nor of an index being built', () => {
    expect(found({})).toEqual([]);
    expect(found({ status: 'UPDATING' })).toEqual([]);
    expect(found({ ttl: 'unsupported' })).toEqual([]);
  });

  test('targetFaults names the way to create a missing table', () => {
    expect(found(null)).toEqual([
      'error E_TARGET_TABLE_MISSING: table messages does not exist at this endpoint and region',
    ]);
    expect(targetFaults(null, expectation)[0]?.hint).toContain('--create-table');
  });

  test.each([
    [{ sortKey: null }, 'partition key pk (S) and no sort key'],
    [{ sortKey: { name: 'sk', type: 'S' as const } }, 'partition key pk (S), sort key sk (S)'],
    [{ partitionKey: { name: 'id', type: 'S' as const } }, 'partition key id (S), sort key sk (N)'],
  ])('targetFaults names the keys of both sides where they differ', (given, has) => {
    expect(found(given)).toEqual([
      `error E_TARGET_KEY_SCHEMA: table messages has ${has}; the mapping makes partition key pk (S), sort key sk (N)`,
    ]);
  });

  test('targetFaults reports all faults at once', () => {
    const local = { ...keys, name: 'by_date', local: true, projection: [], status: 'ACTIVE', backfilling: false };
    const all = found(
      {
        status: 'DELETING',
        sortKey: null,
        ttl: null,
        billing: 'provisioned',
        provisionedWriteUnits: 100,
        indexes: [local],
        stream: true,
      },
      { version: { attribute: 'v', tombstoneRetentionSeconds: null } },
    );
    expect(all.map((line) => line.split(':')[0])).toEqual([
      'warning E_PREFLIGHT',
      'error E_TARGET_NOT_ACTIVE',
      'error E_TARGET_KEY_SCHEMA',
      'warning E_PREFLIGHT',
      'warning E_PREFLIGHT',
      'warning E_PREFLIGHT',
      'warning E_PREFLIGHT',
      'warning E_PREFLIGHT',
    ]);
    expect(all.join()).toContain('local indexes (by_date): items of one partition key');
    expect(all.join()).toContain('local indexes (by_date): DynamoDB allows 400 KB');
    expect(all.join()).toContain('100 WCU');
  });

  test('targetFaults beside a live writer reports unprotected deletes, and a budget that single puts do not reach', () => {
    const version = { attribute: 'v', tombstoneRetentionSeconds: 86_400 };
    expect(found({}, { version })).toEqual([]);
    expect(found({}, { version: { ...version, tombstoneRetentionSeconds: null } })[0]).toContain('can come back');
    expect(found({}, { version, writeCapacity: 4_000 })[0]).toContain('about 3200 items a second per shard');
  });

  test('targetFaults reports a TTL that is off, on another attribute, or on one that nobody fills', () => {
    expect(found({ ttl: null })[0]).toContain('TTL is off on table messages');
    expect(found({ ttl: { attribute: 'expires', status: 'ENABLED' } })[0]).toContain('expires items by expires');
    expect(found({}, { ttlAttribute: null })[0]).toContain('which no `ttl` rule of the mapping fills');
    expect(found({ ttl: null }, { ttlAttribute: null })).toEqual([]);
    expect(found({ ttl: { attribute: 'ttl', status: 'ENABLING' } })).toEqual([]);
    expect(found({ ttl: { attribute: 'ttl', status: 'DISABLING' } })[0]).toContain('TTL is off on table messages');
    expect(found({ ttl: 'denied' })[0]).toContain('denied the TTL status');
    expect(found({ ttl: 'denied' }, { ttlAttribute: null })).toEqual([]);
  });

  test('targetFaults names a cold on-demand table as such', () => {
    expect(found({ warmWriteUnits: 500 })[0]).toContain('warm for 500 write units');
    expect(found({ warmWriteUnits: 4000 })).toEqual([]);
  });
});
