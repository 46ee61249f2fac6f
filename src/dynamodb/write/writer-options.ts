/** Options of an item writer. */
import type { KeyConflictPolicy } from '../../core/item/write-operation.js';
import type { ItemChannelOptions } from '../channel-options.js';
import type { WriteCondition } from './conditional-put.js';

export interface ItemWriterOptions extends ItemChannelOptions {
  /** null: no other program writes these items, so they go in batches, and replace whatever is there. */
  readonly condition?: WriteCondition | null;
  /** The policy for two operations on one item key; default: `reject`. */
  readonly keyConflicts?: KeyConflictPolicy;
  /** Rows that were read longer ago than this (ms) are not written; null: there is no limit. */
  readonly rowLifeMs?: number | null;
  /** Takes the keys of operations that may have been applied. They are stored durably before it returns. */
  readonly onSuspects: (keyTexts: readonly string[]) => void;
  /**
   * Number of global and local indexes of the table, which bounds the cost of a write; null: unknown, so as many as AWS
   * allows.
   */
  readonly indexes?: number | null;
}
