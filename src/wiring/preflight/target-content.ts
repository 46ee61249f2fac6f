/**
 * Finds whether a first backfill would write into a table with items that this migration did not write. Puts without a
 * condition replace such items silently where keys are equal.
 *
 * The items count as this migration's own if any state in the folder is bound to this very table. States of shards that
 * the config does not have count too, and those that a restart put aside. A table that was created again, or restored,
 * has another identity.
 */
import { boundTarget } from '../../config/binding/binding-rules.js';
import type { Config, KeyMapping } from '../../config/model.js';
import type { Finding } from '../../core/errors.js';
import { ofServer } from '../../core/text/shown-text.js';
import type { TargetConnection } from '../../dynamodb/client.js';
import type { TableFacts } from '../../dynamodb/table/describe-table.js';
import { lookForItems, type ItemKeys } from '../../dynamodb/table/first-items.js';
import { parseTemplate, TemplateSyntaxError } from '../../mapping/template/template.js';
import { archivedBindings, readBinding, recordedShards } from '../../state/status/read-binding.js';

/** A run that may write to a table for the first time. */
export interface FirstWrite {
  /** The operator says that the run may overwrite the items that are there. */
  readonly intoExisting: boolean;
}

/** The shards of a run. */
export interface RunOfShards extends FirstWrite {
  readonly shards: readonly string[];
  /** Those that start again with this run. */
  readonly restarting: readonly string[];
}

/** @throws FerryError E_TARGET_*, E_STATE_IO, E_INTERRUPTED */
export async function contentFindings(
  config: Config,
  connection: TargetConnection,
  facts: TableFacts,
  run: RunOfShards,
  signal: AbortSignal,
): Promise<readonly Finding[]> {
  const states = statesIn(config);
  if (startsNone(states, run) || isOwn(config, states, facts.identity, run.restarting)) return [];
  const items = await lookForItems(connection, config.target.table, facts, signal);
  if (items === 'none') return [];
  if (items === 'denied') return [denied(config)];
  const unread = [...states].flatMap(([shard, state]) => (state === 'unreadable' ? [shard] : []));
  const { unread: archived } = archivedBindings(config.state);
  const repairs = run.shards.some((shard) =>
    states.get(shard) === null ? archived.has(shard) : unread.includes(shard) && run.restarting.includes(shard),
  );
  const whose =
    unread.length === 0
      ? `No state in ${config.state} says that this migration wrote them`
      : `The state of ${unread.length === 1 ? 'shard' : 'shards'} ${listed(unread)} cannot be read, so nobody knows whether this migration wrote them`;
  const there = `table ${facts.name} already holds ${counted(facts.itemCount)}. ${whose}. ${prefixesIn(config, items)}`;
  if (config.target.liveWriter === 'concurrent') {
    const hint = 'nothing, if your application writes to this table: a put replaces only older versions';
    return [finding('warning', there, hint)];
  }
  const overwrites = `${there}. A put replaces an item with the same key`;
  if (run.intoExisting) return [finding('warning', overwrites, 'nothing: --into-existing says that the run may do so')];
  // A restart is what a damaged state asks for. Any other run may point to a table of somebody else.
  if (repairs) return [finding('warning', overwrites, 'stop now, unless this migration wrote them')];
  return [
    finding(
      'error',
      overwrites,
      'check target.table, target.region and target.endpoint, or empty the table. If this migration wrote the items, set `state` to its state folder. If a run may overwrite them, add --into-existing',
    ),
  ];
}

function finding(level: Finding['level'], message: string, hint: string): Finding {
  return { level, code: 'E_TARGET_NOT_EMPTY', message, hint };
}

function denied({ target: { table } }: Config): Finding {
  return {
    level: 'warning',
    code: 'E_TARGET_ACCESS',
    message: `AWS denied dynamodb:Scan on table ${table}: dynaferry does not know whether the table already holds items, which a first backfill could overwrite`,
    hint: 'allow dynamodb:Scan on the table and run `dynaferry check`, or make sure yourself that the table is empty',
  };
}

/** What the state of a shard says of its target; null: no run has bound it. Other checks report an unreadable one. */
type BoundState = ReturnType<typeof boundTarget> | 'unreadable' | null;

function statesIn({ state, source }: Config): ReadonlyMap<string, BoundState> {
  const shards = new Set([...source.shards.map(({ id }) => id), ...recordedShards(state)]);
  return new Map(Array.from(shards, (shard) => [shard, stateOf(state, shard)]));
}

function stateOf(folder: string, shard: string): BoundState {
  try {
    const binding = readBinding({ folder, shard });
    return binding === null ? null : boundTarget(binding);
  } catch {
    return 'unreadable';
  }
}

/** Returns whether all shards resume. If a state is bound to another table, the resume of its shard is refused. */
function startsNone(states: ReadonlyMap<string, BoundState>, { shards, restarting }: RunOfShards): boolean {
  return shards.every((shard) => states.get(shard) !== null && !restarting.includes(shard));
}

/** Returns whether some state in the folder is bound to this table. */
function isOwn(
  { state, target }: Config,
  states: ReadonlyMap<string, BoundState>,
  identity: string,
  restarting: readonly string[],
): boolean {
  const bound = [...states].flatMap(([shard, found]) =>
    found !== null && found !== 'unreadable' && found.identity === identity ? [{ shard, found }] : [],
  );
  // Beside a live writer, other items came in. A restart without one would overwrite them.
  const isForeign = ({ liveWriter }: ReturnType<typeof boundTarget>): boolean =>
    liveWriter === 'concurrent' && target.liveWriter === 'none';
  if (bound.some(({ shard, found }) => restarting.includes(shard) && isForeign(found))) return false;
  if (bound.length > 0) return true;
  return archivedBindings(state)
    .bindings.map(boundTarget)
    .some((found) => found.identity === identity && !isForeign(found));
}

function counted(items: number | null): string {
  if (items === null) return 'items, of which the service told no count';
  if (items === 0) return 'items; their count by AWS, which is up to six hours old, still says 0';
  return `items, about ${items} by AWS's count, which is up to six hours old`;
}

/** Says how many of the keys begin as the mapping's own keys do. It shows the literals of the mapping, and no key. */
function prefixesIn(config: Config, items: readonly ItemKeys[]): string {
  const prefixes = literalPrefixes(config);
  if (prefixes.length === 0) return 'The key templates of the mapping begin with no literal to compare keys with';
  const looked =
    items.length === 1 ? 'Of one item that dynaferry looked at' : `Of ${items.length} items that dynaferry looked at`;
  const found = prefixes
    .map(({ role, prefix, text, name }) => {
      const matching = items.filter((keys) => keys[role]?.startsWith(prefix)).length;
      return { matching, words: `${matching} ${matching === 1 ? 'has' : 'have'} a ${name} that begins with ${text}` };
    })
    .filter(({ matching }) => matching > 0);
  const none = `none has a key that begins as the mapping's own keys do (${listed(prefixes.map(({ text }) => text))})`;
  return `${looked}, ${found.length === 0 ? none : listed(found.map(({ words }) => words))}`;
}

interface LiteralPrefix {
  readonly role: keyof ItemKeys;
  /** Name of the key attribute. */
  readonly name: string;
  readonly prefix: string;
  /** The prefix as messages show it. */
  readonly text: string;
}

function literalPrefixes(config: Config): readonly LiteralPrefix[] {
  const all = Object.entries(config.mapping).flatMap(([table, { items }]) =>
    items.flatMap(({ partitionKey, sortKey }, index) =>
      [{ role: 'partitionKey', key: partitionKey } as const, { role: 'sortKey', key: sortKey } as const].flatMap(
        ({ role, key }) => {
          const prefix = prefixOf(key);
          if (key === null || prefix === '') return [];
          // A literal that an environment variable gave stays out.
          const written = config.writtenAt(['mapping', table, 'items', index, role, 'template']);
          const text =
            written === null ? `"${ofServer(prefix)}"` : `the first literal of the template "${ofServer(written)}"`;
          return [{ role, name: key.name, prefix, text }];
        },
      ),
    ),
  );
  return [...new Map(all.map((each) => [JSON.stringify([each.role, each.prefix]), each])).values()];
}

/** Returns the text before the first column of the template; empty: none. */
function prefixOf(key: KeyMapping | null): string {
  if (key?.type !== 'S') return '';
  try {
    const [first] = parseTemplate(key.template);
    return first?.kind === 'literal' ? first.text : '';
  } catch (thrown) {
    // The preflight reports a wrong template.
    if (thrown instanceof TemplateSyntaxError) return '';
    throw thrown;
  }
}

const MOST_PREFIXES = 6;

function listed(texts: readonly string[]): string {
  const shown = texts.slice(0, MOST_PREFIXES).join(', ');
  return texts.length <= MOST_PREFIXES ? shown : `${shown} and ${texts.length - MOST_PREFIXES} more`;
}
