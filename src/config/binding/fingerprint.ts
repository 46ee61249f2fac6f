/**
 * Makes the fingerprint that a shard's state is bound to: every setting whose change would make a resume wrong, and no
 * other. `setting-changes.ts` lists them, with their paths here. Entries have names wherever order has no meaning, so
 * that a difference reads as a path. Texts with environment variables are bound without their values (`seal.ts`).
 */
import type { TableInfo, UniqueKey } from '../../core/model.js';
import type { Fingerprint } from '../../core/ports/state-records.js';
import type { Path } from '../../core/text/config-path.js';
import { sealed } from './seal.js';
import type { AddedAttribute, Config, ItemMapping, SourceTableConfig } from '../model.js';

/**
 * @param tables as the shard's server describes them now
 * @param targetIdentity identifies the target table itself; null: a dry run, which has no target. Region and endpoint
 *   are not enough: they may come from the environment, and a table may be replaced
 */
export function resumeFingerprint(
  config: Config,
  tables: readonly TableInfo[],
  targetIdentity: string | null,
): Fingerprint {
  const { table, region, endpoint, liveWriter, version } = config.target;
  return {
    // Apart from `tables`, so that older states, which did not bind these settings, lack the whole branch.
    declared: keyed(
      config.source.tables,
      ({ name }) => name,
      ({ shardedBy, globallyUnique }) => ({ shardedBy, globallyUnique: [...globallyUnique].sort() }),
    ),
    writer: {
      liveWriter,
      versionAttribute: version?.attribute ?? null,
      tombstoneRetentionSeconds: version?.tombstoneRetentionSeconds ?? null,
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
    where: sealedIn(config, tablePaths(config, source), ['where'], source.where),
    scanKey: source.scanKey,
    // Only whether it is given: its limits may change.
    ...(source.wholeTable === null ? {} : { wholeTable: true }),
    items: Object.fromEntries(
      (config.mapping[source.name]?.items ?? []).map((item, index) => {
        return [item.name, itemFingerprint(config, ['mapping', source.name, 'items', index], item)];
      }),
    ),
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

function itemFingerprint(config: Config, path: Path, { partitionKey, sortKey, attributes, ttl }: ItemMapping): object {
  const { columns, drop, rules, add } = attributes;
  const seal = <T>(below: Path, value: T): T => sealedTree(config, [...path, ...below], value);
  return {
    partitionKey: seal(['partitionKey'], partitionKey),
    sortKey: seal(['sortKey'], sortKey),
    attributes: {
      columns: columns === 'all' ? columns : [...columns].sort(),
      drop: [...drop].sort(),
      rules: seal(['attributes', 'rules'], rules),
      add: Object.fromEntries(
        Object.entries(add).map(([name, added]) => [name, sealedAdd(seal, ['attributes', 'add', name], added)]),
      ),
    },
    ttl: seal(['ttl'], ttl),
  };
}

/** Seals an added attribute. In the file, the key of its value is its kind. */
function sealedAdd(seal: <T>(below: Path, value: T) => T, path: Path, added: AddedAttribute): AddedAttribute {
  if (added.kind === 'template') return { ...added, template: seal([...path, 'template'], added.template) };
  return { ...added, value: seal([...path, 'constant'], added.value) };
}

/** Returns the paths at which the file may have the table: in the list, or as the only one. */
function tablePaths(config: Config, source: SourceTableConfig): readonly Path[] {
  return [
    ['source', 'tables', config.source.tables.indexOf(source)],
    ['source', 'table'],
  ];
}

function sealedIn<T>(config: Config, bases: readonly Path[], below: Path, value: T): T {
  return bases.reduce((part, base) => (part === value ? sealedTree(config, [...base, ...below], part) : part), value);
}

/**
 * Seals every text and constant below the path that uses a variable. Durations and capacities are numbers that reveal
 * nothing about a person.
 */
function sealedTree<T>(config: Config, path: Path, value: T): T {
  if (typeof value === 'object' && value !== null) {
    const parts = Object.entries(value as Record<string, unknown>);
    return Object.fromEntries(parts.map(([name, part]) => [name, sealedTree(config, [...path, name], part)])) as T;
  }
  const written = config.writtenAt(path);
  const hidden = written !== null && (typeof value === 'string' || path.at(-1) === 'constant');
  return hidden ? (sealed(written, value as string) as T) : value;
}

/** Returns the key parts in order, which is the order of a scan: `account_sid`, `created_at desc`. */
function keyParts({ parts }: UniqueKey): readonly string[] {
  return parts.map(({ column, descending }) => (descending ? `${column} desc` : column));
}

function keyed<T, V>(entries: readonly T[], nameOf: (entry: T) => string, valueOf: (entry: T) => V): Record<string, V> {
  return Object.fromEntries(entries.map((entry) => [nameOf(entry), valueOf(entry)]));
}
