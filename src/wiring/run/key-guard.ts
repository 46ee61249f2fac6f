/**
 * How a shard's run keeps rows from overwriting each other silently, beyond what the schema proves: nothing more; every
 * value of the sharding columns claimed for its shard; or every item key claimed for its row. A shard that was moved
 * under less cannot be made up for later, so the guard is part of what a state is bound to, and shards of one migration
 * have the same.
 */
import type { Config } from '../../config/model.js';
import { placeText } from '../../core/text/config-path.js';
import { FerryError, type Finding } from '../../core/errors.js';
import { asFerryError } from '../../core/thrown.js';
import type { Fingerprint } from '../../core/ports/state-records.js';
import { nearest } from '../../core/text/nearest.js';
import type { TableInfo } from '../../core/model.js';
import type { CompiledMapping } from '../../mapping/compile.js';
import { columnNamed } from '../../mapping/template/compiled-template.js';
import { judgeUniqueness, type KeyTemplates, type Uniqueness } from '../../mapping/key/key-uniqueness.js';
import { readBinding } from '../../state/status/read-binding.js';

export type KeyGuard = 'none' | 'shard-values' | 'item-keys';

export function judgeKeys(config: Config, keys: readonly KeyTemplates[]): Uniqueness {
  return judgeUniqueness(keys, {
    severalShards: config.source.shards.length > 1,
    ofOneShard: (table) => config.source.tables.filter(({ name }) => name === table).flatMap(columnsOfOneShard),
    readWhole: (table) => config.source.tables.some(({ name, wholeTable }) => name === table && wholeTable !== null),
  });
}

/** Columns of which no two shards share a value, as declared. */
export function columnsOfOneShard(table: Config['source']['tables'][number]): readonly string[] {
  return [...(table.shardedBy === null ? [] : [table.shardedBy]), ...table.globallyUnique];
}

/** A sharding column is guarded with a single shard too: others may join later. */
export function guardOf(config: Config, keys: readonly KeyTemplates[]): KeyGuard {
  if (judgeKeys(config, keys).verdict !== 'proven') return 'item-keys';
  return config.source.tables.some(({ shardedBy }) => shardedBy !== null) ? 'shard-values' : 'none';
}

/** The guard that a shard's state was begun under; null where nothing is recorded. @throws FerryError E_STATE_* */
export function recordedGuard(folder: string, shard: string): KeyGuard | null {
  const binding = readBinding({ folder, shard });
  return binding === null ? null : guardIn(binding);
}

function guardIn({ itemKeys }: Fingerprint): KeyGuard {
  return itemKeys === 'shard-values' || itemKeys === 'item-keys' ? itemKeys : 'none';
}

/**
 * Shards that were moved under another guard than the one that is needed now: their rows are unknown to it. One whose
 * state cannot be read is told of, and stops no other.
 * @param exceptFor shards that begin again with this run
 */
export function guardFindings(config: Config, guard: KeyGuard, exceptFor: ReadonlySet<string>): readonly Finding[] {
  const findings: Finding[] = [];
  const others: string[] = [];
  for (const { id } of config.source.shards) {
    if (exceptFor.has(id)) continue;
    try {
      const recorded = recordedGuard(config.state, id);
      if (recorded !== null && recorded !== guard) others.push(id);
    } catch (thrown) {
      findings.push({ ...asFerryError(thrown, `shard ${id}`).toFault(), level: 'warning' });
    }
  }
  if (others.length === 0) return findings;
  const were = others.length === 1 ? `shard ${others.join('')} was` : `shards ${others.join(', ')} were`;
  findings.push({
    level: 'error',
    code: 'E_STATE_CHANGED',
    message: `${were} started while dynaferry guarded item keys in another way than the config now asks for (${NAMES[guard]}). A row of another shard could overwrite theirs without notice`,
    hint: `put \`source\` back as it was (\`shardedBy\`, \`globallyUnique\`, the shards), or start again: dynaferry backfill --restart --shard ${others.join(' ')}`,
  });
  return findings;
}

/**
 * What a state is bound to of its guard. `valueNames`: values are recorded under all their names (same-value.ts). A
 * shard begun by an earlier version recorded some of its values by what the server printed alone; resumed, it stays
 * known for that until it begins again.
 * @param begun what the shard's state was begun with; null: it begins now
 */
export function guardBinding(guard: KeyGuard, begun: Fingerprint | null): Fingerprint {
  // Absent where it is none: state of earlier versions says nothing.
  if (guard === 'none') return {};
  const allNames = begun === null || begun[VALUE_NAMES] !== undefined;
  return { itemKeys: guard, ...(allNames ? { [VALUE_NAMES]: 'all' } : {}) };
}

const VALUE_NAMES = 'valueNames';

/** A shard whose tables were looked at. */
interface LookedAt {
  readonly shard: string;
  readonly mappings: readonly CompiledMapping[];
}

/**
 * Shards of which an earlier version recorded the sharding values as their server prints them, where another shard
 * defines the column otherwise: there, one value may print in two ways. Where it does not, rows with one item key print
 * one value alike, as under this guard the value, or what else is of one shard only, can be read back from the key.
 * @param exceptFor shards that begin again with this run
 */
export function valueFindings(
  config: Config,
  looked: readonly LookedAt[],
  exceptFor: ReadonlySet<string>,
): readonly Finding[] {
  const findings: Finding[] = [];
  for (const { name, shardedBy } of config.source.tables) {
    if (shardedBy === null) continue;
    const definitions = definitionsOf(looked, name, shardedBy);
    const apart = config.source.shards.filter(({ id }) => {
      const columns = exceptFor.has(id) ? null : printedColumns(config.state, id, name);
      if (columns === null) return false;
      const own = definitionOf(columns[shardedBy] ?? {});
      return [...definitions].some(
        ([definition, { first, several }]) => definition !== own && (several || first !== id),
      );
    });
    if (apart.length === 0) continue;
    const ids = apart.map(({ id }) => id);
    findings.push({
      level: 'error',
      code: 'E_STATE_CHANGED',
      message: `an earlier dynaferry started ${ids.length === 1 ? 'shard' : 'shards'} ${ids.join(', ')} and recorded each value of ${name}.${shardedBy} as its server prints it. Another shard defines the column otherwise and may print the same value in another way, so its rows could overwrite theirs without notice`,
      hint: `start again, which records the values by what they are: dynaferry backfill --restart --shard ${ids.join(' ')}`,
    });
  }
  return findings;
}

type Columns = Readonly<Record<string, Readonly<Record<string, unknown>> | undefined>>;

/**
 * The table's columns as they were when the shard was begun, where its values are recorded by what was printed alone;
 * else null.
 */
function printedColumns(folder: string, shard: string, table: string): Columns | null {
  const binding = unlessUnreadable(() => readBinding({ folder, shard }));
  if (binding === null || guardIn(binding) !== 'shard-values' || binding[VALUE_NAMES] !== undefined) return null;
  const tables = binding['tables'] as Readonly<Record<string, { readonly columns: Columns } | undefined>> | undefined;
  return tables?.[table]?.columns ?? {};
}

/** `guardFindings` says so of a state that cannot be read. */
function unlessUnreadable(read: () => Fingerprint | null): Fingerprint | null {
  try {
    return read();
  } catch {
    return null;
  }
}

/** How the shards define a column, and on which one first: there are few definitions, however many shards. */
function definitionsOf(
  looked: readonly LookedAt[],
  table: string,
  column: string,
): ReadonlyMap<string, { readonly first: string; readonly several: boolean }> {
  const found = new Map<string, { readonly first: string; readonly several: boolean }>();
  for (const { shard, mappings } of looked) {
    // A mapping that was refused is a finding of its own.
    const mapping = mappings.find((candidate) => candidate.table.name === table);
    if (mapping === undefined) continue;
    const definition = definitionOf({ ...columnNamed(column, mapping.table) });
    const first = found.get(definition)?.first;
    found.set(definition, { first: first ?? shard, several: first !== undefined });
  }
  return found;
}

/** What a value's text depends on. */
function definitionOf({ columnType, charset, collation }: Readonly<Record<string, unknown>>): string {
  return JSON.stringify([columnType, charset, collation]);
}

const NAMES: Readonly<Record<KeyGuard, string>> = {
  none: 'by the schema alone',
  'shard-values': 'the values of `shardedBy` are recorded',
  'item-keys': 'every item key is recorded',
};

/** @throws FerryError E_MAPPING_COLUMN where the table lacks a column that `shardedBy` or `globallyUnique` names */
export function checkDeclaredColumns(config: Config, info: TableInfo): void {
  const index = config.source.tables.findIndex(({ name }) => name === info.name);
  const table = config.source.tables[index];
  if (table === undefined) return;
  const known = info.columns.map(({ name }) => name);
  const missing = columnsOfOneShard(table).find((column) => !known.includes(column));
  if (missing === undefined) return;
  const field = missing === table.shardedBy ? 'shardedBy' : 'globallyUnique';
  // Of `source.table` and `source.tables` one is there, and a path that is not has the line of `source`, which stands
  // above.
  const [one, several] = [['source', 'table', field] as const, ['source', 'tables', index, field] as const];
  const path = config.lineOf(one) > config.lineOf(several) ? one : several;
  const near = nearest(missing, known);
  throw new FerryError(
    'E_MAPPING_COLUMN',
    `${placeText(path, config.lineOf(path))}: table ${info.name} has no column "${missing}"`,
    near === null ? 'name a column that the table has' : `did you mean "${near}"?`,
  );
}
