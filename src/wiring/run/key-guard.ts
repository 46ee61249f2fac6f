/**
 * Chooses how a shard's run keeps rows from silently overwriting each other, beyond what the schema proves. `none`: the
 * run does nothing more. `shard-values`: it claims every value of the sharding columns for its shard. `item-keys`: it
 * claims every item key for its row. If a shard moved under a weaker guard, nothing can make up for it later. So the
 * guard is part of what a state is bound to, and all shards of one migration have the same.
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

/** Returns the columns that, by declaration, share no value between two shards. */
export function columnsOfOneShard(table: Config['source']['tables'][number]): readonly string[] {
  return [...(table.shardedBy === null ? [] : [table.shardedBy]), ...table.globallyUnique];
}

/**
 * Returns the guard that the config needs. It guards a sharding column with a single shard too: others may join later.
 */
export function guardOf(config: Config, keys: readonly KeyTemplates[]): KeyGuard {
  if (judgeKeys(config, keys).verdict !== 'proven') return 'item-keys';
  return config.source.tables.some(({ shardedBy }) => shardedBy !== null) ? 'shard-values' : 'none';
}

/** Returns the guard that a shard's state started under; null: nothing is recorded. @throws FerryError E_STATE_* */
export function recordedGuard(folder: string, shard: string): KeyGuard | null {
  const binding = readBinding({ folder, shard });
  return binding === null ? null : guardIn(binding);
}

function guardIn({ itemKeys }: Fingerprint): KeyGuard {
  return itemKeys === 'shard-values' || itemKeys === 'item-keys' ? itemKeys : 'none';
}

/**
 * Reports shards that moved under another guard than the one that is needed now, which does not know their rows. It
 * also reports a state that cannot be read, but that stops no other shard.
 * @param exceptFor shards that start again with this run
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
 * Returns the part of a shard's binding that is about its guard. `valueNames`: the register holds values under all
 * their names (same-value.ts). If an earlier version started the shard, it recorded some values only as the server
 * printed them. A resume keeps that mark until the shard starts again. The second argument is what the shard's state
 * was bound to at its start; null: it starts now.
 */
export function guardBinding(guard: KeyGuard, begun: Fingerprint | null): Fingerprint {
  // Absent for `none`, as in the states of earlier versions.
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
 * Reports shards whose sharding values an earlier version recorded as their server prints them, if another shard
 * defines the column in another way. There, one value may print in two ways. If all define it the same way, one value
 * prints in one way. Under this guard, the value, or another column of one shard only, can be recovered from the item
 * key. So rows with one item key print that value the same.
 * @param exceptFor shards that start again with this run
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
 * Returns the table's columns as they were at the start of a shard whose values are recorded only as printed; else
 * null.
 */
function printedColumns(folder: string, shard: string, table: string): Columns | null {
  const binding = unlessUnreadable(() => readBinding({ folder, shard }));
  if (binding === null || guardIn(binding) !== 'shard-values' || binding[VALUE_NAMES] !== undefined) return null;
  const tables = binding['tables'] as Readonly<Record<string, { readonly columns: Columns } | undefined>> | undefined;
  return tables?.[table]?.columns ?? {};
}

/** Returns null for a state that cannot be read, which `guardFindings` reports. */
function unlessUnreadable(read: () => Fingerprint | null): Fingerprint | null {
  try {
    return read();
  } catch {
    return null;
  }
}

/** Returns how the shards define a column, and on which shard first. There are few definitions, however many shards. */
function definitionsOf(
  looked: readonly LookedAt[],
  table: string,
  column: string,
): ReadonlyMap<string, { readonly first: string; readonly several: boolean }> {
  const found = new Map<string, { readonly first: string; readonly several: boolean }>();
  for (const { shard, mappings } of looked) {
    // A refused mapping has its own finding.
    const mapping = mappings.find((candidate) => candidate.table.name === table);
    if (mapping === undefined) continue;
    const definition = definitionOf({ ...columnNamed(column, mapping.table) });
    const first = found.get(definition)?.first;
    found.set(definition, { first: first ?? shard, several: first !== undefined });
  }
  return found;
}

/** Returns what a value's text depends on. */
function definitionOf({ columnType, charset, collation }: Readonly<Record<string, unknown>>): string {
  return JSON.stringify([columnType, charset, collation]);
}

const NAMES: Readonly<Record<KeyGuard, string>> = {
  none: 'by the schema alone',
  'shard-values': 'the values of `shardedBy` are recorded',
  'item-keys': 'every item key is recorded',
};

/** @throws FerryError E_MAPPING_COLUMN if the table lacks a column that `shardedBy` or `globallyUnique` names */
export function checkDeclaredColumns(config: Config, info: TableInfo): void {
  const index = config.source.tables.findIndex(({ name }) => name === info.name);
  const table = config.source.tables[index];
  if (table === undefined) return;
  const known = info.columns.map(({ name }) => name);
  const missing = columnsOfOneShard(table).find((column) => !known.includes(column));
  if (missing === undefined) return;
  const field = missing === table.shardedBy ? 'shardedBy' : 'globallyUnique';
  // The config has either `source.table` or `source.tables`. A path that is missing gets the line of `source`, which
  // stands above.
  const [one, several] = [['source', 'table', field] as const, ['source', 'tables', index, field] as const];
  const path = config.lineOf(one) > config.lineOf(several) ? one : several;
  const near = nearest(missing, known);
  throw new FerryError(
    'E_MAPPING_COLUMN',
    `${placeText(path, config.lineOf(path))}: table ${info.name} has no column "${missing}"`,
    near === null ? 'name a column that the table has' : `did you mean "${near}"?`,
  );
}
