/**
 * A mapping throws BadValue where a value cannot be represented as the rule asks. The row becomes a bad row. It holds
 * no value.
 */
import type { BadRow, ColumnInfo, TableInfo } from '../../core/model.js';

export class BadValue extends Error {
  override readonly name = 'BadValue';

  /**
   * @param reason the same for all values with this fault: what differs between rows belongs into `kind`
   * @param kind what sort of value it is; null: one of its column's type
   */
  constructor(
    readonly column: string | null,
    readonly reason: string,
    readonly remedy: string,
    readonly kind: string | null = null,
  ) {
    super(reason);
  }

  /** Returns the bad row. @param table of the row */
  toBadRow(table: TableInfo): BadRow {
    const column = table.columns.find(({ name }) => name === this.column);
    const kind = this.kind ?? (column === undefined ? 'an item' : typeText(column));
    return { cause: 'value', column: this.column, kind, reason: this.reason, remedy: this.remedy };
  }
}

/** Returns `decimal(65,30)`, `varchar(40), gbk`: the type as declared, without the members of an ENUM or SET. */
export function typeText({ dataType, columnType, charset }: ColumnInfo): string {
  const type = dataType === 'enum' || dataType === 'set' ? dataType : columnType;
  return charset === null || charset.startsWith('utf8') ? type : `${type}, ${charset}`;
}
