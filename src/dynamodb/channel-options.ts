/**
 * ItemChannelOptions are the options that the item writer and the item reader share: a table, the way to it, and the
 * limits of a request.
 */
import type { Emitter } from '../core/events.js';
import type { TokenBucket } from './capacity/token-bucket.js';
import type { TargetConnection } from './client.js';
import type { KeyNames } from './key-text.js';
import type { ChannelTimeouts } from './http/timeouts.js';

export interface ItemChannelOptions {
  readonly connection: TargetConnection;
  readonly shard: string;
  readonly table: string;
  readonly keyNames: KeyNames;
  /** In write units per second for a writer, in read units for a reader. */
  readonly budget: TokenBucket;
  /** Requests at once. It may change while the writer or reader is in use: they read it before each request. */
  readonly maxInFlightRequests: number;
  /** How long failures may last without any progress, in seconds. It may change: it is read at each failure. */
  readonly retryTimeoutSeconds: number;
  readonly emitter: Emitter;
  /** In [0, 1); Math.random unless a test wants its own. */
  readonly random?: () => number;
  readonly timeouts?: ChannelTimeouts;
}
