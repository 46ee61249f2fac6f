/**
 * Checks the rules between the fields of the mappings, without the tables' columns. All items of all tables go to one
 * target table, so all have the same key attributes.
 */
import { type ConfigFault, invalid } from '../config-fault.js';
import { pathText } from '../../core/text/config-path.js';
import type { ConfigNode } from './config-node.js';
import { repeated } from './repeated.js';

export function mappingChecks(mapping: ConfigNode): readonly ConfigFault[] {
  const items = mapping.values.map((table) => table.at('items').entries);
  return [
    ...items.flatMap((ofTable) => repeated(ofTable.map((item) => item.at('name')))),
    ...sameKeys(items.flat()),
    ...items.flat().flatMap((item) => [...keyNames(item), ...spread(item), ...columns(item)]),
  ];
}

const ONE_KEY_SCHEMA = 'a DynamoDB table has one key schema: give every item the same key attributes';

/** Checks that every item has the key attributes of the first: names, types, and a sort key or none. */
function sameKeys([first, ...others]: readonly ConfigNode[]): readonly ConfigFault[] {
  if (first === undefined) return [];
  return others.flatMap((item) => [
    ...sameKey(item.at('partitionKey'), first.at('partitionKey')),
    ...(item.at('sortKey').given === first.at('sortKey').given
      ? sameKey(item.at('sortKey'), first.at('sortKey'))
      : [invalid(item.path, `and ${pathText(first.path)} differ: only one of them has a sortKey`, ONE_KEY_SCHEMA)]),
  ]);
}

function sameKey(key: ConfigNode, expected: ConfigNode): readonly ConfigFault[] {
  const differ = (field: string, fallback: string | null): readonly ConfigFault[] => {
    const [mine, theirs] = [key.at(field), expected.at(field)];
    if ((mine.text ?? fallback) === (theirs.text ?? fallback)) return [];
    return [invalid(mine.path, `differs from ${pathText(theirs.path)}`, ONE_KEY_SCHEMA)];
  };
  // A missing name is a fault of its own.
  const named = key.at('name').text !== null && expected.at('name').text !== null;
  return [...(named ? differ('name', null) : []), ...differ('type', 'S')];
}

function keyNames(item: ConfigNode): readonly ConfigFault[] {
  return repeated([item.at('partitionKey').at('name'), item.at('sortKey').at('name')]);
}

function spread(item: ConfigNode): readonly ConfigFault[] {
  const part = item.at('partitionKey').at('spread');
  const overrides = part.at('overrides');
  if (overrides.keys.length === 0 || part.at('account').given) return [];
  return [
    invalid(
      overrides.path,
      'names accounts, but spread has no `account`',
      'add account: the column that holds the accounts',
    ),
  ];
}

/** Checks that `columns`, `drop` and `rules` agree on which columns become attributes. */
function columns(item: ConfigNode): readonly ConfigFault[] {
  const attributes = item.at('attributes');
  const [listed, dropped, rules] = [attributes.at('columns').entries, attributes.at('drop'), attributes.at('rules')];
  const faults = [...repeated(listed), ...repeated(dropped.entries)];
  if (listed.length > 0 && dropped.entries.length > 0) {
    const hint = 'remove `drop`, or write columns: all';
    faults.push(
      invalid(dropped.path, 'is given together with a list of `columns`, which already selects the columns', hint),
    );
  }
  const names = (parts: readonly ConfigNode[], name: string): boolean => parts.some((part) => part.text === name);
  for (const column of rules.keys) {
    const path = [...rules.path, column];
    if (names(dropped.entries, column)) {
      faults.push(invalid(path, 'is a rule for a column that `drop` leaves out', 'remove one of the two'));
    } else if (listed.length > 0 && !names(listed, column)) {
      faults.push(
        invalid(
          path,
          'is a rule for a column that `columns` does not name',
          'add the column there, or remove the rule',
        ),
      );
    }
  }
  return faults;
}
