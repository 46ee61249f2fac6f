/** What the item writer and the item reader are opened with alike: a table, the way to it, and how hard it is tried. */
import type { Emitter } from '../core/events.js';
import type { TokenBucket } from './capacity/budget.js';
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
  readonly maxInFlightRequests: number;
  /** How long failures may last without any progress. */
  readonly retryTimeoutSeconds: number;
  readonly emitter: Emitter;
  /** In [0, 1); Math.random unless a test wants its own. */
  readonly random?: () => number;
  readonly timeouts?: ChannelTimeouts;
}
