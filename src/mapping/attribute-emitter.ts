/** One attribute of an item as a function from a row to its bytes: the step that a compiled mapping is made of. */
import type { Path } from '../core/text/config-path.js';
import type { ColumnInfo } from '../core/model.js';
import type { CompiledTemplate } from './template/compiled-template.js';
import type { ItemBuffer } from './item/item-buffer.js';
import type { RowView } from './row-view.js';

/**
 * Where an attribute comes from; `path` leads to its rule below the item's rules in the config, null: no rule, the
 * default.
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
   * Writes `,"name":{"S":"..."}`, nothing where the attribute is absent; counts its billed bytes, name included.
   * @throws BadValue
   */
  readonly emit: (row: RowView, out: ItemBuffer, expiresAt: number | null) => void;
}
