/**
 * Judges whether the schema proves that no two rows share an item key. It looks only at templates and unique keys,
 * before a run reads any row. The verdicts:
 * - `proven`.
 * - `unproven`: it may well hold, but only a register of keys can show that during a run.
 * - `possible`: a template leaves out what distinguishes rows. Two rows can share an item key, and one would overwrite
 *   the other.
 *
 * A unique key holds only for the rows of one server. Over several shards, an item key must also have a column that is
 * declared to be of one shard.
 */
import type { TableInfo } from '../../core/model.js';
import { expressionsOf, type CompiledPart, type CompiledTemplate } from '../template/compiled-template.js';
import { SPREAD_SEPARATOR } from './spread.js';

export type Uniqueness =
  | { readonly verdict: 'proven' }
  | { readonly verdict: 'unproven' | 'possible'; readonly reason: string; readonly remedy: string };

/** The config's facts about where rows live and how a run reads them. */
export interface KeyFacts {
  readonly severalShards: boolean;
  /** Returns the columns of a table for which no two shards share a value, as declared. */
  readonly ofOneShard: (table: string) => readonly string[];
  /** Returns whether a run reads the table in one chunk: then it compares all item keys before it writes the first. */
  readonly readWhole: (table: string) => boolean;
}

export interface KeyTemplates {
  /** Name for messages: `item "message" of table messages`. */
  readonly label: string;
  readonly table: TableInfo;
  readonly partitionKey: CompiledTemplate;
  readonly sortKey: CompiledTemplate | null;
  /** True if the partition key may have a calculated suffix. */
  readonly spread: boolean;
}

const PROVEN: Uniqueness = { verdict: 'proven' };

/** Judges each rule alone, and each pair for overlap, also rules of different tables that write to one target. */
export function judgeUniqueness(rules: readonly KeyTemplates[], facts: KeyFacts): Uniqueness {
  const verdicts = [...rules.map((rule) => judgeRule(rule, facts)), ...pairs(rules).map(([a, b]) => judgePair(a, b))];
  return (
    verdicts.find((verdict) => verdict.verdict === 'possible') ??
    verdicts.find((verdict) => verdict.verdict === 'unproven') ??
    PROVEN
  );
}

function judgeRule(rule: KeyTemplates, facts: KeyFacts): Uniqueness {
  const templates = [rule.partitionKey, ...(rule.sortKey === null ? [] : [rule.sortKey])];
  const expressions = templates.flatMap(expressionsOf).filter((expression) => expression.distinguishes !== 'never');
  const named = new Set(expressions.map((expression) => expression.column));
  // Keys with NULLs count too, since a template refuses NULL. So do keys over prefixes: values with different prefixes
  // differ.
  const keys = rule.table.uniqueKeys;
  const covered = keys.filter((key) => key.parts.every((part) => named.has(part.column)));
  const whole = facts.readWhole(rule.table.name);
  if (covered.length === 0 && !whole) {
    const wanted = keys.map((key) => `(${key.parts.map((part) => part.column).join(', ')})`).join(' or ');
    return {
      verdict: 'possible',
      reason: `the item key of ${rule.label} lacks a column of every unique key${wanted === '' ? '' : `; it must have all of ${wanted}`}`,
      remedy: 'use all columns of one unique key in the key templates',
    };
  }
  const recoverable = new Set([
    ...recoverableColumns(rule.partitionKey.parts, rule.spread),
    ...(rule.sortKey === null ? [] : recoverableColumns(rule.sortKey.parts, false)),
  ]);
  if (whole || covered.some((key) => key.parts.every((part) => recoverable.has(part.column)))) {
    return facts.severalShards ? judgeOverShards(rule, recoverable, facts.ofOneShard(rule.table.name)) : PROVEN;
  }
  return {
    verdict: 'unproven',
    reason: `the templates of ${rule.label} could give different rows the same key. The cause is a text without a safe separator, a spread suffix after a text, or a function that is not one-to-one`,
    remedy: 'use separators that the texts cannot contain',
  };
}

/**
 * Judges a rule over several shards. Rows with one item key agree in every recoverable column. One of those columns
 * must be of one shard only.
 */
function judgeOverShards(
  rule: KeyTemplates,
  recoverable: ReadonlySet<string>,
  ofOneShard: readonly string[],
): Uniqueness {
  if (ofOneShard.some((column) => recoverable.has(column))) return PROVEN;
  const declared = ofOneShard.join(', ');
  return {
    verdict: 'unproven',
    reason:
      `a unique key of MySQL holds only within one server, and ` +
      (declared === ''
        ? `no column in the item key of ${rule.label} is declared to be of one shard only`
        : `the item key of ${rule.label} does not determine any of the declared columns (${declared})`),
    remedy:
      'declare the column that decides the shard (the account) as `shardedBy` of the table, or ids that are unique on all shards as `globallyUnique`. Use that column in the key templates',
  };
}

/**
 * Returns the columns whose values can be recovered from a template's output. It reads from the left while each part's
 * end is certain, and likewise from the right. So one free text in the middle does no harm.
 * @param suffixed a spread suffix may follow: then nothing can be recovered from the right
 */
function recoverableColumns(parts: readonly CompiledPart[], suffixed: boolean): ReadonlySet<string> {
  const found = new Set<string>();
  const leftStop = walk(parts, suffixed ? SPREAD_SEPARATOR : null, found);
  if (leftStop === null || suffixed) return found;
  const rightStop = walk([...parts].reverse(), null, found);
  // If neither side could delimit one single part, that part is what both sides leave over.
  if (rightStop !== null && leftStop + rightStop === parts.length - 1) collect(parts[leftStop], found);
  return found;
}

/**
 * Collects recoverable columns from left to right.
 * @param beyond what may follow the last part; null: nothing does
 * @returns the index of the first part whose end is uncertain, or null where it read all
 */
function walk(parts: readonly CompiledPart[], beyond: string | null, found: Set<string>): number | null {
  for (const [index, part] of parts.entries()) {
    if (part.kind === 'literal') continue;
    const next = parts[index + 1];
    const border = next === undefined ? beyond : next.kind === 'literal' ? next.text : ANYTHING;
    const { width, alphabet } = part.expression;
    const ends =
      width !== null ||
      border === null ||
      (border !== ANYTHING && !Array.from(border).some((character) => alphabet.test(character)));
    if (!ends) return index;
    collect(part, found);
  }
  return null;
}

/** Stands for another column's text. */
const ANYTHING = Symbol('anything');

function collect(part: CompiledPart | undefined, found: Set<string>): void {
  if (part?.kind === 'expression' && part.expression.distinguishes === 'always') found.add(part.expression.column);
}

function judgePair(a: KeyTemplates, b: KeyTemplates): Uniqueness {
  const suffixed = a.spread || b.spread;
  const apart =
    disjoint(a.partitionKey, b.partitionKey, suffixed) ||
    (a.sortKey !== null && b.sortKey !== null && disjoint(a.sortKey, b.sortKey, false));
  if (apart) return PROVEN;
  return {
    verdict: 'unproven',
    reason: `${a.label} and ${b.label} could give the same key`,
    remedy: 'begin their templates with different literals',
  };
}

/**
 * Returns whether two templates can never give the same text. Either their literal beginnings differ within the shorter
 * one's length, or both are constants and differ.
 */
function disjoint(a: CompiledTemplate, b: CompiledTemplate, suffixed: boolean): boolean {
  const [left, right] = [literalStart(a), literalStart(b)];
  const shared = Math.min(left.length, right.length);
  if (left.slice(0, shared) !== right.slice(0, shared)) return true;
  // A suffix can equal what one constant has more than the other: `A` and `A#1`.
  return !suffixed && isConstant(a) && isConstant(b) && left !== right;
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
