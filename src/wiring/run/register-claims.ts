/**
 * Checks whether the register of item keys holds the claims of the shards. If somebody restored or moved a state
 * without its register, other shards could silently overwrite rows that its shard has moved. A shard that has moved
 * items made a claim for each of them. So if it has no claim, this is another register. The check reads the states in
 * the folder, whether the config has their shards or not.
 *
 * It does not find three cases:
 * - a register that lacks some claims of each shard, and was put in place with its own witness
 *   (`state/home/witness.ts`);
 * - a shard without claims among millions of claims of others;
 * - moves by an earlier version, until the shard itself has run again.
 */
import type { Config } from '../../config/model.js';
import type { Finding } from '../../core/errors.js';
import { leftBehind, shardsWithoutClaims } from '../../state/shared/key-register.js';
import { readBinding, recordedShards } from '../../state/status/read-binding.js';
import { readShardStatus } from '../../state/status/read-status.js';

/** The parts of a binding that are read here (`config/binding/fingerprint.ts`). */
interface Bound {
  readonly itemKeys?: string;
  /** Absent in states of earlier versions, whose values are then not checked. */
  readonly declared?: ByTable<{ readonly shardedBy: string | null }>;
  readonly tables?: ByTable<{ readonly columns: Readonly<Record<string, { readonly nullable: boolean } | undefined>> }>;
}
type ByTable<T> = Readonly<Record<string, T | undefined>>;

/**
 * @param exceptFor shards that start again with this run
 * @throws FerryError E_STATE_* of the register
 */
export function registerFindings({ state }: Config, exceptFor: ReadonlySet<string>): readonly Finding[] {
  const claimed = recordedShards(state).filter((shard) => !exceptFor.has(shard) && hasClaimed(state, shard));
  const lacking = shardsWithoutClaims(state, claimed);
  return lacking.length === 0 ? [] : [{ ...leftBehind(state, lacking).toFault(), level: 'error' }];
}

/** Returns whether the shard has made claims. Other checks report a state that cannot be read. */
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

/** Returns whether each row of a table has a value of its sharding column: a NULL gets no claim. */
function claimsEach({ declared, tables }: Bound, table: string): boolean {
  const column = declared?.[table]?.shardedBy ?? '';
  return tables?.[table]?.columns[column]?.nullable === false;
}
