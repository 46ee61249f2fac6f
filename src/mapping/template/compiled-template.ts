/**
 * A compiled template is bound to a table's columns. It is a function from a row to text, with the facts for the proofs
 * of key rules.
 */
import type { ColumnInfo, TableInfo } from '../../core/model.js';
import { FunctionFault, type Expression, type WriteExpression } from './expression.js';
import { literal } from '../item/literal.js';
import { textBytes } from '../value/item-size.js';
import { escapeJson } from '../value/json-text.js';
import { compileExpression } from './template-functions.js';
import { expressionText, parseTemplate, TemplateSyntaxError } from './template.js';
import { nearest } from '../../core/text/nearest.js';
import type { RowView } from '../row-view.js';

export type CompiledPart =
  | { readonly kind: 'literal'; readonly text: string }
  | { readonly kind: 'expression'; readonly source: string; readonly expression: Expression };

export interface CompiledTemplate {
  readonly source: string;
  readonly parts: readonly CompiledPart[];
  /** Returns the text for a row. @throws BadValue */
  readonly evaluate: (row: RowView) => string;
  /** Writes the same text as the inside of a JSON string; counts it as billed. @throws BadValue */
  readonly write: WriteExpression;
}

export class TemplateFault extends Error {
  override readonly name = 'TemplateFault';

  constructor(
    readonly code: 'E_MAPPING_INVALID' | 'E_MAPPING_COLUMN',
    message: string,
    readonly hint: string,
  ) {
    super(message);
  }
}

/**
 * Binds a template to a table.
 * @param indexOf returns the position of a column in the rows
 * @throws TemplateFault
 */
export function compileTemplate(
  source: string,
  table: TableInfo,
  indexOf: (column: string) => number,
): CompiledTemplate {
  try {
    const parts = parseTemplate(source).map((part): CompiledPart => {
      if (part.kind === 'literal') return part;
      const column = columnNamed(part.column, table);
      const expression = compileExpression(column, indexOf(column.name), part.functions);
      return { kind: 'expression', source: expressionText(part), expression };
    });
    return { source, parts, evaluate: evaluator(parts), write: writerOf(parts) };
  } catch (error) {
    if (error instanceof TemplateSyntaxError || error instanceof FunctionFault) {
      throw new TemplateFault('E_MAPPING_INVALID', `the template is invalid: ${error.message}`, 'correct the template');
    }
    throw error;
  }
}

/** Returns the column of that name. @throws TemplateFault E_MAPPING_COLUMN */
export function columnNamed(name: string, table: TableInfo): ColumnInfo {
  const column = table.columns.find((candidate) => candidate.name === name);
  if (column === undefined) throw missingColumn(name, table);
  return column;
}

function missingColumn(name: string, table: TableInfo): TemplateFault {
  const near = nearest(
    name,
    table.columns.map((column) => column.name),
  );
  return new TemplateFault(
    'E_MAPPING_COLUMN',
    `table ${table.name} has no column "${name}"`,
    near === null ? 'name a column that the table has' : `did you mean "${near}"?`,
  );
}

function evaluator(parts: readonly CompiledPart[]): (row: RowView) => string {
  return (row) => parts.map((part) => (part.kind === 'literal' ? part.text : part.expression.evaluate(row))).join('');
}

function writerOf(parts: readonly CompiledPart[]): WriteExpression {
  const steps = parts.map((part): WriteExpression => {
    if (part.kind === 'literal') {
      const text = literal(escapeJson(part.text));
      const bytes = textBytes(part.text);
      return (_row, out) => {
        out.literal(text);
        out.bytes += bytes;
      };
    }
    const { evaluate, write } = part.expression;
    return write ?? ((row, out) => out.quoted(evaluate(row)));
  });
  return (row, out) => {
    for (const step of steps) step(row, out);
  };
}

export function expressionsOf(template: CompiledTemplate): readonly Expression[] {
  return template.parts.flatMap((part) => (part.kind === 'expression' ? [part.expression] : []));
}

/** Returns the bytes that every output has at least: those of the literals. */
export function literalBytes(template: CompiledTemplate): number {
  return template.parts.reduce((sum, part) => sum + (part.kind === 'literal' ? textBytes(part.text) : 0), 0);
}

/** Refuses a template whose constant text is too large: else every row would be a bad row. @throws TemplateFault */
export function refuseTooLarge(bytes: number, maxBytes: number, what: string, holder: string): void {
  if (bytes <= maxBytes) return;
  throw new TemplateFault(
    'E_MAPPING_INVALID',
    `${what} alone have ${bytes} bytes; ${holder} may have ${maxBytes}`,
    'shorten them',
  );
}
