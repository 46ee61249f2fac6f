/**
 * The list of mutants that change nothing that anybody could see, each with the reason, in equivalent.yaml. An entry
 * names the change, the line and the function: once any of them is written otherwise, it matches nothing, and that is
 * an error.
 */
import { readFileSync } from 'node:fs';
import { parse } from 'yaml';
import { nameOf, type Mutant } from './mutant.js';

export interface Equivalent {
  readonly file: string;
  readonly within: string;
  readonly lineText: string;
  readonly change: string;
  readonly reason: string;
}

const KEYS = ['file', 'in', 'line', 'change', 'reason'] as const;

/** @throws Error where an entry lacks something or has something unknown */
export function readEquivalents(path: string): readonly Equivalent[] {
  const entries: unknown = parse(readFileSync(path, 'utf8')) ?? [];
  if (!Array.isArray(entries)) throw new Error(`${path} is not a list`);
  return entries.map((entry: unknown, index) => {
    const record = typeof entry === 'object' && entry !== null ? (entry as Readonly<Record<string, unknown>>) : {};
    const [file, within, lineText, change, reason] = KEYS.map((key) => {
      const value = record[key];
      if (typeof value !== 'string' || value.trim() === '') {
        throw new Error(`${path}: entry ${index + 1} has no \`${key}\``);
      }
      return value.trim();
    }) as [string, string, string, string, string];
    const unknown = Object.keys(record).filter((key) => !(KEYS as readonly string[]).includes(key));
    if (unknown.length > 0) throw new Error(`${path}: entry ${index + 1} has an unknown key \`${unknown.join(', ')}\``);
    return { file, within, lineText, change, reason };
  });
}

export interface Listed {
  /** Why it changes nothing; null for one that is not listed. */
  readonly reasonFor: (mutant: Mutant) => string | null;
  /** Entries that match no mutant: the code has moved on. */
  readonly stale: readonly Equivalent[];
}

/** @param all mutants there are */
export function listed(equivalents: readonly Equivalent[], all: readonly Mutant[]): Listed {
  const reasons = new Map(equivalents.map((entry) => [nameOf(entry), entry.reason]));
  const names = new Set(all.map(nameOf));
  return {
    reasonFor: (mutant) => reasons.get(nameOf(mutant)) ?? null,
    stale: equivalents.filter((entry) => !names.has(nameOf(entry))),
  };
}
