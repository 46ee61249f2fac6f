/**
 * A keyset writes the scan key as SQL. It knows the cells of a row that are its key, their cursor, and the conditions
 * that continue behind it. Only MySQL compares keys. A cursor is a JSON array of texts that go back to MySQL as typed
 * literals.
 */
import { FerryError } from '../../core/errors.js';
import type { Cursor, KeyPart, Row } from '../../core/model.js';
import type { TableScan } from '../../core/ports/source-ports.js';
import { aliased } from '../connection/cells.js';
import { isLabelled, numbersLabelled, numbersThat, type Operator } from './enumerated-key.js';
import { cellText, keyForm, type KeyForm } from './key-form.js';
import { quoteName } from '../connection/sql.js';

export interface KeysetPart extends KeyPart {
  /** The column, qualified and quoted: no alias of the select list can hide it. */
  readonly sql: string;
  readonly form: KeyForm;
}

/** A condition on rows by their key, as SQL. */
export interface KeyCondition {
  readonly sql: string;
  /**
   * ENUM and SET parts that have one value in all such rows. The order leaves them out. A server sees no constant in a
   * condition "ENUM equals a number". So if the ENUM is in the order, every server sorts all those rows.
   */
  readonly settled: ReadonlySet<number>;
}

/** More values than a statement would list. */
const MANY = Number.MAX_SAFE_INTEGER;

export class Keyset {
  readonly parts: readonly KeysetPart[];
  readonly #table: string;

  constructor(scan: TableScan) {
    this.#table = scan.table.name;
    this.parts = scan.key.parts.map(({ column, descending }) => {
      const info = scan.table.columns.find(({ name }) => name === column);
      const form = info === undefined ? null : keyForm(info);
      if (form === null) throw new TypeError(`no scan can follow ${column} of ${scan.table.name}`);
      return { column, descending, sql: `${quoteName(scan.table.name)}.${quoteName(column)}`, form };
    });
  }

  /** Returns the key cell of a part, for a select list. */
  selected(part: KeysetPart): string {
    const expression = part.form.select === null ? part.sql : part.form.select(part.sql);
    return aliased(expression, part.form.transport);
  }

  /** Returns the key order for rows that meet all these conditions; null where nothing is left to order by. */
  order(direction: 'forward' | 'reverse', conditions: readonly KeyCondition[] = []): string | null {
    const reverse = direction === 'reverse';
    const columns = this.parts.flatMap(({ sql, descending }, i) =>
      conditions.some(({ settled }) => settled.has(i)) ? [] : [descending === reverse ? sql : `${sql} DESC`],
    );
    return columns.length === 0 ? null : columns.join(', ');
  }

  /** True if all parts have one direction, and none of them is an ENUM or SET. */
  get plain(): boolean {
    return this.parts.every(
      ({ descending, form }) => descending === this.parts[0]?.descending && form.enumeration === null,
    );
  }

  /** Returns the condition for rows strictly behind the cursor in key order. @throws as `texts` */
  after(cursor: Cursor): KeyCondition {
    return this.#beyond(this.texts(cursor), 'behind', false);
  }

  /** Returns the condition for rows up to and including the cursor. @throws as `texts` */
  upTo(cursor: Cursor): KeyCondition {
    return this.#beyond(this.texts(cursor), 'before', true);
  }

  /** Returns the condition for rows strictly before the cursor. @throws as `texts` */
  before(cursor: Cursor): KeyCondition {
    return this.#beyond(this.texts(cursor), 'before', false);
  }

  /** Returns the condition for the row at the cursor. @throws as `texts` */
  at(cursor: Cursor): string {
    return this.#fixed(this.texts(cursor));
  }

  /**
   * Returns the condition for rows whose part `index` is at `text` or later in key order (`before`: earlier than
   * `text`). The parts before it have the values in `texts`.
   */
  partFrom(texts: readonly string[], index: number, text: string, side: 'from' | 'before'): KeyCondition {
    const part = this.#part(index);
    const operator = operatorOf((side === 'from') !== part.descending, side === 'from');
    const here = part.form.compare(part.sql, operator, text);
    return {
      sql: index === 0 ? here : `${this.#fixed(texts.slice(0, index))} AND ${here}`,
      settled: this.#enumerated(values(part, operator, text) === 1 ? index + 1 : index),
    };
  }

  /**
   * Returns the condition for the row whose key has these values, as an operator writes them. Labels of an ENUM or SET
   * are as MySQL prints them. `most` is the largest number of such rows: MySQL prints some values the same (number 0 of
   * an ENUM and an empty label).
   * @throws FerryError E_USAGE where a value cannot be one of its column's
   */
  equals(written: readonly string[]): KeyCondition & { readonly most: number } {
    if (written.length !== this.parts.length) {
      const columns = this.parts.map(({ column }) => column).join(', ');
      throw new FerryError(
        'E_USAGE',
        `a key of table ${this.#table} has ${this.parts.length} parts, but the command gives ${written.length}`,
        `give the values of ${columns}, in this order`,
      );
    }
    const settled = new Set<number>();
    let most = 1;
    const equalities = this.parts.map(({ column, sql, form }, i) => {
      const value = written[i] ?? '';
      if (!form.written.pattern.test(value)) {
        throw new FerryError(
          'E_USAGE',
          `a value given for ${this.#table}.${column} is not ${form.written.what}`,
          'write the key as MySQL prints it (SELECT the columns of the key)',
        );
      }
      if (form.enumeration === null) return `${sql} = ${form.written.literal(value)}`;
      const numbers = numbersLabelled(form.enumeration, value);
      most *= Math.max(1, numbers.length);
      if (numbers.length === 1) settled.add(i);
      return isLabelled(sql, numbers, value);
    });
    return { sql: equalities.join(' AND '), settled, most };
  }

  /**
   * Returns the cursor of a row.
   * @param cells index of each part's key cell in the row
   * @throws FerryError E_TABLE_NO_KEY for a text that is not UTF-8: as a literal it would be another key
   */
  cursorOf(row: Row, cells: readonly number[]): Cursor {
    const texts = cells.map((cellIndex, i) => {
      const cell = row[cellIndex] ?? null;
      if (Buffer.isBuffer(cell) && this.#part(i).form.transport !== 'bytes') throw this.#inexact(this.#part(i));
      return cellText(cell);
    });
    return JSON.stringify(texts) as Cursor;
  }

  #inexact({ column }: KeysetPart): FerryError {
    return new FerryError(
      'E_TABLE_NO_KEY',
      `table ${this.#table}: the ${column} of a row has no exact form in UTF-8, so no scan can continue after it`,
      'scan by another unique key (`scanKey`), or correct such rows at the source',
    );
  }

  /** Returns the texts of a cursor. @throws FerryError E_STATE_CORRUPT where it cannot be a cursor of this key */
  texts(cursor: Cursor): readonly string[] {
    const texts = parsedCursor(cursor);
    if (texts?.length === this.parts.length && texts.every((text, i) => this.#part(i).form.pattern.test(text))) {
      return texts;
    }
    throw new FerryError(
      'E_STATE_CORRUPT',
      `a stored cursor of table ${this.#table} does not fit its scan key`,
      'the state belongs to another table definition or is damaged: start the shard again with an empty state folder',
    );
  }

  /** Returns `account=AC1, sid=SM2`. It holds row values. */
  describe(cursor: Cursor): string {
    const texts = this.texts(cursor);
    return this.parts
      .map(({ column, form }, i) => {
        const hexadecimal = form.kind === 'bytes' || form.kind === 'ascii-bytes' || form.kind === 'opaque';
        return `${column}=${hexadecimal ? '0x' : ''}${texts[i] ?? ''}`;
      })
      .join(', ');
  }

  /**
   * Returns the expanded form, `a > 1 OR (a = 1 AND b > 2)`. For the row-value form `(a, b) > (1, 2)`, every MySQL
   * walks the index from its start (seen on 5.6, 9.7 and MariaDB 10.11). That makes a scan quadratic. The nearest rows
   * come first: those that share most parts. In the other order, MySQL 5.6 uses only two parts of four, and walks all
   * rows that share them.
   */
  #beyond(texts: readonly string[], side: 'behind' | 'before', inclusive: boolean): KeyCondition {
    const alternatives = this.parts.flatMap((part, i) => {
      const last = i === this.parts.length - 1;
      const operator = operatorOf((side === 'behind') !== part.descending, inclusive && last);
      const text = texts[i] ?? '';
      const left = values(part, operator, text);
      if (left === 0) return [];
      const here = part.form.compare(part.sql, operator, text);
      return [{ sql: i === 0 ? here : `${this.#fixed(texts.slice(0, i))} AND ${here}`, part: i, left }];
    });
    const [first] = alternatives;
    if (first === undefined) return { sql: 'FALSE', settled: new Set() };
    // All alternatives fix the parts before that of the first one.
    const one = alternatives.length === 1 && first.left === 1;
    const settled = this.#enumerated(one ? first.part + 1 : first.part);
    alternatives.reverse();
    return { sql: `(${alternatives.map(({ sql }) => `(${sql})`).join(' OR ')})`, settled };
  }

  /** Returns the ENUM and SET parts among the first `count`. */
  #enumerated(count: number): ReadonlySet<number> {
    return new Set(this.parts.slice(0, count).flatMap(({ form }, i) => (form.enumeration === null ? [] : [i])));
  }

  /** Returns the condition that the first parts equal these texts. */
  #fixed(texts: readonly string[]): string {
    return texts
      .map((text, i) => {
        const { sql, form } = this.#part(i);
        return form.compare(sql, '=', text);
      })
      .join(' AND ');
  }

  #part(index: number): KeysetPart {
    const part = this.parts[index];
    if (part === undefined) throw new RangeError(`the key has no part ${index}`);
    return part;
  }
}

/** Returns how many values of an ENUM or SET meet a comparison. */
function values({ form }: KeysetPart, operator: Operator, text: string): number {
  return form.enumeration === null ? MANY : numbersThat(form.enumeration, operator, text).length;
}

function operatorOf(forward: boolean, inclusive: boolean): Operator {
  if (forward) return inclusive ? '>=' : '>';
  return inclusive ? '<=' : '<';
}

function parsedCursor(cursor: Cursor): readonly string[] | null {
  try {
    const parsed: unknown = JSON.parse(cursor);
    return Array.isArray(parsed) && parsed.every((text) => typeof text === 'string') ? parsed : null;
  } catch {
    return null;
  }
}
