/**
 * A turn at the register of item keys, which all shards write. Others' transactions take milliseconds; but a process
 * that is stopped in the midst of one, or waits for its disk, keeps the register for as long. Whoever waits for it goes
 * on breathing: signals, signs of life and writes in flight are attended to between two tries, and it says whom it
 * waits for, so that the supervisor can end that one (`shards/supervisor.ts`). It waits longer than a supervisor lets a
 * silent process be.
 *
 * Followed: claims and transfers of a running shard, the opening of the register, and each step of giving claims up in
 * a restart.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { FerryError, interrupted } from '../../core/errors.js';
import type { KeyRegister } from '../../core/ports/key-register.js';
import type { ShardContext } from '../pass/table-job.js';

export interface TurnTimes {
  /** Between two tries, each of which waits for a while itself. */
  readonly pauseMs: number;
  /** How long it has waited when that is told, and told again. */
  readonly tellEveryMs: number;
  readonly giveUpAfterMs: number;
}

const TIMES: TurnTimes = { pauseMs: 100, tellEveryMs: 2_000, giveUpAfterMs: 360_000 };

/**
 * @param action one call of the register, that can be made again
 * @throws FerryError E_STATE_LOCKED, E_INTERRUPTED; what `action` throws
 */
export async function inTurn<T>(
  { shard, emitter }: Pick<ShardContext, 'shard' | 'emitter'>,
  register: Pick<KeyRegister, 'holder'>,
  action: () => T | Promise<T>,
  signal: AbortSignal,
  { pauseMs, tellEveryMs, giveUpAfterMs }: TurnTimes = TIMES,
): Promise<T> {
  const since = performance.now();
  for (let told = 0; ;) {
    try {
      return await action();
    } catch (thrown) {
      const waited = performance.now() - since;
      const busy = thrown instanceof FerryError && thrown.code === 'E_STATE_LOCKED';
      if (!busy || waited >= giveUpAfterMs) throw thrown;
      if (waited >= (told + 1) * tellEveryMs) {
        told = Math.floor(waited / tellEveryMs);
        emitter.emit('register.waited', { shard, seconds: Math.floor(waited / 1_000), holder: register.holder() });
      }
    }
    // Those who wait do not all try at once.
    const pause = pauseMs * (0.5 + Math.random());
    await sleep(pause, undefined, { signal }).catch(() => {
      throw interrupted();
    });
  }
}
