/** A template bound to a table's columns: a function from a row to text, with the facts that key rules are proven from. */
import type { ColumnInfo, TableInfo } from '../core/model.js';
import { FunctionFault, type Expression } from './expression.js';
import { compileExpression } from './template-functions.js';
import { expressionText, parseTemplate, TemplateSyntaxError } from './template.js';
import { nearest } from '../core/nearest.js';
import type { RowView } from './row-view.js';

export type CompiledPart =
  | { readonly kind: 'literal'; readonly text: string }
  | { readonly kind: 'expression'; readonly source: string; readonly expression: Expression };

export interface CompiledTemplate {
  readonly source: string;
  readonly parts: readonly CompiledPart[];
  /** @throws BadValue */
  readonly evaluate: (row: RowView) => string;
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
 * @param indexOf position of a column in the rows
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
    return { source, parts, evaluate: evaluator(parts) };
  } catch (error) {
    if (error instanceof TemplateSyntaxError || error instanceof FunctionFault) {
      throw new TemplateFault('E_MAPPING_INVALID', `template "${source}": ${error.message}`, 'correct the template');
    }
    throw error;
  }
}

/** @throws TemplateFault E_MAPPING_COLUMN */
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
  const steps = parts.map((part) => (part.kind === 'literal' ? () => part.text : part.expression.evaluate));
  const [first, second, third] = steps;
  // The usual shapes without a loop: this runs for every row.
  if (first === undefined) return () => '';
  if (second === undefined) return first;
  if (third === undefined) return (row) => first(row) + second(row);
  if (steps.length === 3) return (row) => first(row) + second(row) + third(row);
  return (row) => {
    let text = '';
    for (const step of steps) text += step(row);
    return text;
  };
}

export function expressionsOf(template: CompiledTemplate): readonly Expression[] {
  return template.parts.flatMap((part) => (part.kind === 'expression' ? [part.expression] : []));
}
