/**
 * An attribute emitter writes one attribute of an item from a row, as bytes. A compiled mapping consists of such steps.
 */
import type { Path } from '../core/text/config-path.js';
import type { ColumnInfo } from '../core/model.js';
import type { CompiledTemplate } from './template/compiled-template.js';
import type { ItemBuffer } from './item/item-buffer.js';
import type { RowView } from './row-view.js';

/**
 * Says where an attribute comes from. `path` leads to its rule in the config, relative to the item's rules; null: no
 * rule, the default.
 */
export type AttributeOrigin =
  | { readonly from: 'column'; readonly column: ColumnInfo; readonly path: Path | null }
  | { readonly from: 'template'; readonly template: CompiledTemplate; readonly path: Path }
  | { readonly from: 'constant'; readonly path: Path }
  | { readonly from: 'partition key' | 'sort key'; readonly path: Path }
  | { readonly from: 'ttl'; readonly column: ColumnInfo; readonly path: Path };

export interface AttributeEmitter {
  readonly name: string;
  readonly origin: AttributeOrigin;
  /**
   * Writes `,"name":{"S":"..."}`, or nothing where the attribute is absent. Counts its billed bytes, name included.
   * @throws BadValue
   */
  readonly emit: (row: RowView, out: ItemBuffer, expiresAt: number | null) => void;
}
