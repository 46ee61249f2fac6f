/**
 * Shards of one migration have to agree in what keeps their rows from overwriting each other, and in where they go: each has a state
 * of its own, bound to the config as it was then. Before a shard is moved, the states of all others are looked at.
 */
import { disagreements, haveOneTarget } from '../config/binding-rules.js';
import { resumeFingerprint } from '../config/fingerprint.js';
import type { Config } from '../config/model.js';
import type { Finding } from '../core/errors.js';
import type { Fingerprint } from '../core/state-ports.js';
import { changeLines } from '../state/fingerprint.js';
import { readBinding, recordedShards } from '../state/read-binding.js';

/**
 * Shards whose state is bound to other settings than those that `shards` are to be moved with. One whose state cannot be read is told
 * of by `guardFindings`.
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
  return recordedShards(config.state).flatMap((id) => {
    const others = moving.filter((shard) => shard !== id);
    if (restarting.has(id) || others.length === 0) return [];
    const moved = bindingOf(config.state, id);
    if (moved === null) return [];
    // Another migration may have its state in the same folder.
    if (!known.has(id) && !haveOneTarget(moved, now)) return [];
    const changes = disagreements(moved, now);
    return changes.length === 0 ? [] : [disagreement(id, others, known.has(id), changeLines(changes))];
  });
}

/**
 * Other shards of the config whose state is bound to what cannot stand beside `now`: where one begins again under it, so must they, and in
 * the same run.
 * @param bindingAt what a shard's state is bound to; reads its file unless given
 */
export function restartedWith(
  config: Config,
  shard: string,
  now: Fingerprint,
  bindingAt: (shard: string) => Fingerprint | null = (id) => bindingOf(config.state, id),
): readonly string[] {
  const known = new Set(config.source.shards.map(({ id }) => id));
  return recordedShards(config.state).filter((id) => id !== shard && known.has(id) && disagrees(bindingAt(id), now));
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

function disagreement(id: string, others: readonly string[], known: boolean, changes: string): Finding {
  const named = others.length === 1 ? `shard ${others.join('')} is` : `shards ${others.join(', ')} are`;
  const again = `dynaferry backfill --restart --shard ${[id, ...others].join(' ')}`;
  return {
    level: 'error',
    code: 'E_STATE_CHANGED',
    message: `shard ${id} was begun with other settings than ${named} to be moved with, and all shards of a migration need the same:${changes}`,
    hint: known
      ? `put that back, or begin these shards again in one run: ${again}`
      : `put that back, or add shard ${id} to the config and begin these shards again in one run: ${again}`,
  };
}
