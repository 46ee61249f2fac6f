/** Asks whether the target deletes items by TTL. It warns if it may not ask, or if TTL changed in between. */
import type { TtlLook } from '../../core/ports/target-ports.js';
import type { ShardContext } from '../pass/table-job.js';

/** The target, as far as TTL goes. */
interface AskedTarget {
  readonly table: string;
  lookAtTtl(signal: AbortSignal): Promise<TtlLook & { readonly denied: boolean }>;
}

/**
 * Returns a function that asks what TTL deletes, and warns in two cases. The first is a role that may not ask: then an
 * item that TTL deleted looks like one that was never written. That warning comes once. The second is TTL that was
 * switched on, off or to another attribute during the verification. TTL may then delete items that were compared, or
 * may have deleted those that are missing.
 */
export function askingTtl(
  { shard, emitter }: Pick<ShardContext, 'shard' | 'emitter'>,
  target: AskedTarget,
): (signal: AbortSignal) => Promise<TtlLook> {
  let warned = false;
  let before: string | null | undefined;
  return async (signal) => {
    const look = await target.lookAtTtl(signal);
    if (before !== undefined && before !== look.deletesBy) {
      emitter.emit('shard.warning', { shard, ...ttlChanged(target.table, look.deletesBy) });
    }
    before = look.deletesBy;
    if (look.denied && !warned) {
      warned = true;
      emitter.emit('shard.warning', {
        shard,
        code: 'E_TARGET_ACCESS',
        message: `AWS refused DescribeTimeToLive on table ${target.table}: verify counts items that are not there as missing, even if TTL deleted them`,
        hint: 'allow dynamodb:DescribeTimeToLive on the table, then verify again',
      });
    }
    return look;
  };
}

function ttlChanged(
  table: string,
  deletesBy: string | null,
): { readonly code: 'E_PREFLIGHT'; readonly message: string; readonly hint: string } {
  const now = deletesBy === null ? 'was switched off' : `deletes items by ${deletesBy} now`;
  return {
    code: 'E_PREFLIGHT',
    message: `TTL of table ${table} was changed during this verification: it ${now}`,
    hint: 'leave TTL as it is until a verification has passed, and verify again',
  };
}
