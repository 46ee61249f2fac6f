/**
 * Tests by samples the declaration that no two shards share a value of a column. It looks up some values of each shard
 * on all others, in each form that the other's column may hold. One value that is found refutes the declaration. If
 * none is found, that proves nothing, and the run continues to watch the sharding column. `same-value.ts` decides what
 * is one value, as in the run. A server finds more (`abc` for `ABC`), and returns only one of the rows that it takes
 * for equal.
 *
 * The cost grows with the number of shards, not with its square. The sample has the same size in all, however many
 * shards there are, and dynaferry asks each server for all values at once. No other check compares each shard with each
 * other either. `valueFindings` and `bindingFindings` compare the different definitions and changes, of which there are
 * few. `npm run bench:shards` measures every command.
 */
import pLimit from 'p-limit';
import type { Config, SourceTableConfig } from '../../config/model.js';
import type { Finding } from '../../core/errors.js';
import { namesOfServer } from '../../core/text/shown-text.js';
import { asFerryError } from '../../core/thrown.js';
import type { Emitter } from '../../core/events.js';
import type { KeyPart, TableInfo } from '../../core/model.js';
import type { RowSource } from '../../core/ports/source-ports.js';
import type { CompiledMapping } from '../../mapping/compile.js';
import { columnNamed } from '../../mapping/template/compiled-template.js';
import { compileSameValue, type SameValue } from '../../mapping/key/same-value.js';
import { canBeValueOf, isScanColumn } from '../../mysql/keyset/scan-key.js';
import { openShardSource } from '../../mysql/shard-source.js';
import { columnsOfOneShard } from '../run/key-guard.js';
import { ServerTurns } from '../server-turns.js';
import { findShard } from '../run/shard-session.js';
import { errorsOf, NOTHING_FOUND, ofRun, ofShard, type OwnedFinding, type Part } from './owned-finding.js';

/** A shard whose tables could be looked at. */
export interface SampledShard {
  readonly shard: string;
  readonly tables: ReadonlyMap<string, TableInfo>;
  /** By table, then by column: an index that starts with the column. */
  readonly indexes: ReadonlyMap<string, ReadonlyMap<string, string>>;
  /** Only of tables whose mapping is in order. */
  readonly mappings: readonly CompiledMapping[];
}

/** The most values from one shard. Each costs a few index lookups there, and one on every other shard. */
const SAMPLED_VALUES = 16;

/**
 * Values in all, at least one from each shard. They show what shards share widely. Ten times as many would not show
 * what they share rarely.
 */
const SAMPLED_IN_ALL = 256;

/** Shards that are asked at the same time. */
const AT_ONCE = 32;

/**
 * The most statements on values that a server holds to be equal although they are not one value. After them, the test
 * leaves the rest out. Otherwise, if shards differ only in case and a collation ignores case, each value would cost
 * statements.
 */
const MISTAKEN_LOOKUPS = 64;

const SILENT: Emitter = { emit: () => undefined };

/**
 * A fault of a shard while it is asked is that shard's own: the others are compared without it.
 * @throws FerryError only E_INTERRUPTED
 */
export async function sampleOverlaps(
  config: Config,
  shards: readonly SampledShard[],
  signal: AbortSignal,
): Promise<Part> {
  const parts: Part[] = [];
  if (shards.length < 2) return NOTHING_FOUND;
  for (const table of config.source.tables) {
    for (const column of columnsOfOneShard(table))
      parts.push(await sampleColumn(config, shards, table, column, signal));
  }
  return {
    findings: parts.flatMap(({ findings }) => findings),
    seen: parts.flatMap(({ seen }) => seen),
    unseen: parts.flatMap(({ unseen }) => unseen),
  };
}

function refuted(table: string, column: string, [one, other]: readonly [string, string]): Finding {
  return {
    level: 'error',
    code: 'E_SHARD_OVERLAP',
    message: `a value of ${table}.${column} is on shards ${one} and ${other}, but the config declares that each is on one shard only. Rows of one could overwrite rows of the other`,
    hint: 'exclude the rows of one shard with `where`, or delete what an earlier move of the account left behind. Or remove the column from `shardedBy` and `globallyUnique`: dynaferry then records every item key',
  };
}

async function sampleColumn(
  config: Config,
  shards: readonly SampledShard[],
  table: SourceTableConfig,
  column: string,
  signal: AbortSignal,
): Promise<Part> {
  const name = `${table.name}.${column}`;
  const holders: Holder[] = [];
  const unasked = new Map<string, Unasked>();
  for (const shard of shards) {
    const open = columnOpener(config, shard, table, column);
    if (typeof open === 'string') unasked.set(shard.shard, open);
    else holders.push({ shard: shard.shard, open });
  }
  const findings: OwnedFinding[] = [];
  const turns = new ServerTurns(config);
  const limit = pLimit(AT_ONCE);
  const onEach = async <T>(ask: (column: OpenedColumn) => Promise<T>): Promise<readonly T[]> => {
    const asked = holders
      .filter(({ shard }) => !unasked.has(shard))
      .map(async ({ shard, open }) => {
        try {
          return [await turns.on(shard, () => limit(() => withColumn({ shard, ...open() }, ask)))];
        } catch (thrown) {
          const error = asFerryError(thrown, `shard ${shard}: looking at ${name}`);
          if (error.code === 'E_INTERRUPTED') throw error;
          unasked.set(shard, 'fault');
          findings.push(...errorsOf(error).map((finding) => ofShard(shard, finding)));
          return [];
        }
      });
    // Waits until all shards have answered before it throws, so that nothing continues after the verdict.
    await Promise.allSettled(asked);
    return (await Promise.all(asked)).flat();
  };
  const declared = `${name}: declared to be of one shard only`;
  const left = (): string => whyUnasked(shards, unasked);
  if (holders.length < 2) return { findings, seen: [], unseen: [`${declared}; not looked at: ${left()}`] };
  const wanted = Math.max(1, Math.min(SAMPLED_VALUES, Math.ceil(SAMPLED_IN_ALL / holders.length)));
  const values = (await onEach((opened) => valuesOf(opened, wanted, signal))).flat();
  const found = await onEach((opened) => firstShared(opened, values, signal));
  const shared = found.find(({ pair }) => pair !== null)?.pair ?? null;
  if (shared !== null)
    return { findings: [...findings, ...ofRun([refuted(table.name, column, shared)])], seen: [], unseen: [] };
  if (found.length < 2) return { findings, seen: [], unseen: [`${declared}; not looked at: ${left()}`] };
  const among =
    unasked.size === 0
      ? 'on no second shard'
      : `on no second shard of the ${found.length} sampled ones; others were not sampled, because ${left()}`;
  const seen = `${declared}; ${values.length} sampled values are ${among}`;
  const partly = found.filter(({ whole }) => !whole).length;
  const some = `; dynaferry looked up only some of them on ${partly} ${partly === 1 ? 'shard' : 'shards'}, whose collation holds many values to be equal`;
  return { findings, seen: [partly === 0 ? seen : seen + some], unseen: [] };
}

/**
 * Why a shard is not asked for a column. `unmapped`: its table was not looked at, or not mapped. `no literal`: a lookup
 * cannot name a value of the column's type. `fault`: the shard failed when it was asked.
 */
type Unasked = 'unmapped' | 'no index' | 'no literal' | 'fault';

const REASONS: Readonly<Record<Unasked, (shards: readonly string[], all: boolean) => string>> = {
  unmapped: (shards) => `${shardsIn(shards)} ${shards.length === 1 ? 'has' : 'have'} other faults`,
  fault: (shards) => `${shardsIn(shards)} could not be asked`,
  'no index': (shards, all) => `no index begins with it${all ? '' : ` on ${shardsIn(shards)}`}`,
  'no literal': (shards, all) => `values of its type cannot be looked up${all ? '' : ` on ${shardsIn(shards)}`}`,
};

function whyUnasked(shards: readonly SampledShard[], unasked: ReadonlyMap<string, Unasked>): string {
  return (['unmapped', 'fault', 'no index', 'no literal'] as const)
    .flatMap((reason) => {
      const these = shards.map(({ shard }) => shard).filter((shard) => unasked.get(shard) === reason);
      return these.length === 0 ? [] : [REASONS[reason](these, these.length === shards.length)];
    })
    .join(', and ');
}

function shardsIn(shards: readonly string[]): string {
  return `shard${shards.length === 1 ? '' : 's'} ${namesOfServer(shards)}`;
}

/** A shard whose column can be looked up. */
interface Holder {
  readonly shard: string;
  readonly open: () => Omit<OpenedColumn, 'shard'>;
}

interface OpenedColumn {
  readonly shard: string;
  readonly rows: RowSource;
  readonly same: SameValue;
  /** Returns a form of a value as `findAny` takes it for this column; null if the column cannot have it. */
  readonly written: (form: string | Buffer) => string | null;
  readonly close: () => Promise<void>;
}

/** Keeps a connection only while its shard is asked: a process may not have hundreds at once. */
async function withColumn<T>(opened: OpenedColumn, ask: (column: OpenedColumn) => Promise<T>): Promise<T> {
  try {
    return await ask(opened);
  } finally {
    await opened.close();
  }
}

/** A value of a shard: the names by which it equals another shard's value, and the forms that cells may hold it in. */
interface SampledValue {
  readonly shard: string;
  readonly names: ReadonlySet<string>;
  readonly forms: readonly (string | Buffer)[];
}

interface Lookup {
  /** Another shard with the same value, and this one; null: no value is shared. */
  readonly pair: readonly [string, string] | null;
  /** Every value was looked up. */
  readonly whole: boolean;
}

async function firstShared(
  { shard, rows, same, written }: OpenedColumn,
  values: readonly SampledValue[],
  signal: AbortSignal,
): Promise<Lookup> {
  const others = values.filter((value) => value.shard !== shard);
  const holders = new Map(others.flatMap((value) => [...value.names].map((name) => [name, value.shard] as const)));
  const texts = new Set(others.flatMap(({ forms }) => forms.map(written)).filter((text) => text !== null));
  let mistaken = 0;
  const search = async (among: readonly string[]): Promise<string | null> => {
    if (among.length === 0 || mistaken > MISTAKEN_LOOKUPS) return null;
    const row = await rows.findAny(
      among.map((text) => [text]),
      signal,
    );
    const cell = row?.[0] ?? null;
    if (cell === null) return null;
    const holder = namesOf(same, cell).flatMap((name) => holders.get(name) ?? [])[0];
    if (holder !== undefined) return holder;
    mistaken += 1;
    if (among.length === 1) return null;
    // Only the server's rules make some text equal to that row, and halving finds which one. The server may hide a row
    // that equals another text behind it.
    const middle = among.length >> 1;
    return (await search(among.slice(0, middle))) ?? (await search(among.slice(middle)));
  };
  const holder = await search([...texts]);
  return { pair: holder === null ? null : [holder, shard], whole: mistaken <= MISTAKEN_LOOKUPS };
}

function namesOf(same: SameValue, cell: string | Buffer): readonly string[] {
  return same.namesOf(cell).map((name) => JSON.stringify(name));
}

/** Returns how to open the column by itself, through an index that starts with it; or why that cannot be. */
function columnOpener(
  config: Config,
  { shard, tables, indexes, mappings }: SampledShard,
  { name, where }: SourceTableConfig,
  column: string,
): Holder['open'] | Unasked {
  const table = tables.get(name);
  const mapping = mappings.find((candidate) => candidate.table.name === name);
  const leading = indexes.get(name);
  if (table === undefined || mapping === undefined || leading === undefined) return 'unmapped';
  const index = leading.get(column);
  if (index === undefined) return 'no index';
  if (!isScanColumn(table, column)) return 'no literal';
  const parts: readonly KeyPart[] = [{ column, descending: false }];
  const key = { name: index, parts, nullable: false, prefix: false };
  const { transport } = columnNamed(column, table);
  return () => {
    const source = openShardSource(findShard(config, shard), config.source.limits, SILENT);
    return {
      rows: source.open({ table, key, columns: [column], where }),
      same: compileSameValue(mapping, column),
      written: (form) => {
        const text = transport === 'bytes' ? Buffer.from(form).toString('hex') : form;
        return typeof text === 'string' && canBeValueOf(table, column, text) ? text : null;
      },
      close: () => source.close(),
    };
  };
}

async function valuesOf(
  { shard, rows, same }: OpenedColumn,
  wanted: number,
  signal: AbortSignal,
): Promise<readonly SampledValue[]> {
  const sample = await rows.sample(wanted, signal);
  const cells = sample.map(([cell = null]) => cell).filter((cell) => cell !== null);
  const values = cells.map((cell) => ({ shard, names: new Set(namesOf(same, cell)), forms: same.formsOf(cell) }));
  return [...new Map(values.map((value) => [JSON.stringify([...value.names]), value])).values()];
}
