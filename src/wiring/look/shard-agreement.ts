/**
 * Shards of one migration have to agree in what keeps their rows from overwriting each other, and in where they go:
 * each has a state of its own, bound to the config as it was then. Before a shard is moved, the states of all others
 * are looked at.
 */
import { disagreements, haveOneTarget } from '../../config/binding/binding-rules.js';
import { resumeFingerprint } from '../../config/binding/fingerprint.js';
import type { Config } from '../../config/model.js';
import type { Finding } from '../../core/errors.js';
import type { Fingerprint } from '../../core/ports/state-records.js';
import { changeLines } from '../../state/tables/fingerprint.js';
import { readBinding, recordedShards } from '../../state/status/read-binding.js';

/**
 * Shards whose state is bound to other settings than those that `shards` are to be moved with. One whose state cannot
 * be read is told of by `guardFindings`.
 * @param targetIdentity null: there is no such table yet
 * @param restarting shards that begin again with this run: what they were bound to ends
 */
export function agreementFindings(
  config: Config,
  shards: readonly string[],
  targetIdentity: string | null,
  restarting: ReadonlySet<string>,
): readonly Finding[] {
  const now = resumeFingerprint(config, [], targetIdentity);
  const known = new Set(config.source.shards.map(({ id }) => id));
  // One that is bound to other settings itself moves nothing: its own run refuses it, and says what may be changed how.
  const moving = shards.filter((id) => restarting.has(id) || !disagrees(bindingOf(config.state, id), now));
  if (moving.length === 0) return [];
  // One change of the config shows on many shards: it is told once, of all of them.
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
 * Other shards of the config whose state is bound to what cannot stand beside `now`: where one begins again under it,
 * so must they, and in the same run.
 * @param shards those that begin again
 * @param bindingAt what a shard's state is bound to; reads its file unless given
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
