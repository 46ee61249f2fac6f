/**
 * Writes the SELECTs over one table's scan key: whole rows, or keys alone. It names every column, so that invisible
 * ones come too. If a key cell needs another form than its column, it comes after the wanted columns.
 */
import type { Cell, Cursor, Row } from '../../core/model.js';
import type { TableScan } from '../../core/ports/source-ports.js';
import { transportOf, type RowBlock, type Transport } from '../../core/row-block.js';
import { aliased } from '../connection/cells.js';
import { selectedColumn } from './key-form.js';
import { Keyset, type KeyCondition } from './keyset.js';
import type { ServerFamily } from '../connection/server-family.js';
import { quoteName, type Select } from '../connection/sql.js';

/** Rows with `after` < key <= `upTo`; null: no bound. */
export interface KeyInterval {
  readonly after: Cursor | null;
  readonly upTo: Cursor | null;
}

export class RowSelect {
  readonly keyset: Keyset;
  /** The operator's condition, in its own parentheses; null: all rows. */
  readonly where: string | null;
  /** Transports of the cells of the `rows` statements, key cells included. */
  readonly transports: readonly Transport[];
  readonly #rowList: string;
  readonly #keyList: string;
  readonly #rowCells: readonly number[];
  readonly #keyCells: readonly number[];
  readonly #table: string;
  readonly #index: string;

  constructor(scan: TableScan) {
    this.keyset = new Keyset(scan);
    // On separate lines: the condition may end in a comment.
    this.where = scan.where === null ? null : `(\n${scan.where}\n)`;

    const transports: Transport[] = [];
    const list = scan.columns.map((name) => {
      const column = scan.table.columns.find((candidate) => candidate.name === name);
      if (column === undefined) throw new TypeError(`${name} is no column of ${scan.table.name}`);
      transports.push(transportOf(column));
      return aliased(selectedColumn(scan.table.name, column), transportOf(column));
    });
    this.#rowCells = this.keyset.parts.map((part) => {
      const selected = this.keyset.selected(part);
      // The list already selects FLOAT columns in their key form.
      const there = list.indexOf(selected);
      if (there >= 0) return there;
      transports.push(part.form.transport);
      return list.push(selected) - 1;
    });
    this.transports = transports;
    this.#rowList = list.join(', ');
    this.#keyList = this.keyset.parts.map((part) => this.keyset.selected(part)).join(', ');
    this.#keyCells = this.keyset.parts.map((_, i) => i);
    this.#table = `${quoteName(scan.table.database)}.${quoteName(scan.table.name)}`;
    this.#index = quoteName(scan.key.name);
  }

  cursorOf(row: Row): Cursor {
    return this.keyset.cursorOf(row, this.#rowCells);
  }

  /** Returns the cursor of a row of a block, without making any other cell of it. */
  cursorIn(rows: RowBlock, index: number): Cursor {
    const row: Cell[] = [];
    for (const cell of this.#rowCells) row[cell] = rows.cell(index, cell);
    return this.keyset.cursorOf(row, this.#rowCells);
  }

  /** Returns the cursor of a row of one of the `key...` statements. */
  cursorOfKey(row: Row): Cursor {
    return this.keyset.cursorOf(row, this.#keyCells);
  }

  /** Selects the interval's rows in key order, at most `limit`. */
  rows(interval: KeyInterval, limit: number | null): Select {
    return this.#statement(this.#rowList, this.#bounds(interval), { where: this.where, order: 'forward', limit });
  }

  /** Selects one wanted row of the interval, if there is any. The caller counts it. */
  anyRow(interval: KeyInterval): Select {
    return this.#statement('1 AS one', this.#bounds(interval), { where: this.where, limit: 1 });
  }

  /**
   * Selects the row with that key, given as an operator writes it; several rows where MySQL prints several keys the
   * same.
   * @throws FerryError E_USAGE
   */
  row(written: readonly string[]): Select {
    const { most, ...key } = this.keyset.equals(written);
    return this.#statement(this.#rowList, [key], { where: this.where, order: 'forward', limit: most });
  }

  /**
   * Selects one of the rows with these keys, given as for `row`. If the index is forced, MySQL from 8.0 on does not
   * look up how many rows each value has. It trusts the index's average and walks the whole index (seen on 9.7, which
   * uses ranges if the index is only named).
   * @throws FerryError E_USAGE
   */
  oneRowOf(written: readonly (readonly string[])[]): Select {
    const sql = written.map((key) => `(${this.keyset.equals(key).sql})`).join(' OR ');
    const keys = [{ sql: `(${sql})`, settled: new Set<number>() }];
    return this.#statement(this.#rowList, keys, { where: this.where, limit: 1, hint: 'USE INDEX' });
  }

  /** Selects any one row that meets the operator's condition too, by whatever index the server finds for it. */
  rowMatching(condition: string): Select {
    const conditions = [...(this.where === null ? [] : [this.where]), `(\n${condition}\n)`];
    return {
      list: this.#rowList,
      from: `FROM ${this.#table} WHERE ${conditions.join(' AND ')} LIMIT 1`,
      conditional: true,
    };
  }

  /** Selects the rows at these cursors, at most one for each, in key order. */
  rowsAt(cursors: readonly Cursor[]): Select {
    return this.#statement(this.#rowList, [this.#at(cursors)], { where: this.where, order: 'forward' });
  }

  /** Selects one of these keys that is in the table, whether it meets `where` or not. */
  anyKeyAt(cursors: readonly Cursor[]): Select {
    return this.#statement(this.#keyList, [this.#at(cursors)], { limit: 1 });
  }

  /** Selects the interval's key at position `offset`, counting rows that meet `where` and others. */
  keyAt(interval: KeyInterval, offset: number): Select {
    const keys = this.#statement(this.#keyList, this.#bounds(interval), { order: 'forward' });
    return { ...keys, from: `${keys.from} LIMIT ${offset}, 1` };
  }

  /** Selects the table's first keys, at most `limit`, whether they meet `where` or not. */
  firstKeys(limit: number): Select {
    return this.#statement(this.#keyList, [], { order: 'forward', limit });
  }

  /** Selects the first or the last key of those that meet all conditions. */
  edgeKey(edge: 'first' | 'last', conditions: readonly KeyCondition[]): Select {
    return this.#statement(this.#keyList, conditions, { order: edge === 'first' ? 'forward' : 'reverse', limit: 1 });
  }

  /** Selects the interval's keys, for EXPLAIN to estimate how many rows it has. */
  keys(interval: KeyInterval, hint: ServerFamily['estimateHint']): Select {
    return this.#statement(this.#keyList, this.#bounds(interval), { hint });
  }

  #bounds({ after, upTo }: KeyInterval): readonly KeyCondition[] {
    return [...(after === null ? [] : [this.keyset.after(after)]), ...(upTo === null ? [] : [this.keyset.upTo(upTo)])];
  }

  #at(cursors: readonly Cursor[]): KeyCondition {
    return {
      sql: `(${cursors.map((cursor) => `(${this.keyset.at(cursor)})`).join(' OR ')})`,
      settled: new Set(),
    };
  }

  #statement(
    list: string,
    keys: readonly KeyCondition[],
    {
      where = null,
      order = null,
      limit = null,
      hint = 'FORCE INDEX',
    }: {
      readonly where?: string | null;
      readonly order?: 'forward' | 'reverse' | null;
      readonly limit?: number | null;
      readonly hint?: ServerFamily['estimateHint'];
    },
  ): Select {
    const conditions = [...keys.map(({ sql }) => sql), ...(where === null ? [] : [where])];
    const columns = order === null ? null : this.keyset.order(order, keys);
    const from =
      `FROM ${this.#table} ${hint} (${this.#index})` +
      (conditions.length === 0 ? '' : ` WHERE ${conditions.join(' AND ')}`) +
      (columns === null ? '' : ` ORDER BY ${columns}`) +
      (limit === null ? '' : ` LIMIT ${limit}`);
    return { list, from, conditional: where !== null };
  }
}
