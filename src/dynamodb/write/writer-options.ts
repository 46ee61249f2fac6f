/** Options of an item writer. */
import type { KeyConflictPolicy } from '../../core/item/write-operation.js';
import type { ItemChannelOptions } from '../channel-options.js';
import type { WriteCondition } from './conditional-put.js';

export interface ItemWriterOptions extends ItemChannelOptions {
  /** null: nothing else writes these items, so they go in batches, and replace whatever is there. */
  readonly condition?: WriteCondition | null;
  /** What happens to two operations on one item key; `reject` unless given. */
  readonly keyConflicts?: KeyConflictPolicy;
  /** Rows that were read longer ago than this (ms) are not written; null: there is no limit. */
  readonly rowLifeMs?: number | null;
  /** Takes the keys of operations that may have been applied; they are stored durably before it returns. */
  readonly onSuspects: (keyTexts: readonly string[]) => void;
  /** Global and local indexes of the table, which bound what a write can cost. As many as AWS allows, unless known. */
  readonly indexes?: number | null;
}
