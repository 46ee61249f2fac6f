/**
 * Says what each state of a table, of its indexes and of its replicas means for a run. That is whether dynaferry can
 * use the table, whether the state passes without action, and what to do. The lists are the API's own. A unit test
 * fails if one lacks a state. They are TableStatus, IndexStatus and ReplicaStatus of DescribeTable, whose documentation
 * is the source of every sentence here.
 *
 * Other states are covered as follows:
 * - SSEStatus (ENABLING, UPDATING): the table works. A key out of reach shows as a table status, with its time in
 *   SSEDescription.
 * - ArchivalSummary: the message names its backup.
 * - TimeToLiveStatus: `time-to-live.ts` reads it.
 * - GlobalTableStatus belongs to version 2017 of global tables. DescribeTable does not have it.
 * - WitnessStatus belongs to MRSC tables. The witness's region holds no data.
 * - Backfilling: the message about the index names it.
 */
import type { IndexStatus, ReplicaStatus, TableStatus } from '@aws-sdk/client-dynamodb';
import { FerryError, type Fault } from '../../core/errors.js';

export interface StateRule {
  /** Items can be read and written. */
  readonly usable: boolean;
  /** Continues "table NAME is STATE, ". */
  readonly fact: string;
  readonly next: string;
}

const WORKS: StateRule = { usable: true, fact: 'and can be used', next: '' };

const NEVER_AGAIN =
  'restore the backup that DynamoDB made, under another table name. Put that name into target.table, and start the shards again with --restart';

export const TABLE_STATES: Readonly<Record<TableStatus, StateRule>> = {
  ACTIVE: WORKS,
  // AWS: the table remains available for reads and writes.
  UPDATING: WORKS,
  CREATING: {
    usable: false,
    fact: 'which ends without action, usually within a minute',
    next: 'wait until the table is ACTIVE, then run the same command again',
  },
  DELETING: {
    usable: false,
    fact: 'and will not come back: DynamoDB deletes all its items',
    next: 'find out who deletes the table. When it is gone, `dynaferry backfill --create-table --restart` moves all rows into a new one',
  },
  ARCHIVING: {
    usable: false,
    fact: 'and will not come back: its KMS key was out of reach for more than seven days',
    next: NEVER_AGAIN,
  },
  ARCHIVED: {
    usable: false,
    fact: 'and will not come back: its KMS key was out of reach for more than seven days',
    next: NEVER_AGAIN,
  },
  INACCESSIBLE_ENCRYPTION_CREDENTIALS: {
    usable: false,
    fact: 'which does not end without action: DynamoDB cannot use its KMS key, and archives the table after seven days',
    next: 'enable the KMS key again, or cancel its deletion, and restore the grant of DynamoDB; then run the same command again',
  },
  REPLICATION_NOT_AUTHORIZED: {
    usable: false,
    fact: 'which does not end without action: a policy denies replication, and new items do not reach the other regions',
    next: 'restore the permissions of AWSServiceRoleForDynamoDBReplication, or of the replication service principal, within 20 hours; or remove the replicas',
  },
};

/** Continues "index NAME is STATE: ". null: there is nothing to report. */
export const INDEX_STATES: Readonly<Record<IndexStatus, string | null>> = {
  ACTIVE: null,
  UPDATING: null,
  CREATING:
    'it is being built, consumes write capacity, and rejects items whose attribute for its key has another type',
  DELETING: 'it is being deleted; its writes consume capacity until it is gone',
};

/** Continues "the replica in REGION is STATE: ". null: there is nothing to report. */
export const REPLICA_STATES: Readonly<Record<ReplicaStatus, string | null>> = {
  ACTIVE: null,
  UPDATING: null,
  CREATING: 'it is being built, and also receives the items of this migration',
  CREATION_FAILED: 'it could not be built, and receives no items',
  DELETING: 'it is being deleted, and receives no items',
  REGION_DISABLED:
    'the account disabled its region, so it receives no items; after 20 hours it leaves the global table',
  INACCESSIBLE_ENCRYPTION_CREDENTIALS:
    'DynamoDB cannot use its KMS key, so it receives no items; after 20 hours it leaves the global table',
  REPLICATION_NOT_AUTHORIZED:
    'a policy denies replication, so it receives no items; after 20 hours it leaves the global table',
  ARCHIVING: 'it is being archived, and receives no items',
  ARCHIVED: 'it was archived, and receives no items',
};

const UNKNOWN_STATE: StateRule = {
  usable: false,
  fact: 'a state that this version of dynaferry does not know',
  next: 'look up the state in the documentation of DescribeTable; when the table is ACTIVE, run the same command again',
};

/** Details that a message adds to the rule of a state. */
export interface StateDetails {
  /** Since when the KMS key is out of reach, as DynamoDB reports it. */
  readonly keyLostAt: Date | null;
  /** ARN of the backup that DynamoDB made of an archived table. */
  readonly backup: string | null;
}

export const NO_DETAILS: StateDetails = { keyLostAt: null, backup: null };

/** @returns null if the table can be used in that state */
export function stateFault(
  table: string,
  status: string,
  { keyLostAt, backup }: StateDetails = NO_DETAILS,
): (Fault & { readonly code: 'E_TARGET_NOT_ACTIVE' }) | null {
  const rule = ruleOf(TABLE_STATES, status) ?? UNKNOWN_STATE;
  if (rule.usable) return null;
  const since = keyLostAt === null ? '' : ` (since ${keyLostAt.toISOString()})`;
  const from = backup === null ? '' : ` (backup ${backup})`;
  return {
    code: 'E_TARGET_NOT_ACTIVE',
    message: `table ${table} is ${status}${since}, ${rule.fact}`,
    hint: `${rule.next}${from}`,
  };
}

/** @throws FerryError E_TARGET_NOT_ACTIVE */
export function requireUsable(table: string, status: string, details: StateDetails): void {
  const fault = stateFault(table, status, details);
  if (fault !== null) throw new FerryError(fault.code, fault.message, fault.hint);
}

/** @returns null if there is nothing to report */
export function indexState(name: string, status: string, backfilling: boolean): string | null {
  const said = ruleOf(INDEX_STATES, status);
  if (said === null) return null;
  return `index ${name} is ${status}${backfilling ? ' and backfilling' : ''}: ${said ?? 'a state that this version of dynaferry does not know'}`;
}

/** @returns null if there is nothing to report */
export function replicaState(region: string, status: string): string | null {
  const said = ruleOf(REPLICA_STATES, status);
  if (said === null) return null;
  return `the replica in ${region} is ${status}: ${said ?? 'a state that this version of dynaferry does not know'}`;
}

/** Returns the rule of a state. The service may name a state that no list has, even `__proto__`. */
function ruleOf<T>(rules: Readonly<Record<string, T>>, status: string): T | undefined {
  return Object.hasOwn(rules, status) ? rules[status] : undefined;
}
