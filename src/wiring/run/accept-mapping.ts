/** Binds a shard to the present mapping when a retry of bad rows accepts its changes. */
import { takenUp } from '../../config/binding/binding-rules.js';
import { mustStay, type BadColumn } from '../../config/binding/retry-scope.js';
import type { Config } from '../../config/model.js';
import { FerryError } from '../../core/errors.js';
import type { EventBus } from '../../core/event-bus.js';
import type { StateStore } from '../../core/ports/state-ports.js';
import type { Fingerprint, FingerprintChange } from '../../core/ports/state-records.js';
import { columnsWithBadRows } from '../own-binding.js';

/**
 * Binds the shard to the present mapping. One config serves all shards, so a column with bad rows on any shard may have
 * changed for all. After a retry has accepted that change, the other shards may follow.
 * @throws FerryError E_STATE_CHANGED for changes that would contradict what was moved
 */
export function acceptMapping(
  config: Config,
  store: StateStore,
  fingerprint: Fingerprint,
  bus: EventBus,
): readonly FingerprintChange[] {
  let found: readonly BadColumn[] | undefined;
  // Reads the states of all shards, one after the other, only if something changed.
  const accepted = rebound(store, fingerprint, () => (found ??= columnsWithBadRows(config)));
  if (accepted.length > 0) bus.emit('shard.warning', { shard: store.shard, ...acceptedWarning(accepted) });
  return accepted;
}

function rebound(
  store: StateStore,
  fingerprint: Fingerprint,
  columns: () => readonly BadColumn[],
): readonly FingerprintChange[] {
  try {
    return store.binding.rebind(fingerprint, (side, other) => mustStay(side, other, columns()), columns, takenUp);
  } catch (thrown) {
    if (!(thrown instanceof FerryError) || thrown.code !== 'E_STATE_CHANGED') throw thrown;
    const names = columns().map(({ table, column }) =>
      column === null ? `the columns of ${table}` : `${table}.${column}`,
    );
    const free = names.length === 0 ? 'nothing, since no row is recorded as bad' : names.join(', ');
    throw new FerryError(
      thrown.code,
      thrown.message,
      `a retry accepts changes in how columns with bad rows become attributes (${free}); ${thrown.hint}`,
    );
  }
}

function acceptedWarning(changes: readonly FingerprintChange[]): {
  readonly code: 'E_STATE_CHANGED';
  readonly message: string;
  readonly hint: string;
} {
  return {
    code: 'E_STATE_CHANGED',
    message: `the mapping changed in ${changes.map(({ path }) => path).join(', ')}; rows moved earlier keep the items of the former mapping`,
    hint: 'verify compares with the present mapping and shows where those rows differ; `backfill --restart` would write all rows again',
  };
}
