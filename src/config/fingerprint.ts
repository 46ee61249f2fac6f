/**
 * What a shard's state is bound to: all whose change would make a resume wrong, and nothing else: `setting-changes.ts` says what that
 * is, and has the place of each setting here. Keyed by name wherever order has no meaning, so that a difference reads as a path.
 */
import type { TableInfo, UniqueKey } from '../core/model.js';
import type { Fingerprint } from '../core/state-ports.js';
import type { Config, ItemMapping, SourceTableConfig } from './model.js';

/**
 * @param tables as the shard's server describes them now
 * @param targetIdentity of the table that the items go to, whatever names it: region and endpoint may come from the
 *   environment, and a table may be replaced; null for a dry run, which has none
 */
export function resumeFingerprint(
  config: Config,
  tables: readonly TableInfo[],
  targetIdentity: string | null,
): Fingerprint {
  const { table, region, endpoint, liveWriter, version } = config.target;
  return {
    // By themselves, so that a state of before these were bound lacks them as a whole.
    declared: keyed(
      config.source.tables,
      ({ name }) => name,
      ({ shardedBy, globallyUnique }) => ({ shardedBy, globallyUnique: [...globallyUnique].sort() }),
    ),
    writer: {
      liveWriter,
      versionAttribute: version?.attribute ?? null,
      tombstonesKeptSeconds: version?.tombstonesKeptSeconds ?? null,
    },
    target: { table, region, endpoint, identity: targetIdentity },
    tables: keyed(
      config.source.tables,
      ({ name }) => name,
      (source) => tableFingerprint(config, source, tables),
    ),
  };
}

function tableFingerprint(config: Config, source: SourceTableConfig, tables: readonly TableInfo[]): object {
  const info = tables.find(({ name }) => name === source.name);
  return {
    where: source.where,
    scanKey: source.scanKey,
    // Absent where it is not: its limits may change.
    ...(source.wholeTable === null ? {} : { wholeTable: true }),
    items: keyed(config.mapping[source.name]?.items ?? [], ({ name }) => name, itemFingerprint),
    database: info?.database ?? null,
    columns: keyed(
      info?.columns ?? [],
      ({ name }) => name,
      ({ columnType, charset, collation, nullable }) => {
        return { columnType, charset, collation, nullable };
      },
    ),
    uniqueKeys: keyed(info?.uniqueKeys ?? [], ({ name }) => name, keyParts),
  };
}

function itemFingerprint({ partitionKey, sortKey, attributes, ttl }: ItemMapping): object {
  const { columns, drop, rules, add } = attributes;
  return {
    partitionKey,
    sortKey,
    attributes: { columns: columns === 'all' ? columns : [...columns].sort(), drop: [...drop].sort(), rules, add },
    ttl,
  };
}

/** The parts in their order, which decides the order of a scan: `account_sid`, `created_at desc`. */
function keyParts({ parts }: UniqueKey): readonly string[] {
  return parts.map(({ column, descending }) => (descending ? `${column} desc` : column));
}

function keyed<T, V>(entries: readonly T[], nameOf: (entry: T) => string, valueOf: (entry: T) => V): Record<string, V> {
  return Object.fromEntries(entries.map((entry) => [nameOf(entry), valueOf(entry)]));
}
