/**
 * Compares the settings of all shards of a migration. They must agree on what keeps their rows from overwriting each
 * other, and on their target. Each shard has its own state, bound to the config of its start. Before a shard moves,
 * dynaferry looks at the states of all others.
 */
import { disagreements, haveOneTarget } from '../../config/binding/binding-rules.js';
import { resumeFingerprint } from '../../config/binding/fingerprint.js';
import type { Config } from '../../config/model.js';
import type { Finding } from '../../core/errors.js';
import type { Fingerprint } from '../../core/ports/state-records.js';
import { changeLines } from '../../state/tables/fingerprint.js';
import { readBinding, recordedShards } from '../../state/status/read-binding.js';

/**
 * Returns the shards whose state is bound to other settings than those that `shards` are to be moved with.
 * `guardFindings` reports a state that cannot be read.
 * @param targetIdentity null: the table does not exist yet
 * @param restarting shards that start again with this run, so their old binding ends
 */
export function agreementFindings(
  config: Config,
  shards: readonly string[],
  targetIdentity: string | null,
  restarting: ReadonlySet<string>,
): readonly Finding[] {
  const now = resumeFingerprint(config, [], targetIdentity);
  const known = new Set(config.source.shards.map(({ id }) => id));
  // A shard that is itself bound to other settings moves nothing. Its own run refuses it, and says which changes are
  // allowed.
  const moving = shards.filter((id) => restarting.has(id) || !disagrees(bindingOf(config.state, id), now));
  if (moving.length === 0) return [];
  // One change of the config shows on many shards. One finding names them all.
  const alike = new Map<string, Disagreement>();
  for (const id of recordedShards(config.state)) {
    const moved = restarting.has(id) ? null : bindingOf(config.state, id);
    if (moved === null) continue;
    // Another migration may have its state in the same folder.
    if (!known.has(id) && !haveOneTarget(moved, now)) continue;
    const changes = changeLines(disagreements(moved, now));
    if (changes === '') continue;
    const key = JSON.stringify([known.has(id), changes]);
    const same = alike.get(key) ?? { ids: [], known: known.has(id), changes };
    alike.set(key, { ...same, ids: [...same.ids, id] });
  }
  return Array.from(alike.values(), (found) => disagreement(found, moving));
}

interface Disagreement {
  readonly ids: readonly string[];
  readonly known: boolean;
  readonly changes: string;
}

/**
 * Returns the other shards of the config whose binding does not agree with `now`. If one shard starts again under
 * `now`, they must start again in the same run.
 * @param shards those that start again
 * @param bindingAt returns what a shard's state is bound to; by default it reads the file
 */
export function restartedWith(
  config: Config,
  shards: readonly string[],
  now: Fingerprint,
  bindingAt: (shard: string) => Fingerprint | null = (id) => bindingOf(config.state, id),
): readonly string[] {
  const known = new Set(config.source.shards.map(({ id }) => id));
  const own = new Set(shards);
  return recordedShards(config.state).filter((id) => !own.has(id) && known.has(id) && disagrees(bindingAt(id), now));
}

function disagrees(binding: Fingerprint | null, now: Fingerprint): boolean {
  return binding !== null && disagreements(binding, now).length > 0;
}

function bindingOf(folder: string, shard: string): Fingerprint | null {
  try {
    return readBinding({ folder, shard });
  } catch {
    return null;
  }
}

function disagreement({ ids, known, changes }: Disagreement, moving: readonly string[]): Finding {
  const named = moving.length === 1 ? `shard ${moving.join('')}` : `shards ${moving.join(', ')}`;
  const these = ids.length === 1 ? `shard ${ids.join('')}` : `shards ${ids.join(', ')}`;
  const again = `dynaferry backfill --restart --shard ${[...ids, ...moving].join(' ')}`;
  return {
    level: 'error',
    code: 'E_STATE_CHANGED',
    message: `${these} ${ids.length === 1 ? 'was' : 'were'} started with other settings than the config now has for ${named}. All shards of a migration need the same:${changes}`,
    hint: known
      ? `put the former settings back, or start these shards again in one run: ${again}`
      : `put the former settings back, or add ${these} to the config and start these shards again in one run: ${again}`,
  };
}
