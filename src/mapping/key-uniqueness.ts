/**
 * Does the schema prove that no two rows share an item key? Judged from templates and unique keys alone, before any row is
 * read: `proven`; `unproven` (it may well hold, but only a register of keys can tell while running); `possible` (a
 * template leaves out what tells rows apart: two rows can share an item key, and one would overwrite the other).
 */
import type { TableInfo } from '../core/model.js';
import { columnsOf, type CompiledPart, type CompiledTemplate } from './compiled-template.js';

export type Uniqueness =
  | { readonly verdict: 'proven' }
  | { readonly verdict: 'unproven'; readonly reason: string }
  | { readonly verdict: 'possible'; readonly reason: string };

export interface KeyTemplates {
  /** For messages: `item "message" of table messages`. */
  readonly label: string;
  readonly table: TableInfo;
  readonly partitionKey: CompiledTemplate;
  readonly sortKey: CompiledTemplate | null;
  /** The partition key may carry a calculated suffix. */
  readonly spread: boolean;
}

/** Judges each rule by itself, and each pair for overlap: also rules of different tables that write to one target. */
export function judgeUniqueness(rules: readonly KeyTemplates[]): Uniqueness {
  const verdicts = [...rules.map(judgeRule), ...pairs(rules).map(([a, b]) => judgePair(a, b))];
  return (
    verdicts.find((verdict) => verdict.verdict === 'possible') ??
    verdicts.find((verdict) => verdict.verdict === 'unproven') ?? { verdict: 'proven' }
  );
}

function judgeRule(rule: KeyTemplates): Uniqueness {
  const templates = [rule.partitionKey, ...(rule.sortKey === null ? [] : [rule.sortKey])];
  const named = new Set(templates.flatMap(columnsOf));
  const usable = rule.table.uniqueKeys.filter((key) => !key.nullable && !key.prefix);
  const covered = usable.filter((key) => key.parts.every((part) => named.has(part.column)));
  if (covered.length === 0) {
    const wanted = usable.map((key) => `(${key.parts.map((part) => part.column).join(', ')})`).join(' or ');
    return {
      verdict: 'possible',
      reason: `the item key of ${rule.label} leaves out a column of every unique key${wanted === '' ? '' : `; it must hold all of ${wanted}`}`,
    };
  }
  const recoverable = new Set([
    ...recoverableColumns(rule.partitionKey.parts, rule.spread),
    ...(rule.sortKey === null ? [] : recoverableColumns(rule.sortKey.parts, false)),
  ]);
  if (covered.some((key) => key.parts.every((part) => recoverable.has(part.column)))) return { verdict: 'proven' };
  return {
    verdict: 'unproven',
    reason: `the templates of ${rule.label} join texts so that different rows could give one key (no separator that the text cannot contain, or a function that is not one-to-one)`,
  };
}

/**
 * Columns whose values can be read back from a template's output: from the left while each part's end is certain, and
 * from the right likewise, so that one free text in the middle is no harm.
 */
function recoverableColumns(parts: readonly CompiledPart[], suffixed: boolean): ReadonlySet<string> {
  const found = new Set<string>();
  const leftStop = walk(parts, found);
  if (leftStop === null && !suffixed) return found;
  if (suffixed) {
    // Behind the last part a suffix may follow: the last variable part's end is then uncertain.
    const last = parts.at(-1);
    if (last?.kind === 'expression' && last.expression.width === null) found.delete(last.expression.column);
    return found;
  }
  const rightStop = walk([...parts].reverse(), found);
  // One part alone that neither side could delimit: what both sides leave over is that part.
  if (leftStop !== null && rightStop !== null && leftStop + rightStop === parts.length - 1) collect(parts[leftStop], found);
  return found;
}

/** @returns the index of the first part whose end is uncertain, or null where all were read */
function walk(parts: readonly CompiledPart[], found: Set<string>): number | null {
  for (const [index, part] of parts.entries()) {
    if (part.kind === 'literal') continue;
    const next = parts[index + 1];
    const ends =
      part.expression.width !== null ||
      next === undefined ||
      (next.kind === 'literal' && ![...next.text].some((character) => part.expression.alphabet.test(character)));
    if (!ends) return index;
    collect(part, found);
  }
  return null;
}

function collect(part: CompiledPart | undefined, found: Set<string>): void {
  if (part?.kind === 'expression' && part.expression.injective) found.add(part.expression.column);
}

function judgePair(a: KeyTemplates, b: KeyTemplates): Uniqueness {
  const apart = disjoint(a.partitionKey, b.partitionKey) || (a.sortKey !== null && b.sortKey !== null && disjoint(a.sortKey, b.sortKey));
  if (apart) return { verdict: 'proven' };
  return { verdict: 'unproven', reason: `${a.label} and ${b.label} could give one key; begin their templates with different literals` };
}

/** Their literal beginnings differ within the shorter one's length. */
function disjoint(a: CompiledTemplate, b: CompiledTemplate): boolean {
  const [left, right] = [literalStart(a), literalStart(b)];
  const shared = Math.min(left.length, right.length);
  if (left.slice(0, shared) !== right.slice(0, shared)) return true;
  // Two constants of different length differ too.
  return isConstant(a) && isConstant(b) && left !== right;
}

function literalStart(template: CompiledTemplate): string {
  const first = template.parts[0];
  return first?.kind === 'literal' ? first.text : '';
}

function isConstant(template: CompiledTemplate): boolean {
  return template.parts.every((part) => part.kind === 'literal');
}

function pairs<T>(list: readonly T[]): readonly (readonly [T, T])[] {
  return list.flatMap((a, index) => list.slice(index + 1).map((b) => [a, b] as const));
}
