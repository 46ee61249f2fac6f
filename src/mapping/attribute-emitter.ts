/** One attribute of an item as a function from a row to its text: the step that a compiled mapping is made of. */
import type { Row } from '../core/model.js';
import type { SizeCounter } from './item-size.js';

/** A key attribute, ready to stand in an item. */
export interface EncodedKey {
  /** `"pk":{"S":"..."}` */
  readonly fragment: string;
  /** `{"S":"..."}` */
  readonly value: string;
  /** Name and value, as billed. */
  readonly bytes: number;
}

export interface ItemKey {
  /** `{"pk":{"S":"..."},"sk":{"S":"..."}}` */
  readonly keyText: string;
  readonly partition: EncodedKey;
  /** null where the table has a partition key alone */
  readonly sort: EncodedKey | null;
}

export interface AttributeEmitter {
  readonly name: string;
  /** `"name":{"S":"..."}`, or '' where the attribute is absent; adds its billed bytes, name included. @throws BadValue */
  readonly emit: (row: Row, size: SizeCounter, key: ItemKey, expiresAt: number | null) => string;
}
