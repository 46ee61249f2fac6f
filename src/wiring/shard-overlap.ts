/**
 * Samples the declaration that no two shards share a value of a column: some values of each shard are looked up on all
 * others, each in the forms that the other's column may hold it in. One that is found refutes it; none found proves nothing, and the
 * run goes on watching the sharding column. What is one value is for same-value.ts to say, as in the run: a server finds more (`abc` for
 * `ABC`), and then gives one row of those that it takes for equal.
 */
import pLimit from 'p-limit';
import type { Config, SourceTableConfig } from '../config/model.js';
import { asFerryError, type Finding } from '../core/errors.js';
import type { Emitter } from '../core/events.js';
import type { KeyPart, TableInfo } from '../core/model.js';
import type { RowSource } from '../core/ports.js';
import type { CompiledMapping } from '../mapping/compile.js';
import { columnNamed } from '../mapping/compiled-template.js';
import { compileSameValue, type SameValue } from '../mapping/same-value.js';
import { canBeValueOf, isScanColumn } from '../mysql/scan-key.js';
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
  /** Of the tables whose mapping is in order. */
  readonly mappings: readonly CompiledMapping[];
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
      opened.map(async (holder) => ({
        shard: holder.shard,
        values: await turns.on(holder.shard, () => valuesOf(holder, signal)),
      })),
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
  readonly same: SameValue;
  /** A form of a value as `find` takes it for this column; null where the column cannot have it. */
  readonly written: (form: string | Buffer) => string | null;
}

/** A value of some shard: what makes it one with another's, and what cells it may stand in. */
interface SampledValue {
  readonly names: ReadonlySet<string>;
  readonly forms: readonly (string | Buffer)[];
}

/** @returns the shard of the first sample that this one has a value of, and this one; null where it has none */
async function firstShared(
  { shard, rows, same, written }: OpenedColumn,
  samples: readonly { readonly shard: string; readonly values: readonly SampledValue[] }[],
  signal: AbortSignal,
): Promise<readonly [string, string] | null> {
  for (const sample of samples) {
    if (sample.shard === shard) continue;
    const names = new Set(sample.values.flatMap((value) => [...value.names]));
    const texts = new Set(sample.values.flatMap(({ forms }) => forms.map(written)).filter((text) => text !== null));
    const found = await rows.find(
      Array.from(texts, (text) => [text]),
      signal,
    );
    const cells = found.map(([cell = null]) => cell).filter((cell) => cell !== null);
    if (cells.some((cell) => namesOf(same, cell).some((name) => names.has(name)))) return [sample.shard, shard];
  }
  return null;
}

function namesOf(same: SameValue, cell: string | Buffer): readonly string[] {
  return same.namesOf(cell).map((name) => JSON.stringify(name));
}

/** The column by itself, through an index that begins with it; null where there is none, or no literal for its type. */
function openColumn(
  config: Config,
  { shard, tables, indexes, mappings }: SampledShard,
  { name, where }: SourceTableConfig,
  column: string,
): (Omit<OpenedColumn, 'shard'> & { readonly close: () => Promise<void> }) | null {
  const table = tables.get(name);
  const index = indexes.get(name)?.get(column);
  const mapping = mappings.find((candidate) => candidate.table.name === name);
  if (table === undefined || mapping === undefined || index === undefined || !isScanColumn(table, column)) return null;
  const source = openShardSource(findShard(config, shard), config.source.limits, SILENT);
  const parts: readonly KeyPart[] = [{ column, descending: false }];
  const key = { name: index, parts, nullable: false, prefix: false };
  const { transport } = columnNamed(column, table);
  return {
    rows: source.open({ table, key, columns: [column], where }),
    same: compileSameValue(mapping, column),
    written: (form) => {
      const text = transport === 'bytes' ? Buffer.from(form).toString('hex') : form;
      return typeof text === 'string' && canBeValueOf(table, column, text) ? text : null;
    },
    close: () => source.close(),
  };
}

async function valuesOf({ rows, same }: OpenedColumn, signal: AbortSignal): Promise<readonly SampledValue[]> {
  const sample = await rows.sample(SAMPLED_VALUES, signal);
  const cells = sample.map(([cell = null]) => cell).filter((cell) => cell !== null);
  const values = cells.map((cell) => ({ names: new Set(namesOf(same, cell)), forms: same.formsOf(cell) }));
  return [...new Map(values.map((value) => [JSON.stringify([...value.names]), value])).values()];
}
