import { IndexStatus, ReplicaStatus, TableStatus } from '@aws-sdk/client-dynamodb';
import { describe, expect, test } from 'vitest';
import {
  INDEX_STATES,
  indexState,
  REPLICA_STATES,
  replicaState,
  stateFault,
  TABLE_STATES,
} from '../../../../src/dynamodb/table/table-states.js';

describe('states of tables', () => {
  test('the rules of states cover each state in the API’s model', () => {
    expect(Object.keys(TABLE_STATES).sort()).toEqual(Object.values(TableStatus).sort());
    expect(Object.keys(INDEX_STATES).sort()).toEqual(Object.values(IndexStatus).sort());
    expect(Object.keys(REPLICA_STATES).sort()).toEqual(Object.values(ReplicaStatus).sort());
  });

  test('stateFault says which states pass by themselves, and what brings the table back from all others', () => {
    const usable = Object.values(TableStatus).filter((status) => stateFault('t', status) === null);
    expect(usable.sort()).toEqual(['ACTIVE', 'UPDATING']);
    const said = (status: string): string => `${stateFault('t', status)?.message} | ${stateFault('t', status)?.hint}`;
    expect(said('CREATING')).toMatch(
      /^table t is CREATING, which ends without action.* \| wait until the table is ACTIVE/,
    );
    expect(said('DELETING')).toMatch(/will not come back.*--create-table/);
    for (const status of ['ARCHIVING', 'ARCHIVED'])
      expect(said(status)).toMatch(/will not come back: its KMS key.*restore/);
    expect(said('INACCESSIBLE_ENCRYPTION_CREDENTIALS')).toMatch(
      /does not end without action.*KMS key.*enable the KMS key/,
    );
    expect(said('REPLICATION_NOT_AUTHORIZED')).toMatch(/does not end without action.*20 hours/);
    for (const status of ['UNKNOWN', '__proto__', 'constructor', ''])
      expect(said(status)).toMatch(/a state that this version of dynaferry does not know/);
  });

  test('stateFault gives with a state what DynamoDB adds to it', () => {
    const details = { keyLostAt: new Date(0), backup: 'arn:backup' };
    expect(stateFault('t', 'ARCHIVED', details)).toMatchObject({
      message: expect.stringMatching(/since 1970-01-01T00:00:00.000Z/) as string,
      hint: expect.stringMatching(/backup arn:backup/) as string,
    });
  });

  test('indexState and replicaState are silent on what works as it is, and name all other states', () => {
    expect([indexState('i', 'ACTIVE', false), indexState('i', 'UPDATING', false)]).toEqual([null, null]);
    expect(indexState('i', 'CREATING', true)).toMatch(/^index i is CREATING and backfilling: it is being built/);
    expect(indexState('i', 'ODD', false)).toMatch(/^index i is ODD: a state that/);
    expect([replicaState('r', 'ACTIVE'), replicaState('r', 'UPDATING')]).toEqual([null, null]);
    for (const status of Object.values(ReplicaStatus)) {
      if (status !== 'ACTIVE' && status !== 'UPDATING')
        expect(replicaState('r', status)).toContain(`the replica in r is ${status}: it`.slice(0, -2));
    }
    expect(replicaState('r', 'ODD')).toMatch(/^the replica in r is ODD: a state that/);
  });
});
