/**
 * Builds what a shard's state is bound to, and compares it with the config. A run refuses to continue if they differ,
 * and `check` reports that before a run. Both build the binding here, so that they cannot differ.
 */
import { takenUp } from '../config/binding/binding-rules.js';
import { resumeFingerprint } from '../config/binding/fingerprint.js';
import type { Config } from '../config/model.js';
import { mustStay, type BadColumn } from '../config/binding/retry-scope.js';
import { FerryError } from '../core/errors.js';
import type { TableInfo } from '../core/model.js';
import type { StateStore } from '../core/ports/state-ports.js';
import type { Fingerprint, FingerprintChange } from '../core/ports/state-records.js';
import type { KeyTemplates } from '../mapping/key/key-uniqueness.js';
import { restartCommand } from '../state/sqlite/files.js';
import { canonicalJson, changedAlike, fingerprintChanges } from '../state/tables/fingerprint.js';
import { readBadColumns } from '../state/status/read-bad-rows.js';
import { readBinding } from '../state/status/read-binding.js';
import { guardBinding, guardOf, type KeyGuard } from './run/key-guard.js';
import type { OwnedFinding } from './preflight/owned-finding.js';
import { restartedWith } from './preflight/shard-agreement.js';

/**
 * Returns what the shard's state will be bound to. The last argument is what it is bound to so far; null: nothing yet.
 * @param tables as the shard's server describes them now
 * @param targetIdentity null for a dry run, which has no target
 */
export function shardBinding(
  config: Config,
  tables: readonly TableInfo[],
  targetIdentity: string | null,
  guard: KeyGuard,
  begun: Fingerprint | null,
): Fingerprint {
  return { ...resumeFingerprint(config, tables, targetIdentity), ...guardBinding(guard, begun) };
}

/** A shard of which all tables were looked at and mapped. */
export interface LookedThrough {
  readonly shard: string;
  readonly tables: readonly TableInfo[];
  readonly keys: readonly KeyTemplates[];
}

/**
 * Returns why a `backfill` or a `verify` of the shards would be refused. The reasons are settings or table definitions
 * that differ from those that their states are bound to. `guardFindings` reports a state that cannot be read. The same
 * change on many shards is one finding. Otherwise the finding of each shard would name all others.
 */
export function bindingFindings(
  config: Config,
  looked: readonly LookedThrough[],
  targetIdentity: string,
): readonly OwnedFinding[] {
  const bindings = new Map<string, Fingerprint | null>();
  const bindingAt = (shard: string): Fingerprint | null => {
    if (!bindings.has(shard)) bindings.set(shard, recorded(config.state, shard));
    return bindings.get(shard) ?? null;
  };
  let columns: readonly BadColumn[] | null = null;
  const columnsOnce = (): readonly BadColumn[] => (columns ??= columnsWithBadRows(config));
  const alike = new Map<string, { readonly change: OwnChange; readonly shards: string[] }>();
  for (const one of looked) {
    const change = ownChange(config, one, targetIdentity, bindingAt(one.shard), columnsOnce);
    if (change === null) continue;
    const key = JSON.stringify([change.changes, change.retried]);
    const same = alike.get(key);
    if (same === undefined) alike.set(key, { change, shards: [one.shard] });
    else same.shards.push(one.shard);
  }
  return Array.from(alike.values(), ({ change: { changes, retried, now }, shards }) => {
    const fault = naming(config, changedAlike(shards, changes), shards, now, bindingAt).toFault();
    const accepted = `accept it with \`dynaferry backfill --retry-bad --shard ${shards.join(' ')}\`, which tries the bad rows again; or ${fault.hint}`;
    return { ...fault, hint: retried ? accepted : fault.hint, level: 'error', shards };
  });
}

/** How a shard's binding differs from the one that it started with. */
interface OwnChange {
  readonly changes: readonly FingerprintChange[];
  readonly now: Fingerprint;
  /** Only the mapping of columns with bad rows differs. A retry of them accepts that. */
  readonly retried: boolean;
}

function ownChange(
  config: Config,
  { tables, keys }: LookedThrough,
  targetIdentity: string,
  begun: Fingerprint | null,
  columnsOnce: () => readonly BadColumn[],
): OwnChange | null {
  if (begun === null) return null;
  const binding = shardBinding(config, tables, targetIdentity, guardOf(config, keys), begun);
  // In its stored form, so that what JSON cannot hold does not count as a difference.
  const now = JSON.parse(canonicalJson(binding)) as Fingerprint;
  const before = takenUp(begun, now);
  const changes = fingerprintChanges(before, now);
  if (changes.length === 0) return null;
  const columns = columnsOnce();
  const free = columns.length > 0 && fingerprintChanges(mustStay(before, now, columns), mustStay(now, before, columns));
  return { changes, now, retried: free !== false && free.length === 0 };
}

/**
 * Binds the shard's state to the config that it continues with.
 * @throws FerryError E_STATE_CHANGED with a next step that works as it stands, E_STATE_CORRUPT, E_STATE_IO
 */
export function bindOwn(config: Config, store: StateStore, fingerprint: Fingerprint): void {
  try {
    store.binding.bind(fingerprint, takenUp);
  } catch (thrown) {
    if (!(thrown instanceof FerryError) || thrown.code !== 'E_STATE_CHANGED') throw thrown;
    throw naming(config, thrown, [store.shard], fingerprint);
  }
}

/**
 * Makes the next step name all shards that must start again together. A shard that starts again alone would be refused
 * if others stay bound to its old settings.
 */
function naming(
  config: Config,
  refused: FerryError,
  shards: readonly string[],
  now: Fingerprint,
  bindingAt?: (shard: string) => Fingerprint | null,
): FerryError {
  const others = restartedWith(config, shards, now, bindingAt);
  if (others.length === 0) return refused;
  const again = restartCommand(...[...shards, ...others].sort());
  return new FerryError(
    refused.code,
    refused.message,
    `put the former settings back to resume, or start these shards again in one run: \`${again}\``,
  );
}

/**
 * Returns the columns with bad rows on any shard. One config serves all shards, so such a column may change for each.
 */
export function columnsWithBadRows(config: Config): readonly BadColumn[] {
  const columns = config.source.shards.flatMap(({ id }) => readBadColumns({ folder: config.state, shard: id }));
  return [...new Map(columns.map((entry) => [JSON.stringify([entry.table, entry.column]), entry])).values()];
}

function recorded(folder: string, shard: string): Fingerprint | null {
  try {
    return readBinding({ folder, shard });
  } catch {
    return null;
  }
}
