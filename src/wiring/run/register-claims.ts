/**
 * Whether the register of item keys has what was claimed in it: where a state was put back, or moved, without it, rows
 * of other shards could overwrite what its shard has moved, unseen. A shard that has moved items claimed something for
 * each of them, so one without any claim says that the register is another one. That goes by the states in the folder,
 * whether the config has their shards or not.
 *
 * Not told: a register that lacks some claims of each shard, put in place with a witness of its own
 * (`state/home/witness.ts`); a shard without claims among millions of others'; and what a state of an earlier version
 * has moved, as long as its own shard has not run again.
 */
import type { Config } from '../../config/model.js';
import type { Finding } from '../../core/errors.js';
import { leftBehind, shardsWithoutClaims } from '../../state/shared/key-register.js';
import { readBinding, recordedShards } from '../../state/status/read-binding.js';
import { readShardStatus } from '../../state/status/read-status.js';

/** Of a binding, as far as it is read here (`config/binding/fingerprint.ts`). */
interface Bound {
  readonly itemKeys?: string;
  /** Absent in states of earlier versions: of their values, nothing is said then. */
  readonly declared?: ByTable<{ readonly shardedBy: string | null }>;
  readonly tables?: ByTable<{ readonly columns: Readonly<Record<string, { readonly nullable: boolean } | undefined>> }>;
}
type ByTable<T> = Readonly<Record<string, T | undefined>>;

/** @param exceptFor shards that begin again with this run @throws FerryError E_STATE_* of the register */
export function registerFindings({ state }: Config, exceptFor: ReadonlySet<string>): readonly Finding[] {
  const claimed = recordedShards(state).filter((shard) => !exceptFor.has(shard) && hasClaimed(state, shard));
  const lacking = shardsWithoutClaims(state, claimed);
  return lacking.length === 0 ? [] : [{ ...leftBehind(state, lacking).toFault(), level: 'error' }];
}

/** What cannot be read is told of by others. */
function hasClaimed(folder: string, shard: string): boolean {
  try {
    const binding = (readBinding({ folder, shard }) ?? {}) as Bound;
    if (binding.itemKeys === undefined) return false;
    const moved = (readShardStatus({ folder, shard })?.tables ?? []).filter(
      ({ backfill }) => (backfill?.counts.items ?? 0) > 0,
    );
    return moved.some(({ table }) => binding.itemKeys === 'item-keys' || claimsEach(binding, table));
  } catch {
    return false;
  }
}

/** Whether each row of a table brings a value of its sharding column: one that is NULL is not claimed. */
function claimsEach({ declared, tables }: Bound, table: string): boolean {
  const column = declared?.[table]?.shardedBy ?? '';
  return tables?.[table]?.columns[column]?.nullable === false;
}
