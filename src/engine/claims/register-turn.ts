/**
 * `inTurn` waits for a turn at a register of claimed keys, which all shards write. Transactions of other processes take
 * milliseconds. But a process that was suspended during one, or that waits for its disk, holds the register until it
 * goes on. Between two tries, the event loop handles signals, heartbeats and writes in flight. The wait reports which
 * process holds the register, so that the supervisor can end that process (`shards/supervisor.ts`). The wait is longer
 * than the time that a supervisor allows a silent process.
 *
 * These calls wait here: claims and transfers of a running shard, opening the register, and each step that releases
 * claims in a restart.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { FerryError, interrupted } from '../../core/errors.js';
import type { KeyRegister } from '../../core/ports/key-register.js';
import type { ShardContext } from '../pass/table-job.js';

export interface TurnTimes {
  /** Time between two tries, in ms. Each try waits for the lock itself too. */
  readonly pauseMs: number;
  /** Time between two reports of the wait, in ms. */
  readonly tellEveryMs: number;
  readonly giveUpAfterMs: number;
}

const TIMES: TurnTimes = { pauseMs: 100, tellEveryMs: 2_000, giveUpAfterMs: 360_000 };

/**
 * Calls `action` until the register is free, and reports the wait.
 * @param action one call of the register that is safe to repeat
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
    // A random pause keeps the waiting processes from trying all at once.
    const pause = pauseMs * (0.5 + Math.random());
    await sleep(pause, undefined, { signal }).catch(() => {
      throw interrupted();
    });
  }
}
