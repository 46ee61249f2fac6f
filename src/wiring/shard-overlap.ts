/**
 * Samples the declaration that no two shards share a value of a column: some values of each shard are looked up on all
 * others. One that is found refutes it; none found proves nothing, and the run goes on watching the sharding column.
 */
import pLimit from 'p-limit';
import type { Config, SourceTableConfig } from '../config/model.js';
import { asFerryError, type Finding } from '../core/errors.js';
import type { Emitter } from '../core/events.js';
import type { Cell, KeyPart, TableInfo } from '../core/model.js';
import type { RowSource } from '../core/ports.js';
import { isScanColumn } from '../mysql/scan-key.js';
import { openShardSource } from '../mysql/shard-source.js';
import { columnsOfOneShard } from './key-guard.js';
import { ServerTurns } from './server-turns.js';
import { findShard } from './shard-session.js';

/** A shard whose tables could be looked at. */
export interface SampledShard {
  readonly shard: string;
  readonly tables: ReadonlyMap<string, TableInfo>;
  /** By table: an index that begins with a column, by column. */
  readonly indexes: ReadonlyMap<string, ReadonlyMap<string, string>>;
}

/** Values taken from each shard: each costs a few index lookups there, and one on every other shard. */
const SAMPLED_VALUES = 16;

/** Shards that look values up side by side. */
const AT_ONCE = 8;

const SILENT: Emitter = { emit: () => undefined };

/** @throws FerryError E_INTERRUPTED alone */
export async function sampleOverlaps(
  config: Config,
  shards: readonly SampledShard[],
  signal: AbortSignal,
): Promise<{ readonly findings: readonly Finding[]; readonly seen: readonly string[] }> {
  const findings: Finding[] = [];
  const seen: string[] = [];
  if (shards.length < 2) return { findings, seen };
  for (const table of config.source.tables) {
    for (const column of columnsOfOneShard(table)) {
      try {
        const overlap = await sampleColumn(config, shards, table, column, signal);
        if (typeof overlap === 'string') seen.push(`${table.name}.${column}: ${overlap}`);
        else findings.push(refuted(table.name, column, overlap));
      } catch (thrown) {
        const error = asFerryError(thrown);
        if (error.code === 'E_INTERRUPTED') throw error;
        findings.push({ ...error.toFault(), level: 'error' });
      }
    }
  }
  return { findings, seen };
}

function refuted(table: string, column: string, [one, other]: readonly [string, string]): Finding {
  return {
    level: 'error',
    code: 'E_SHARD_OVERLAP',
    message: `a value of ${table}.${column} is on shards ${one} and ${other}, but the config declares that each is on one shard only: rows of one could overwrite rows of the other`,
    hint: 'leave the rows of one shard out with `where`, remove what an earlier move of the account left behind, or take the column out of `shardedBy` and `globallyUnique`: then every item key is recorded',
  };
}

/** @returns two shards that share a value, or what was seen */
async function sampleColumn(
  config: Config,
  shards: readonly SampledShard[],
  table: SourceTableConfig,
  column: string,
  signal: AbortSignal,
): Promise<readonly [string, string] | string> {
  const opened = shards.flatMap((shard) => {
    const source = openColumn(config, shard, table, column);
    return source === null ? [] : [{ shard: shard.shard, ...source }];
  });
  const turns = new ServerTurns(config);
  try {
    if (opened.length < 2) return 'declared to be of one shard only; not sampled, as no index begins with it';
    const samples = await Promise.all(
      opened.map(async ({ shard, rows }) => ({ shard, values: await turns.on(shard, () => valuesOf(rows, signal)) })),
    );
    // Every value goes to every other shard: one after the other that would take minutes on a cluster of ninety.
    const limit = pLimit(AT_ONCE);
    const found = await Promise.all(
      opened.map((holder) => turns.on(holder.shard, () => limit(() => firstShared(holder, samples, signal)))),
    );
    const shared = found.find((pair) => pair !== null) ?? null;
    if (shared !== null) return shared;
    const values = samples.reduce((sum, sample) => sum + sample.values.length, 0);
    return `declared to be of one shard only; ${values} sampled values are on no second one`;
  } finally {
    await Promise.all(opened.map(({ close }) => close()));
  }
}

interface OpenedColumn {
  readonly shard: string;
  readonly rows: RowSource;
}

/** @returns the shard of the first sample that this one has a value of, and this one; null where it has none */
async function firstShared(
  { shard, rows }: OpenedColumn,
  samples: readonly { readonly shard: string; readonly values: readonly string[] }[],
  signal: AbortSignal,
): Promise<readonly [string, string] | null> {
  for (const sample of samples) {
    if (sample.shard === shard) continue;
    const found = await rows.find(
      sample.values.map((value) => [value]),
      signal,
    );
    if (found.length > 0) return [sample.shard, shard];
  }
  return null;
}

/** The column by itself, through an index that begins with it; null where there is none, or no literal for its type. */
function openColumn(
  config: Config,
  { shard, tables, indexes }: SampledShard,
  { name, where }: SourceTableConfig,
  column: string,
): { readonly rows: RowSource; readonly close: () => Promise<void> } | null {
  const table = tables.get(name);
  const index = indexes.get(name)?.get(column);
  if (table === undefined || index === undefined || !isScanColumn(table, column)) return null;
  const source = openShardSource(findShard(config, shard), config.source.limits, SILENT);
  const parts: readonly KeyPart[] = [{ column, descending: false }];
  const key = { name: index, parts, nullable: false, prefix: false };
  return { rows: source.open({ table, key, columns: [column], where }), close: () => source.close() };
}

async function valuesOf(rows: RowSource, signal: AbortSignal): Promise<readonly string[]> {
  const sample = await rows.sample(SAMPLED_VALUES, signal);
  const written = (cell: Cell | undefined): readonly string[] =>
    cell === null || cell === undefined ? [] : [typeof cell === 'string' ? cell : cell.toString('hex')];
  return [...new Set(sample.flatMap(([cell]) => written(cell)))];
}
