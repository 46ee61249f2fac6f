/** What an item writer is opened with. */
import type { KeyConflictPolicy } from '../../core/write-operation.js';
import type { ItemChannelOptions } from '../channel-options.js';
import type { WriteCondition } from './conditional-put.js';

export interface ItemWriterOptions extends ItemChannelOptions {
  /** null: nobody else writes these items, so they go in batches, whatever is there. */
  readonly condition?: WriteCondition | null;
  /** What becomes of two operations on one item key; `reject` unless given. */
  readonly keyConflicts?: KeyConflictPolicy;
  /** Rows that were read longer ago, in ms, are not written any more; null: no limit. */
  readonly rowLifeMs?: number | null;
  /** Takes the keys of items whose request may have been applied, durably, before it returns. */
  readonly onSuspects: (keyTexts: readonly string[]) => void;
  /** Of the table, global and local: bounds what a write can cost. As many as AWS allows, unless known. */
  readonly indexes?: number | null;
}
