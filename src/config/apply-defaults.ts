/**
 * Turns the checked shape of a file into `Config`. It fills in defaults that depend on another field (TLS on the host,
 * read capacity on write capacity), names of unnamed items, and absolute paths. Nothing can fail here.
 */
import { resolve } from 'node:path';
import { isLoopback } from '../core/machine/loopback.js';
import type {
  Config,
  ItemMapping,
  ShardConfig,
  SourceTableConfig,
  TargetConfig,
  TlsConfig,
  TtlMapping,
} from './model.js';
import type { ConfigShape } from './schema/schema.js';

type ShardShape = ConfigShape['source']['shards'][number];
type ItemShape = ConfigShape['mapping'][string]['items'][number];

/** @param folder absolute path of the file's folder; relative paths start from it */
export function applyDefaults(
  shape: ConfigShape,
  folder: string,
): Omit<Config, 'file' | 'lineOf' | 'writtenAt' | 'toSend'> {
  const { source, target, mapping } = shape;
  return {
    state: resolve(folder, shape.state),
    stateMoves: shape.stateMoves,
    source: {
      shards: source.shards.map((shard) => completeShard(shard, folder)),
      tables: tablesOf(source),
      limits: source.limits,
    },
    target: completeTarget(target),
    mapping: Object.fromEntries(
      Object.entries(mapping).map(([table, { items }]) => [table, { items: items.map(completeItem) }]),
    ),
    verify: { maxAgeSeconds: shape.verify.maxAge },
  };
}

function tablesOf(source: ConfigShape['source']): readonly SourceTableConfig[] {
  return source.tables ?? (source.table === undefined ? [] : [source.table]);
}

function completeShard(shard: ShardShape, folder: string): ShardConfig {
  return { ...shard, tls: completeTls(shard, folder) };
}

/** A named certificate authority means TLS, on loopback too: a tunnel ends there. */
function completeTls(shard: ShardShape, folder: string): TlsConfig {
  const { mode, ca, profile } = shard.tls;
  const local = [shard, ...shard.replicas].every(({ host }) => isLoopback(host));
  return {
    mode: mode ?? (local && ca === null && profile === null ? 'off' : 'verify'),
    ca: ca === null ? null : resolve(folder, ca),
    profile,
  };
}

function completeTarget({ version, ...target }: ConfigShape['target']): TargetConfig {
  return {
    ...target,
    readCapacity: target.readCapacity ?? target.writeCapacity,
    version:
      version === null ? null : { attribute: version.attribute, tombstoneRetentionSeconds: version.tombstoneRetention },
  };
}

function completeItem({ name, partitionKey, sortKey, attributes, ttl }: ItemShape, index: number): ItemMapping {
  return {
    name: name ?? `item ${index + 1}`,
    partitionKey,
    sortKey: sortKey === null ? null : { ...sortKey, spread: null },
    attributes,
    ttl: ttl === null ? null : completeTtl(ttl),
  };
}

function completeTtl({ retention, ...ttl }: NonNullable<ItemShape['ttl']>): TtlMapping {
  return { ...ttl, retentionSeconds: retention };
}
