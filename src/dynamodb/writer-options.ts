/** What an item writer is opened with. */
import type { Emitter } from '../core/events.js';
import type { TokenBucket } from './budget.js';
import type { TargetConnection } from './client.js';
import type { WriteCondition } from './conditional-put.js';
import type { KeyNames } from './key-text.js';
import type { ChannelTimeouts } from './timeouts.js';

export interface ItemWriterOptions {
  readonly connection: TargetConnection;
  readonly shard: string;
  readonly table: string;
  readonly keyNames: KeyNames;
  readonly budget: TokenBucket;
  readonly requestsInFlight: number;
  /** How long failures may last without any progress. */
  readonly patienceSeconds: number;
  readonly emitter: Emitter;
  /** null: nobody else writes these items, so they go in batches, whatever is there. */
  readonly condition?: WriteCondition | null;
  /** Rows that were read longer ago, in ms, are not written any more; null: no limit. */
  readonly rowLifeMs?: number | null;
  /** Takes the keys of items whose request may have been applied, durably, before it returns. */
  readonly onSuspects: (keyTexts: readonly string[]) => void;
  /** In [0, 1); Math.random unless a test wants its own. */
  readonly random?: () => number;
  readonly timeouts?: ChannelTimeouts;
  /** Of the table, global and local: bounds what a write can cost. As many as AWS allows, unless known. */
  readonly indexes?: number | null;
}
