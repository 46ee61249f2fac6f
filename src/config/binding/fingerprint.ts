/**
 * What a shard's state is bound to: all whose change would make a resume wrong, and nothing else: `setting-changes.ts`
 * says what that is, and has the place of each setting here. Keyed by name wherever order has no meaning, so that a
 * difference reads as a path. A text that takes environment variables is bound without what they hold (`seal.ts`).
 */
import type { TableInfo, UniqueKey } from '../../core/model.js';
import type { Fingerprint } from '../../core/ports/state-ports.js';
import type { Path } from '../../core/text/config-path.js';
import { sealed } from './seal.js';
import type { AddedAttribute, Config, ItemMapping, SourceTableConfig } from '../model.js';

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
    // Absent where it is not: its limits may change.
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

/** In the file, its value stands under its kind. */
function sealedAdd(seal: <T>(below: Path, value: T) => T, path: Path, added: AddedAttribute): AddedAttribute {
  if (added.kind === 'template') return { ...added, template: seal([...path, 'template'], added.template) };
  return { ...added, value: seal([...path, 'constant'], added.value) };
}

/** The one table may stand by itself. */
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
 * Every text and constant below it that takes a variable, sealed. Numbers of durations and capacities say nothing of
 * anybody.
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

/** The parts in their order, which decides the order of a scan: `account_sid`, `created_at desc`. */
function keyParts({ parts }: UniqueKey): readonly string[] {
  return parts.map(({ column, descending }) => (descending ? `${column} desc` : column));
}

function keyed<T, V>(entries: readonly T[], nameOf: (entry: T) => string, valueOf: (entry: T) => V): Record<string, V> {
  return Object.fromEntries(entries.map((entry) => [nameOf(entry), valueOf(entry)]));
}
