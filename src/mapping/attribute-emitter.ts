/** One attribute of an item as a function from a row to its text: the step that a compiled mapping is made of. */
import type { Row } from '../core/model.js';
import type { SizeCounter } from './item-size.js';

export interface ItemKey {
  /** `{"pk":{"S":"..."},"sk":{"S":"..."}}` */
  readonly keyText: string;
  /** `{"S":"..."}` of the partition key. */
  readonly partition: string;
  readonly partitionFragment: string;
  readonly partitionBytes: number;
  readonly sortFragment: string;
  readonly sortBytes: number;
}

export interface AttributeEmitter {
  readonly name: string;
  /** `"name":{"S":"..."}`, or '' where the attribute is absent; adds its billed bytes, name included. @throws BadValue */
  readonly emit: (row: Row, size: SizeCounter, key: ItemKey, expiresAt: number | null) => string;
}
