/**
 * What every refusal of the command line owes the operator: its code, the fact, the next step, the exit code, and no
 * stack trace.
 */
import { expect } from 'vitest';
import { ERROR_CODES, type ErrorCode } from '../../../src/core/errors.js';
import type { CliResult } from '../../support/cli.js';

export interface Refusal {
  readonly code: ErrorCode;
  readonly exit: number;
  /** The fact, as the line of that code must tell it. */
  readonly fact: RegExp;
  /** The next step, as the `next:` line below it must tell it. */
  readonly next: RegExp;
}

/** Where a stack trace, a defect or a slip in a message shows. */
const NEVER = /^\s+at .*:\d+|E_INTERNAL|\bundefined\b|\[object |NaN\b/m;

/**
 * @param refusals each must be told on stderr, where there may be further lines, such as progress; by `check`, whose
 *   result it is, on stdout
 */
export function expectRefusal(result: CliResult, ...refusals: readonly Refusal[]): void {
  expect(`${result.stdout}\n${result.stderr}`).not.toMatch(NEVER);
  const checked = /^check found \d+ errors?[,;]/m.test(result.stdout);
  if (checked) expect(result.stderr).toBe('');
  const told = checked ? result.stdout : result.stderr;
  for (const { code, fact, next } of refusals) {
    const matching = toldOf(told, code).filter((entry) => fact.test(entry[0]) && next.test(entry[1]));
    expect(matching, `${code} ${fact} ${next} in:\n${told}`).not.toEqual([]);
  }
  expect(result).toMatchObject({ code: refusals[0]?.exit, signal: null });
}

/** Facts and next steps under a code, `error s01 E_CODE: fact` and `next: step`; facts may run over several lines. */
function toldOf(text: string, code: string): readonly (readonly [fact: string, next: string])[] {
  const entries = text.matchAll(
    /^ *(?:error(?: [\w-]+)?|-) (E_[A-Z_]+): ((?:.|\n(?! *(?:error|warning|-) ))*?)\n *next: (.*)$/gm,
  );
  return [...entries].filter(([, found]) => found === code).map(([, , fact = '', next = '']) => [fact, next]);
}

export interface JsonError {
  readonly error: { readonly code: ErrorCode; readonly message: string; readonly hint: string };
  readonly faults: readonly { readonly code: ErrorCode; readonly message: string; readonly hint: string }[];
  readonly exitCode: number;
}

/** The same from `--json`: one document on stdout, nothing that is not JSON anywhere. */
export function jsonError(result: CliResult): JsonError {
  expect(result.stderr).toBe('');
  const document = JSON.parse(result.stdout) as JsonError;
  expect(Object.keys(ERROR_CODES)).toContain(document.error.code);
  expect(document.exitCode).toBe(result.code);
  return document;
}
