/**
 * Opens one shard for work: it opens the source, describes each table, chooses its scan key and compiles its mapping.
 */
import type { Config, ShardConfig, SourceLimits, SourceTableConfig } from '../../config/model.js';
import type { PauseGate } from '../../core/async/pause-gate.js';
import { FerryError } from '../../core/errors.js';
import type { Emitter } from '../../core/events.js';
import type { TableInfo } from '../../core/model.js';
import { nearest } from '../../core/text/nearest.js';
import type { ShardSource } from '../../core/ports/source-ports.js';
import type { TableJob } from '../../engine/pass/table-job.js';
import { compileMapping, type CompiledMapping } from '../../mapping/compile.js';
import type { LocalIndex } from '../../mapping/item/local-indexes.js';
import { chooseScanKey } from '../../mysql/keyset/scan-key.js';
import { openShardSource } from '../../mysql/shard-source.js';
import { checkDeclaredColumns } from './key-guard.js';

export interface ShardSession {
  readonly shard: ShardConfig;
  readonly source: ShardSource;
  readonly jobs: readonly TableJob[];
  close(): Promise<void>;
}

/** Controls that may change while a source is in use. By default: the config's limits, and no pause. */
interface SourceControls {
  readonly limits?: SourceLimits;
  readonly pause?: PauseGate;
}

/**
 * @param localIndexes of the target table, possibly not answered yet; backfill, verify, diff and plan have to judge a
 *   row the same way
 * @throws FerryError E_SHARD_UNKNOWN, E_SOURCE_*, E_TABLE_*, E_MAPPING_*
 */
export async function openShardSession(
  config: Config,
  shardId: string,
  emitter: Emitter,
  signal: AbortSignal,
  localIndexes: Promise<readonly LocalIndex[]>,
  { limits = config.source.limits, pause }: SourceControls = {},
): Promise<ShardSession> {
  const shard = findShard(config, shardId);
  const source = openShardSource(shard, limits, emitter, pause);
  try {
    const jobs: TableJob[] = [];
    for (const table of config.source.tables) {
      const info = await source.describe(table.name, signal);
      const mapping = compileTable(config, info, await localIndexes);
      jobs.push(openJob(source, table, info, mapping));
    }
    return { shard, source, jobs, close: () => source.close() };
  } catch (error) {
    await source.close();
    throw error;
  }
}

function openJob(
  source: ShardSource,
  { where, scanKey, wholeTable, shardedBy }: SourceTableConfig,
  table: TableInfo,
  mapping: CompiledMapping,
): TableJob {
  const columns = withColumn(mapping.columns, shardedBy);
  const shardColumn = shardedBy === null ? null : { name: shardedBy, index: columns.indexOf(shardedBy) };
  if (wholeTable !== null) {
    const rows = source.openWhole({ table, columns, where, ...wholeTable });
    return { mapping, scanKey: null, shardColumn, source: rows };
  }
  const key = chooseScanKey(table, scanKey);
  return { mapping, scanKey: key.name, shardColumn, source: source.open({ table, key, columns, where }) };
}

/** Adds a column behind those of the mapping, which keep their places. */
function withColumn(columns: readonly string[], further: string | null): readonly string[] {
  return further === null || columns.includes(further) ? columns : [...columns, further];
}

/** @throws FerryError E_MAPPING_* */
export function compileTable(config: Config, info: TableInfo, localIndexes: readonly LocalIndex[]): CompiledMapping {
  const mapping = config.mapping[info.name];
  if (mapping === undefined) {
    throw new FerryError(
      'E_MAPPING_INVALID',
      `table ${info.name} has no mapping`,
      `add \`mapping.${info.name}\` to ${config.file}`,
    );
  }
  checkDeclaredColumns(config, info);
  return compileMapping(info, mapping, config.lineOf, config.target.version?.attribute ?? null, localIndexes);
}

/** @throws FerryError E_SHARD_UNKNOWN */
export function findShard(config: Config, id: string): ShardConfig {
  const known = config.source.shards.map((shard) => shard.id);
  const shard = config.source.shards.find((candidate) => candidate.id === id);
  if (shard !== undefined) return shard;
  const near = nearest(id, known);
  throw new FerryError(
    'E_SHARD_UNKNOWN',
    `the config has no shard "${id}"`,
    near === null ? `it has ${known.join(', ')}` : `did you mean "${near}"? It has ${known.join(', ')}`,
  );
}
