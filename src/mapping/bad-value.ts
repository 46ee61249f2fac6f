/** Thrown inside a mapping where a value cannot be represented as asked; becomes a bad row. Holds no value. */
import type { BadRow } from '../core/model.js';

export class BadValue extends Error {
  override readonly name = 'BadValue';

  constructor(
    readonly column: string | null,
    readonly reason: string,
    readonly remedy: string,
  ) {
    super(reason);
  }

  toBadRow(): BadRow {
    return { column: this.column, reason: this.reason, remedy: this.remedy };
  }
}
