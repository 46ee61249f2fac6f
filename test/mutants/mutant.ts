/** One small change to one source file, and how it is named: by what it changes and where, never by a line number. */

export const OPERATORS = [
  'comparison',
  'condition',
  'logic',
  'statement',
  'await',
  'arithmetic',
  'number',
  'boolean',
  'array',
  'default',
  'string',
  'sql',
] as const;

export type Operator = (typeof OPERATORS)[number];

export interface Mutant {
  /** From the root of the checkout: `src/core/async/gate.ts`. */
  readonly file: string;
  readonly operator: Operator;
  /** Offsets into the file's text, and what stands between them instead. */
  readonly start: number;
  readonly end: number;
  readonly replacement: string;
  /** From 1. */
  readonly line: number;
  /** The line where it begins, without indentation. */
  readonly lineText: string;
  /** The function, method or class around it, `SessionPool.lease`; `(module)` where there is none. */
  readonly within: string;
  /** `a < b -> a <= b`, on one line. */
  readonly change: string;
}

export function applied(text: string, { start, end, replacement }: Mutant): string {
  return text.slice(0, start) + replacement + text.slice(end);
}

/** The same for the same change of the same line of the same function, wherever in the file that has moved to. */
export function nameOf({ file, within, lineText, change }: Omit<MutantName, 'reason'>): string {
  return [file, within, lineText, change].join(' | ');
}

export interface MutantName {
  readonly file: string;
  readonly within: string;
  readonly lineText: string;
  readonly change: string;
}

/** The lines that the change touches, before and after, as a diff without context. */
export function diffOf(text: string, mutant: Mutant): string {
  const from = text.lastIndexOf('\n', mutant.start - 1) + 1;
  const next = text.indexOf('\n', mutant.end);
  const to = next === -1 ? text.length : next;
  const before = text.slice(from, to);
  const after = text.slice(from, mutant.start) + mutant.replacement + text.slice(mutant.end, to);
  const lines = (part: string, sign: string): string[] => part.split('\n').map((line) => `    ${sign} ${line.trim()}`);
  return [...lines(before, '-'), ...lines(after, '+')].join('\n');
}
