/** What the target table is and what the config expects it to be; created first where that was asked for. */
import type { Config } from '../config/model.js';
import { askedAgain } from '../dynamodb/table/absence.js';
import { connectTarget } from '../dynamodb/client.js';
import { createTable } from '../dynamodb/table/create-table.js';
import { describeTargetTable, type KeyAttribute, type TableFacts } from '../dynamodb/table/describe-table.js';
import { missingTable, type TargetExpectation } from '../dynamodb/table/table-findings.js';
import type { LocalIndex } from '../mapping/item/local-indexes.js';

/** @returns null where there is no such table @throws FerryError E_TARGET_* */
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

/** Of a table that the preflight has seen, or made. @throws FerryError E_TARGET_*, E_TARGET_TABLE_MISSING */
export async function existingTarget(config: Config, signal: AbortSignal): Promise<TableFacts> {
  const facts = await askedAgain(() => targetFacts(config, false, signal), signal);
  if (facts === null) throw missingTable(config.target.table);
  return facts;
}

/**
 * What mappings are compiled with. Whoever asked hears himself of a target that did not answer, after what the source
 * has to say; until then there is none. Nor has a table that is not there: the one that `--create-table` makes has
 * global indexes alone.
 */
export async function localIndexesOf(asked: Promise<TableFacts | null>): Promise<readonly LocalIndex[]> {
  const facts = await asked.catch(() => null);
  return facts?.indexes.filter(({ local }) => local) ?? [];
}

/** All mappings write to one table, so any item names its keys (the config sees to that). */
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

/** AWS: what a new on-demand table takes. */
const NEW_ON_DEMAND_UNITS = 4_000;

/** What all shards of a run begin with. */
export interface TargetAtStart {
  /** null: there is no such table. */
  readonly identity: string | null;
  /** Write units per second that an on-demand table takes at once; null where its capacity is provisioned. */
  readonly warmUnits: number | null;
}

/** @throws FerryError E_TARGET_* */
export async function targetAtStart(config: Config, signal: AbortSignal): Promise<TargetAtStart> {
  const facts = await targetFacts(config, false, signal);
  const warmUnits = facts?.billing === 'on-demand' ? (facts.warmWriteUnits ?? NEW_ON_DEMAND_UNITS) : null;
  return { identity: facts?.identity ?? null, warmUnits };
}

/**
 * Write units charged in all for one unit of the table: an index that items appear in charges its own (AWS, "Write
 * capacity units and indexes"). Every index is counted, since items are most often in all of them; a missing table
 * counts the config's own.
 * @param facts null: there is no such table yet
 */
export function indexFactor(config: Config, facts: TableFacts | null): number {
  const indexes = facts === null ? config.target.create.indexes.length : facts.indexes.length;
  return 1 + indexes;
}
