/** Asks whether the target deletes items by TTL, and warns where it may not ask, or where TTL changed in between. */
import type { TtlLook } from '../../core/ports/ports.js';
import type { ShardContext } from '../pass/table-job.js';

/** The target, as far as TTL goes. */
interface AskedTarget {
  readonly table: string;
  lookAtTtl(signal: AbortSignal): Promise<TtlLook & { readonly denied: boolean }>;
}

/**
 * A role that may not ask gets one warning: then nothing tells an item that TTL deleted from one that was never
 * written. So does TTL that was switched on, off or to another attribute meanwhile: what was compared may go by itself,
 * or what is missing may have gone so.
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
        message: `AWS refused DescribeTimeToLive on table ${target.table}: items that are not there count as missing, also where TTL deleted them`,
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
    message: `TTL of table ${table} was changed while this verification went on: it ${now}`,
    hint: 'leave TTL as it is until a verification has passed, and verify again',
  };
}
