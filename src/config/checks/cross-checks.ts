/**
 * Finds the faults between the fields of a config: repeated names, and parts that contradict each other or lack their
 * counterpart. The checks read the file as it is, so that they report together with the faults of single fields.
 */
import { nearest } from '../../core/text/nearest.js';
import { type ConfigFault, invalid } from '../config-fault.js';
import { liveWriterChecks } from './live-writer-checks.js';
import { mappingChecks } from './mapping-checks.js';
import { ConfigNode } from './config-node.js';
import { repeated } from './repeated.js';
import { shardChecks } from './shard-checks.js';

/**
 * @param file the file's data, with the values of environment variables
 * @param asWritten the same data, with `${NAME}` as written
 */
export function crossFaults(file: unknown, asWritten: unknown): readonly ConfigFault[] {
  const root = new ConfigNode(file);
  const shards = root.at('source').at('shards').entries;
  const ids = shards.map((shard) => shard.at('id'));
  const indexes = root.at('target').at('create').at('indexes').entries;
  const written = new ConfigNode(asWritten).at('source').at('shards').entries;
  return [
    // State files have the ids as names, and some file systems treat S01 and s01 as one.
    ...repeated(ids, (id) => id.toLowerCase()),
    ...shards.flatMap((shard, index) => shardChecks(shard, written[index] ?? new ConfigNode(undefined))),
    ...tables(root, new ConfigNode(asWritten)),
    ...repeated(indexes.map((index) => index.at('name'))),
    ...mappingChecks(root.at('mapping')),
    ...liveWriterChecks(root),
  ];
}

/** Checks that each table is named once and has a mapping, and that each mapping has a table. */
function tables(root: ConfigNode, asWritten: ConfigNode): readonly ConfigFault[] {
  const source = root.at('source');
  const mapping = root.at('mapping');
  if (!source.given) return [];
  const [one, many] = [source.at('table'), source.at('tables')];
  if (one.given === many.given) {
    const fact = one.given ? 'has both `table` and `tables`' : 'has neither `table` nor `tables`';
    return [invalid(source.path, fact, 'name the tables to move in `tables`, or the only one in `table`')];
  }
  const names = tableNames(root);
  const known = names.flatMap((name) => name.text ?? []);
  // Suggestions use names as they are written: no message repeats a value of the environment.
  const typed = tableNames(asWritten).flatMap((name) => name.text ?? []);
  const unmapped = names
    .filter((name) => name.text !== null && mapping.given && !mapping.keys.includes(name.text))
    .map((name) =>
      invalid(name.path, 'names a table that has no mapping', 'add an entry with that name under mapping'),
    );
  const unread = mapping.keys
    .filter((table) => known.length > 0 && !known.includes(table))
    .map((table) => {
      const meant = nearest(table, typed);
      const hint = meant === null ? 'add the table to source.tables, or remove the mapping' : `did you mean ${meant}?`;
      return invalid([...mapping.path, table], 'maps a table that source does not name', hint);
    });
  return [...repeated(names), ...unmapped, ...unread, ...tableParts(root).flatMap(scanned)];
}

/** Checks that a table is read by key or whole, not both. */
function scanned(table: ConfigNode): readonly ConfigFault[] {
  const [whole, key] = [table.at('wholeTable'), table.at('scanKey')];
  if (!whole.given || !key.given) return [];
  return [
    invalid(
      whole.path,
      'is given together with `scanKey`',
      'keep only `scanKey` where the table has that key; else only `wholeTable`',
    ),
  ];
}

function tableNames(root: ConfigNode): readonly ConfigNode[] {
  return tableParts(root).map((table) => table.at('name'));
}

function tableParts(root: ConfigNode): readonly ConfigNode[] {
  const source = root.at('source');
  const [one, many] = [source.at('table'), source.at('tables')];
  return one.given ? [one] : many.entries;
}
