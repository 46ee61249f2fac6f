/**
 * How a shard's run keeps rows from overwriting each other silently, beyond what the schema proves: nothing more; every value
 * of the sharding columns claimed for its shard; or every item key claimed for its row. A shard that was moved under less
 * cannot be made up for later, so the guard is part of what a state is bound to, and shards of one migration have the same.
 */
import type { Config } from '../config/model.js';
import { placeText } from '../core/config-path.js';
import { asFerryError, FerryError, type Finding } from '../core/errors.js';
import type { Fingerprint } from '../core/state-ports.js';
import { nearest } from '../core/nearest.js';
import type { TableInfo } from '../core/model.js';
import { judgeUniqueness, type KeyTemplates, type Uniqueness } from '../mapping/key-uniqueness.js';
import { readBinding } from '../state/read-binding.js';

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
 * Shards that were moved under another guard than the one that is needed now: their rows are unknown to it. One whose state
 * cannot be read is told of, and stops no other.
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
      findings.push({ ...asFerryError(thrown).toFault(), level: 'warning' });
    }
  }
  if (others.length === 0) return findings;
  const were = others.length === 1 ? `shard ${others.join('')} was` : `shards ${others.join(', ')} were`;
  findings.push({
    level: 'error',
    code: 'E_STATE_CHANGED',
    message: `${were} begun when item keys were guarded in another way than the config now asks for (${NAMES[guard]}): a row of another shard could overwrite theirs unseen`,
    hint: `put \`source\` back as it was (\`shardedBy\`, \`globallyUnique\`, the shards), or begin again: dynaferry backfill --restart --shard ${others.join(' ')}`,
  });
  return findings;
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
  // Of `source.table` and `source.tables` one is there, and a path that is not has the line of `source`, which stands above.
  const [one, several] = [['source', 'table', field] as const, ['source', 'tables', index, field] as const];
  const path = config.lineOf(one) > config.lineOf(several) ? one : several;
  const near = nearest(missing, known);
  throw new FerryError(
    'E_MAPPING_COLUMN',
    `${placeText(path, config.lineOf(path))}: table ${info.name} has no column "${missing}"`,
    near === null ? 'name a column that the table has' : `did you mean "${near}"?`,
  );
}
