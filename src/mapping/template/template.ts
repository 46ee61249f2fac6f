/**
 * Parses a template's source text into parts: literals and expressions, `ACCT#{account_sid}`,
 * `{created_at:epoch-ms:pad(14)}`. `{{` and `}}` stand for braces. It checks only the syntax. `template-functions.ts`
 * decides what a function may apply to.
 */

export interface FunctionCall {
  readonly name: string;
  readonly argument: number | null;
}

export type TemplatePart =
  | { readonly kind: 'literal'; readonly text: string }
  | { readonly kind: 'expression'; readonly column: string; readonly functions: readonly FunctionCall[] };

export class TemplateSyntaxError extends Error {
  override readonly name = 'TemplateSyntaxError';
}

/** Parses a template. @throws TemplateSyntaxError saying what is wrong, with the position in the text */
export function parseTemplate(source: string): readonly TemplatePart[] {
  const parts: TemplatePart[] = [];
  let literal = '';
  let at = 0;
  while (at < source.length) {
    const char = source.charAt(at);
    const twice = source[at + 1] === char;
    if ((char === '{' || char === '}') && twice) {
      literal += char;
      at += 2;
    } else if (char === '{') {
      const end = source.indexOf('}', at);
      if (end < 0) throw new TemplateSyntaxError(`"{" at character ${at + 1} has no closing brace`);
      if (literal !== '') parts.push({ kind: 'literal', text: literal });
      literal = '';
      parts.push(parseExpression(source.slice(at + 1, end), at + 2));
      at = end + 1;
    } else if (char === '}') {
      throw new TemplateSyntaxError(`"}" at character ${at + 1} has no opening brace; write "}}" for a brace`);
    } else {
      literal += char;
      at += 1;
    }
  }
  if (literal !== '') parts.push({ kind: 'literal', text: literal });
  return parts;
}

/** Returns an expression as a template writes it: `{created_at:epoch-ms:pad(14)}`. */
export function expressionText({ column, functions }: Extract<TemplatePart, { kind: 'expression' }>): string {
  const calls = functions.map(({ name, argument }) => `:${name}${argument === null ? '' : `(${argument})`}`);
  return `{${column}${calls.join('')}}`;
}

const CALL = /^([a-z][a-z0-9-]*)(?:\((\d{1,6})\))?$/;

/** @param at 1-based position of `text` in the template */
function parseExpression(text: string, at: number): TemplatePart {
  const [column = '', ...calls] = text.split(':');
  if (column === '') throw new TemplateSyntaxError(`the name of a column is missing at character ${at}`);
  let place = at + column.length;
  const functions = calls.map((call) => {
    place += 1;
    const match = CALL.exec(call.trim());
    if (match === null)
      throw new TemplateSyntaxError(`"${call}" at character ${place} is not a function such as iso or pad(20)`);
    place += call.length;
    return { name: match[1] ?? '', argument: match[2] === undefined ? null : Number(match[2]) };
  });
  return { kind: 'expression', column, functions };
}
