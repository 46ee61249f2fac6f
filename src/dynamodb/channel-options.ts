/**
 * ItemChannelOptions are the options that the item writer and the item reader share. They name a table, the way to it,
 * and the limits of a request.
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
  /** Write units a second for a writer, read units a second for a reader. */
  readonly budget: TokenBucket;
  /** The most requests at once. It may change: writer and reader read it before each request. */
  readonly maxInFlightRequests: number;
  /**
   * How long failures may last without any progress, in seconds. It may change: writer and reader read it at each
   * failure.
   */
  readonly retryTimeoutSeconds: number;
  readonly emitter: Emitter;
  /** Returns a number in [0, 1). Default: Math.random. */
  readonly random?: () => number;
  readonly timeouts?: ChannelTimeouts;
}
