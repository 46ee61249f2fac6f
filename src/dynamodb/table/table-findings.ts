/**
 * Compares the target table with what the mapping and the config expect: the preflight of the target. It returns all
 * findings at once. It is pure, so that tests need no table.
 */
import type { TargetConfig } from '../../config/model.js';
import { FerryError, type ErrorCode, type Finding } from '../../core/errors.js';
import type { KeyAttribute, TableFacts, TableKeys } from './describe-table.js';
import { indexState, replicaState, stateFault } from './table-states.js';

export interface TargetExpectation extends TableKeys {
  readonly table: string;
  /** The attribute that the mapping's TTL fills; null: the mapping has no TTL. */
  readonly ttlAttribute: string | null;
  /** Write capacity units a second of the whole migration. */
  readonly writeCapacity: number;
  /** Requests of one shard at a time. */
  readonly maxInFlightRequests: number;
  /** null: no other program writes to the table. */
  readonly version: TargetConfig['version'];
}

export function missingTable(table: string): FerryError {
  return new FerryError(
    'E_TARGET_TABLE_MISSING',
    `table ${table} does not exist at this endpoint and region`,
    'check target.region, target.endpoint and target.table, or let `dynaferry backfill --create-table` create it',
  );
}

/** @param facts null: the table does not exist */
export function targetFaults(facts: TableFacts | null, expected: TargetExpectation): readonly Finding[] {
  const findings: Finding[] = liveWriterWarnings(expected);
  if (facts === null) {
    findings.push({ ...missingTable(expected.table).toFault(), level: 'error' });
    return findings;
  }
  const state = stateFault(facts.name, facts.status, facts.details);
  if (state !== null) findings.push({ ...state, level: 'error' });
  if (!sameKeys(facts, expected)) {
    findings.push(
      error(
        'E_TARGET_KEY_SCHEMA',
        `table ${facts.name} has ${describeKeys(facts)}; the mapping makes ${describeKeys(expected)}`,
        "change the names and types of the mapping's keys, or name another table in target.table: the keys of a table cannot change",
      ),
    );
  }
  findings.push(...stateWarnings(facts), ...ttlWarnings(facts, expected), ...capacityWarnings(facts, expected));
  return findings;
}

/** The time of a put until its answer, near the region, in ms: a high guess. */
const PUT_MS = 10;

/** Warns of what a live writer may lose. It warns each time, because such a loss is silent. */
function liveWriterWarnings({ version, writeCapacity, maxInFlightRequests }: TargetExpectation): Finding[] {
  if (version === null) return [];
  const warnings: Finding[] = [];
  if (version.tombstoneRetentionSeconds === null) {
    warnings.push(
      warning(
        'target.version has no `tombstoneRetention`: an item that the application deletes during the backfill can come back',
        'let the application replace deleted items by tombstones with a newer version, and set how long it keeps them. Or make sure that it deletes nothing during the backfill',
      ),
    );
  }
  const putsPerSecond = Math.floor((1_000 / PUT_MS) * maxInFlightRequests);
  if (putsPerSecond < writeCapacity) {
    warnings.push(
      warning(
        `beside a live writer, dynaferry puts items one by one. ${maxInFlightRequests} requests in flight write about ${putsPerSecond} items a second per shard, but target.writeCapacity is ${writeCapacity}`,
        'raise target.maxInFlightRequests, run several shards at once (--jobs), or expect a slower run',
      ),
    );
  }
  return warnings;
}

/**
 * Returns what is under way in an index or in another region. That is not a fault of the table, but the operator should
 * know which index or region it is.
 */
function stateWarnings({ name, indexes, replicas }: TableFacts): Finding[] {
  const said = [
    ...indexes.map((index) => indexState(index.name, index.status, index.backfilling)),
    ...replicas.map((replica) => replicaState(replica.region, replica.status)),
  ];
  return said
    .filter((text) => text !== null)
    .map((text) =>
      warning(
        `table ${name}: ${text}`,
        'wait until all indexes and replicas of the table are ACTIVE, or expect a slower run',
      ),
    );
}

function ttlWarnings(facts: TableFacts, expected: TargetExpectation): Finding[] {
  const wanted = expected.ttlAttribute;
  if (facts.ttl === 'unsupported') return [];
  if (facts.ttl === 'denied') {
    if (wanted === null) return [];
    return [
      warning(
        `AWS denied the TTL status of table ${facts.name}: verify will count items that TTL deletes as missing`,
        'allow dynamodb:DescribeTimeToLive on the table',
      ),
    ];
  }
  if (wanted === null) {
    if (facts.ttl === null) return [];
    return [
      warning(
        `table ${facts.name} expires items by attribute ${facts.ttl.attribute}, which no \`ttl\` rule of the mapping fills`,
        'make sure that no mapped column has that name: TTL could delete items that should stay',
      ),
    ];
  }
  if (facts.ttl === null || facts.ttl.status === 'DISABLING') {
    return [
      warning(
        `the mapping fills TTL attribute ${wanted}, but TTL is off on table ${facts.name}: nothing will expire`,
        `turn on TTL for attribute ${wanted}, at the latest when the migration is verified`,
      ),
    ];
  }
  if (facts.ttl.attribute === wanted) return [];
  return [
    warning(
      `the mapping fills TTL attribute ${wanted}, but table ${facts.name} expires items by ${facts.ttl.attribute}`,
      "use one name for both: change ttl.attribute in the mapping, or the table's TTL setting",
    ),
  ];
}

function capacityWarnings(facts: TableFacts, expected: TargetExpectation): Finding[] {
  const warnings: Finding[] = [];
  const { provisionedWriteUnits, warmWriteUnits } = facts;
  if (provisionedWriteUnits !== null && provisionedWriteUnits < expected.writeCapacity) {
    warnings.push(
      warning(
        `table ${facts.name} has ${provisionedWriteUnits} WCU provisioned, but target.writeCapacity is ${expected.writeCapacity}: the table will throttle`,
        "raise the table's capacity, or lower target.writeCapacity; leave capacity for other writers of the table",
      ),
    );
  }
  if (facts.billing === 'on-demand' && warmWriteUnits !== null && warmWriteUnits < expected.writeCapacity) {
    warnings.push(
      warning(
        `table ${facts.name} is warm for ${warmWriteUnits} write units a second, but target.writeCapacity is ${expected.writeCapacity}. A run starts at the warm throughput, and at most doubles it every 30 minutes`,
        "raise the table's warm throughput before the run (AWS bills it once, and you cannot lower it), or let it grow",
      ),
    );
  }
  const local = facts.indexes.filter((index) => index.local).map((index) => index.name);
  if (local.length > 0) {
    warnings.push(
      warning(
        `table ${facts.name} has local indexes (${local.join(', ')}): items of one partition key may not exceed 10 GB, and hot keys are not split`,
        'spread large accounts over several partition keys (mapping partitionKey.spread)',
      ),
      warning(
        `table ${facts.name} has local indexes (${local.join(', ')}): DynamoDB allows 400 KB for an item and its entries in them together`,
        'a dry run does not use the target: only `diff` and the backfill find rows that are too large for this reason',
      ),
    );
  }
  if (facts.stream) {
    warnings.push(
      warning(
        `table ${facts.name} has a stream: its consumers will see every item of the migration`,
        'make sure that the consumers can handle that load, or turn on the stream after the migration',
      ),
    );
  }
  return warnings;
}

function sameKeys(a: TableKeys, b: TableKeys): boolean {
  return sameAttribute(a.partitionKey, b.partitionKey) && sameAttribute(a.sortKey, b.sortKey);
}

function sameAttribute(a: KeyAttribute | null, b: KeyAttribute | null): boolean {
  return a?.name === b?.name && a?.type === b?.type;
}

function describeKeys({ partitionKey, sortKey }: TableKeys): string {
  const partition = `partition key ${partitionKey.name} (${partitionKey.type})`;
  return sortKey === null ? `${partition} and no sort key` : `${partition}, sort key ${sortKey.name} (${sortKey.type})`;
}

function error(code: ErrorCode, message: string, hint: string): Finding {
  return { code, message, hint, level: 'error' };
}

/** Makes a warning under the preflight's own code, since a warning is not a failure. */
function warning(message: string, hint: string): Finding {
  return { code: 'E_PREFLIGHT', message, hint, level: 'warning' };
}
