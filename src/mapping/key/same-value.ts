/**
 * When two values of a column are one value, on whichever shard and however its server prints them. Shards need not
 * define a column alike, so one value prints as `1.00` here and as `1.0000` there. A value goes by several names, and
 * two are one value where they share a name:
 *
 * - its text as the server sent it (what earlier versions recorded: their claims are still found);
 * - its text by its type: numbers without superfluous zeros (also of ZEROFILL, BIT and YEAR), times without the zeros
 *   that end a fraction and a DATE as its midnight, text without the spaces that its collation does not compare, UUIDs
 *   in lower case, a SET's members sorted, BINARY without the zeros that fill it up, bytes that are UTF-8 as text too;
 * - what each function in the key templates makes of it: then the item keys are one, whatever the column. Where the
 *   mapping ignores case (`lower`, `upper`), so does this.
 *
 * Kept apart, since neither a type nor a template makes them one: case and accents that only a collation ignores,
 * Unicode text that is composed in other ways (NFC, NFD), a text `007` and a number 7, and UUIDs as text and as 16
 * bytes.
 */
import { isUtf8 } from 'node:buffer';
import type { Cell, ColumnInfo } from '../../core/model.js';
import { BadValue } from '../value/bad-value.js';
import { columnKind } from '../value/column-kind.js';
import type { CompiledMapping } from '../compile.js';
import { columnNamed } from '../template/compiled-template.js';
import type { Expression } from '../template/expression.js';
import { bitText, normalizeNumber } from '../value/numbers.js';

/** One name of a value: a text or bytes as `{hex}`; behind it the template function that gives it. */
export type ValueName =
  readonly [value: string | { readonly hex: string }] | readonly [value: string, expression: string];

export interface SameValue {
  /** Names of a value that is not NULL; the first is what the server sent. */
  namesOf(cell: string | Buffer): readonly ValueName[];
  /** The value in all the forms of a cell that another column may hold it in. */
  formsOf(cell: string | Buffer): readonly (string | Buffer)[];
}

/** @throws TemplateFault where the table lacks the column */
export function compileSameValue(mapping: CompiledMapping, column: string): SameValue {
  const info = columnNamed(column, mapping.table);
  const expressions = keyExpressions(mapping, column);
  const columnIndex = mapping.columns.indexOf(column);
  const made = (expression: Expression, cell: Cell): string | null => {
    const view = mapping.viewOf(mapping.columns.map((_, index) => (index === columnIndex ? cell : null)));
    try {
      return expression.evaluate(view);
    } catch (error) {
      // Then no item has it in its key either.
      if (error instanceof BadValue) return null;
      throw error;
    }
  };
  return {
    namesOf(cell) {
      const names: ValueName[] = [];
      for (const form of [cell, ...canonicalForms(info, cell)]) {
        names.push([typeof form === 'string' ? form : { hex: form.toString('hex') }]);
        // What came as bytes is read as bytes.
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
 * By their source: those that make something of the column in an item key. `{column}` itself gives the text by its
 * type.
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

/** What the value is by its type; nothing where the server prints just that. */
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
 * MySQL: "nonbinary strings have PAD SPACE except those based on UCA 9.0.0 and higher" (Pad attributes of collations);
 * MariaDB names its others `_nopad_`.
 */
function padsSpace({ collation }: ColumnInfo): boolean {
  return collation !== null && !/_0900_|_nopad_|^binary$/.test(collation);
}

/** Also of more digits than DynamoDB takes: such a value may be outside all keys. */
function numberForm(text: string): string {
  const normalized = normalizeNumber(text);
  if ('text' in normalized) return normalized.text;
  return text
    .replace(/^(-?)0+(?=\d)/, '$1')
    .replace(/(\.\d*?)0+$/, '$1')
    .replace(/\.$/, '');
}

/** MySQL: a BINARY value is filled up with zeros to the column's length. */
function withoutFill(bytes: Buffer): Buffer {
  let end = bytes.length;
  while (end > 0 && bytes[end - 1] === 0) end -= 1;
  return bytes.subarray(0, end);
}

function distinct(names: readonly ValueName[]): readonly ValueName[] {
  return [...new Map(names.map((name) => [JSON.stringify(name), name])).values()];
}
