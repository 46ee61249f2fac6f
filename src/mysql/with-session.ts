/**
 * Holds what all tables of a shard share (connections, limits, the throttle), and runs short work on one of the
 * connections.
 */
import type { SourceLimits } from '../config/model.js';
import type { Emitter } from '../core/events.js';
import { Retry, sourceRetry } from './source-retry.js';
import type { SessionPool } from './connection/session-pool.js';
import type { Session } from './connection/session.js';
import type { SourceThrottler } from './source-throttler.js';

export interface ShardDeps {
  readonly shard: string;
  readonly pool: SessionPool;
  readonly throttle: SourceThrottler;
  readonly limits: SourceLimits;
  readonly emitter: Emitter;
}

/**
 * Runs short work on a connection, and starts it again if the connection is lost.
 * @param doing for messages: `sampling messages` @throws FerryError
 */
export async function withSession<T>(
  deps: Omit<ShardDeps, 'throttle'>,
  doing: string,
  signal: AbortSignal,
  run: (session: Session) => Promise<T>,
): Promise<T> {
  const retry = new Retry(deps.shard, doing, deps.emitter, sourceRetry(deps.limits));
  for (;;) {
    try {
      const lease = await deps.pool.lease(signal, retry.aside);
      try {
        return await run(lease.session);
      } finally {
        lease.release();
      }
    } catch (error) {
      await retry.backOff(error, signal);
    }
  }
}
