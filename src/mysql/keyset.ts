/**
 * The scan key as SQL: which cells of a row are its key, the cursor made of them, and the predicates that continue
 * behind a cursor. MySQL alone compares keys; a cursor is a JSON array of texts that go back to it as typed literals.
 */
import { FerryError } from '../core/errors.js';
import type { Cursor, KeyPart, Row } from '../core/model.js';
import type { TableScan } from '../core/ports.js';
import { aliased } from './cells.js';
import type { Operator } from './enumerated-key.js';
import { cellText, keyForm, type KeyForm } from './key-form.js';
import { quoteName } from './sql.js';

export interface KeysetPart extends KeyPart {
  /** The column, qualified and quoted: an alias of the select list cannot hide it. */
  readonly sql: string;
  readonly form: KeyForm;
}

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

  /** The key cell of a part, for a select list. */
  selected(part: KeysetPart): string {
    const expression = part.form.select === null ? part.sql : part.form.select(part.sql);
    return aliased(expression, part.form.transport);
  }

  get orderBy(): string {
    return this.#order(false);
  }

  get reverseOrderBy(): string {
    return this.#order(true);
  }

  /** All parts in one direction, none of them an ENUM or SET. */
  get plain(): boolean {
    return this.parts.every(
      ({ descending, form }) => descending === this.parts[0]?.descending && form.kind !== 'enumerated',
    );
  }

  #order(reverse: boolean): string {
    return this.parts.map(({ sql, descending }) => (descending === reverse ? sql : `${sql} DESC`)).join(', ');
  }

  /** Rows strictly behind the cursor in key order. */
  after(cursor: Cursor): string {
    return this.#beyond(this.texts(cursor), 'behind', false);
  }

  /** Rows up to and with the cursor. */
  upTo(cursor: Cursor): string {
    return this.#beyond(this.texts(cursor), 'before', true);
  }

  /** Rows strictly before the cursor. */
  before(cursor: Cursor): string {
    return this.#beyond(this.texts(cursor), 'before', false);
  }

  /** The row at the cursor. */
  at(cursor: Cursor): string {
    return this.#fixed(this.texts(cursor));
  }

  /** Rows whose part `index` is at `text` or further on in key order (`before`: not yet there), earlier parts being fixed. */
  partFrom(texts: readonly string[], index: number, text: string, side: 'from' | 'before'): string {
    const part = this.#part(index);
    const forward = (side === 'from') !== part.descending;
    const here = part.form.compare(part.sql, operatorOf(forward, side === 'from'), text);
    return index === 0 ? here : `${this.#fixed(texts.slice(0, index))} AND ${here}`;
  }

  /**
   * The row whose key has these values as an operator writes them.
   * @throws FerryError E_USAGE where a value cannot be one of its column's
   */
  equals(values: readonly string[]): string {
    if (values.length !== this.parts.length) {
      const columns = this.parts.map(({ column }) => column).join(', ');
      throw new FerryError(
        'E_USAGE',
        `a key of table ${this.#table} has ${this.parts.length} parts, but ${values.length} were given`,
        `name the values of ${columns}, in this order`,
      );
    }
    const equalities = this.parts.map(({ column, sql, form }, i) => {
      const value = values[i] ?? '';
      if (form.written.pattern.test(value)) return `${sql} = ${form.written.literal(value)}`;
      throw new FerryError(
        'E_USAGE',
        `a value given for ${this.#table}.${column} is not ${form.written.what}`,
        'write the key as MySQL prints it (SELECT the columns of the key)',
      );
    });
    return equalities.join(' AND ');
  }

  /**
   * @param cells place of each part's key cell in the row
   * @throws FerryError E_TABLE_NO_KEY for a text that is not UTF-8: as a literal it would be another key
   */
  cursorOf(row: Row, cells: readonly number[]): Cursor {
    const texts = cells.map((place, i) => {
      const cell = row[place] ?? null;
      if (Buffer.isBuffer(cell) && this.#part(i).form.transport !== 'bytes') throw this.#inexact(this.#part(i));
      return cellText(cell);
    });
    return JSON.stringify(texts) as Cursor;
  }

  #inexact({ column }: KeysetPart): FerryError {
    return new FerryError(
      'E_TABLE_NO_KEY',
      `table ${this.#table}: a row's ${column} has no exact form in UTF-8, so no scan can go on behind it`,
      'scan by another unique key (`scanKey`), or correct such rows at the source',
    );
  }

  /** @throws FerryError E_STATE_CORRUPT where the cursor cannot be one of this key */
  texts(cursor: Cursor): readonly string[] {
    const texts = parsedCursor(cursor);
    if (texts?.length === this.parts.length && texts.every((text, i) => this.#part(i).form.pattern.test(text))) {
      return texts;
    }
    throw new FerryError(
      'E_STATE_CORRUPT',
      `a stored cursor of table ${this.#table} does not fit its scan key`,
      'the state belongs to another table definition or is damaged: begin the shard anew with an empty state folder',
    );
  }

  /** `account=AC1, sid=SM2`. Holds row values. */
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
   * The expanded form, `a > 1 OR (a = 1 AND b > 2)`: for the row-value form `(a, b) > (1, 2)` every MySQL walks the
   * index from its start (seen on 5.6, 9.7 and MariaDB 10.11), which makes a scan quadratic.
   * The nearest rows first, those that share most parts: the other way round, MySQL 5.6 uses only two parts of four and walks
   * all rows that share them.
   */
  #beyond(texts: readonly string[], side: 'behind' | 'before', inclusive: boolean): string {
    const alternatives = this.parts.map(({ sql, form, descending }, i) => {
      const last = i === this.parts.length - 1;
      const forward = (side === 'behind') !== descending;
      const here = form.compare(sql, operatorOf(forward, inclusive && last), texts[i] ?? '');
      return i === 0 ? here : `${this.#fixed(texts.slice(0, i))} AND ${here}`;
    });
    alternatives.reverse();
    return `(${alternatives.map((one) => `(${one})`).join(' OR ')})`;
  }

  /** The first parts are equal to these texts. */
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
