/**
 * Decides when two values of a column are one value, on any shard and however its server prints them. Shards may define
 * a column differently, so one value prints as `1.00` here and as `1.0000` there. A value has several names, and two
 * values are one where they share a name:
 *
 * - its text as the server sent it (earlier versions recorded it: their claims are still found);
 * - its canonical text, by its type (see below);
 * - the result of each function in the key templates: then the item keys are one, whatever the column. If the mapping
 *   ignores case (`lower`, `upper`), so does this.
 *
 * In the canonical text, numbers have no superfluous zeros (also ZEROFILL, BIT and YEAR). Times have no zeros at the
 * end of a fraction, and a DATE is its midnight. Text has no trailing spaces that its collation does not compare. UUIDs
 * are in lower case, and a SET's members are sorted. BINARY has no zeros that fill it up, and bytes that are UTF-8
 * count as text too.
 *
 * Some values stay separate, since neither a type nor a template makes them one. These are case and accents that only a
 * collation ignores, and Unicode text in different normal forms (NFC, NFD). A text `007` and a number 7 stay separate
 * too, and UUIDs as text and as 16 bytes.
 */
import { isUtf8 } from 'node:buffer';
import type { Cell, ColumnInfo } from '../../core/model.js';
import { BadValue } from '../value/bad-value.js';
import { columnKind } from '../value/column-kind.js';
import type { CompiledMapping } from '../compile.js';
import { columnNamed } from '../template/compiled-template.js';
import type { Expression } from '../template/expression.js';
import { bitText, normalizeNumber } from '../value/numbers.js';

/** One name of a value: a text, or bytes as `{hex}`, followed by the template function that gives it. */
export type ValueName =
  readonly [value: string | { readonly hex: string }] | readonly [value: string, expression: string];

export interface SameValue {
  /** Returns the names of a value that is not NULL. The first is what the server sent. */
  namesOf(cell: string | Buffer): readonly ValueName[];
  /** Returns the value in all the forms of a cell in which another column may hold it. */
  formsOf(cell: string | Buffer): readonly (string | Buffer)[];
}

/** Compiles the comparison for a column. @throws TemplateFault where the table lacks the column */
export function compileSameValue(mapping: CompiledMapping, column: string): SameValue {
  const info = columnNamed(column, mapping.table);
  const expressions = keyExpressions(mapping, column);
  const columnIndex = mapping.columns.indexOf(column);
  const made = (expression: Expression, cell: Cell): string | null => {
    const view = mapping.viewOf(mapping.columns.map((_, index) => (index === columnIndex ? cell : null)));
    try {
      return expression.evaluate(view);
    } catch (error) {
      // Then no item has the value in its key either.
      if (error instanceof BadValue) return null;
      throw error;
    }
  };
  return {
    namesOf(cell) {
      const names: ValueName[] = [];
      for (const form of [cell, ...canonicalForms(info, cell)]) {
        names.push([typeof form === 'string' ? form : { hex: form.toString('hex') }]);
        // If the cell arrived as bytes, the mapping reads it as bytes.
        if (typeof form !== typeof cell) continue;
        for (const [source, expression] of expressions) {
          const text = made(expression, form);
          if (text !== null) names.push([text, source]);
        }
      }
      return distinct(names);
    },
    formsOf(cell) {
      const forms = [cell, ...canonicalForms(info, cell)];
      const texts = forms.filter((form) => typeof form === 'string');
      const folded = texts.flatMap((text) => [text.toLowerCase(), text.toUpperCase()]);
      return [...new Set([...forms, ...(ignoresCase(expressions) ? folded : [])])];
    },
  };
}

function ignoresCase(expressions: ReadonlyMap<string, Expression>): boolean {
  return [...expressions.keys()].some((source) => /:(?:lower|upper)\b/.test(source));
}

/**
 * Returns, by their source, the expressions that change the column in an item key. `{column}` itself gives the
 * canonical text.
 */
function keyExpressions(mapping: CompiledMapping, column: string): ReadonlyMap<string, Expression> {
  const found = new Map<string, Expression>();
  for (const { partitionKey, sortKey } of mapping.keys) {
    for (const part of [...partitionKey.parts, ...(sortKey?.parts ?? [])]) {
      if (part.kind === 'literal' || part.expression.column !== column) continue;
      if (part.expression.distinguishes !== 'never' && part.source !== `{${column}}`)
        found.set(part.source, part.expression);
    }
  }
  return found;
}

/** Returns the canonical forms of the value; none where the server prints just that. */
function canonicalForms(column: ColumnInfo, cell: string | Buffer): readonly (string | Buffer)[] {
  const kind = columnKind(column);
  if (typeof cell !== 'string') {
    if (kind === 'bit') return [bitText(cell)];
    if (kind !== 'bytes') return [];
    const filled = column.dataType === 'binary' ? withoutFill(cell) : cell;
    return [filled, ...[cell, filled].filter((bytes) => isUtf8(bytes)).map((bytes) => bytes.toString('utf8'))];
  }
  switch (kind) {
    case 'integer':
    case 'year':
    case 'decimal':
    case 'float':
      return [numberForm(cell)];
    case 'date':
      return [`${cell} 00:00:00`];
    case 'datetime':
    case 'time':
      return [cell.replace(/(\.\d*?)0+$/, '$1').replace(/\.$/, '')];
    case 'set':
      return [cell.split(',').sort().join(',')];
    case 'text': {
      const text = padsSpace(column) ? cell.replace(/ +$/, '') : cell;
      return [UUID.test(text) ? text.toLowerCase() : text];
    }
    default:
      return [];
  }
}

const UUID = /^[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}$/i;

/**
 * Returns whether the collation ignores trailing spaces. MySQL: "nonbinary strings have PAD SPACE except those based on
 * UCA 9.0.0 and higher" (Pad attributes of collations). MariaDB names its other collations `_nopad_`.
 */
function padsSpace({ collation }: ColumnInfo): boolean {
  return collation !== null && !/_0900_|_nopad_|^binary$/.test(collation);
}

/**
 * Returns a number without superfluous zeros, also with more digits than DynamoDB takes: such a value may be outside
 * all keys.
 */
function numberForm(text: string): string {
  const normalized = normalizeNumber(text);
  if ('text' in normalized) return normalized.text;
  return text
    .replace(/^(-?)0+(?=\d)/, '$1')
    .replace(/(\.\d*?)0+$/, '$1')
    .replace(/\.$/, '');
}

/** Returns the bytes without the zeros with which MySQL fills a BINARY value up to the column's length. */
function withoutFill(bytes: Buffer): Buffer {
  let end = bytes.length;
  while (end > 0 && bytes[end - 1] === 0) end -= 1;
  return bytes.subarray(0, end);
}

function distinct(names: readonly ValueName[]): readonly ValueName[] {
  return [...new Map(names.map((name) => [JSON.stringify(name), name])).values()];
}
