/** Reads what the target table is, and says what the config expects. On request it creates the table first. */
import type { Config } from '../config/model.js';
import { askedAgain } from '../dynamodb/table/absence.js';
import { connectTarget } from '../dynamodb/client.js';
import { createTable } from '../dynamodb/table/create-table.js';
import { describeTargetTable, type KeyAttribute, type TableFacts } from '../dynamodb/table/describe-table.js';
import { missingTable, type TargetExpectation } from '../dynamodb/table/table-findings.js';
import type { LocalIndex } from '../mapping/item/local-indexes.js';

/**
 * @returns null if the table does not exist
 * @throws FerryError E_TARGET_*
 */
export async function targetFacts(config: Config, create: boolean, signal: AbortSignal): Promise<TableFacts | null> {
  const connection = await connectTarget(config.target);
  try {
    const facts = await describeTargetTable(connection, config.target.table, signal);
    if (facts !== null || !create) return facts;
    const { billing, indexes } = config.target.create;
    const { readCapacity } = config.target;
    return await createTable(connection, { ...expectationOf(config), billing, indexes, readCapacity }, signal);
  } finally {
    connection.close();
  }
}

/** Reads a table that the preflight has seen or created. @throws FerryError E_TARGET_*, E_TARGET_TABLE_MISSING */
export async function existingTarget(config: Config, signal: AbortSignal): Promise<TableFacts> {
  const facts = await askedAgain(() => targetFacts(config, false, signal), signal);
  if (facts === null) throw missingTable(config.target.table);
  return facts;
}

/**
 * Returns the local indexes that mappings are compiled with. A target that did not answer counts as one without local
 * indexes. The caller handles its error later, after the faults of the source. A missing table has none either:
 * `--create-table` makes only global indexes.
 */
export async function localIndexesOf(asked: Promise<TableFacts | null>): Promise<readonly LocalIndex[]> {
  const facts = await asked.catch(() => null);
  return facts?.indexes.filter(({ local }) => local) ?? [];
}

/**
 * Returns what the config expects. All mappings write to one table, so any item names its keys (the config's checks
 * ensure that).
 */
export function expectationOf(config: Config): TargetExpectation {
  const items = Object.values(config.mapping).flatMap((mapping) => mapping.items);
  const [first] = items;
  if (first === undefined) throw new TypeError('a config without items passed validation');
  const attribute = ({ name, type }: KeyAttribute): KeyAttribute => ({ name, type });
  return {
    table: config.target.table,
    partitionKey: attribute(first.partitionKey),
    sortKey: first.sortKey === null ? null : attribute(first.sortKey),
    ttlAttribute: items.find((item) => item.ttl !== null)?.ttl?.attribute ?? null,
    writeCapacity: config.target.writeCapacity,
    maxInFlightRequests: config.target.maxInFlightRequests,
    version: config.target.version,
  };
}

/** AWS: a new on-demand table takes 4,000 write units a second. */
const NEW_ON_DEMAND_UNITS = 4_000;

/** The facts that all shards of a run start with. */
export interface TargetAtStart {
  /** null: the table does not exist. */
  readonly identity: string | null;
  /** Write units a second that an on-demand table takes at once; null: its capacity is provisioned. */
  readonly warmUnits: number | null;
}

/** @throws FerryError E_TARGET_* */
export async function targetAtStart(config: Config, signal: AbortSignal): Promise<TargetAtStart> {
  const facts = await targetFacts(config, false, signal);
  const warmUnits = facts?.billing === 'on-demand' ? (facts.warmWriteUnits ?? NEW_ON_DEMAND_UNITS) : null;
  return { identity: facts?.identity ?? null, warmUnits };
}

/**
 * Returns the write units charged for one unit of the table. An index that items appear in charges its own (AWS, "Write
 * capacity units and indexes"). Every index counts, since items are mostly in all of them. For a missing table, the
 * config's indexes count.
 * @param facts null: the table does not exist yet
 */
export function indexFactor(config: Config, facts: TableFacts | null): number {
  const indexes = facts === null ? config.target.create.indexes.length : facts.indexes.length;
  return 1 + indexes;
}
