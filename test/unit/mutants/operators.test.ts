/** What is tried on a piece of code: each operator, what is left alone, and that every change is one. */
import { describe, expect, it } from 'vitest';
import { applied, diffOf, nameOf } from '../../mutants/mutant.js';
import { mutantsOf, parses } from '../../mutants/operators.js';

const FILE = 'src/engine/sample.ts';

/** The changes that one operator makes. */
function changes(text: string, operator: string): readonly string[] {
  return mutantsOf(FILE, text)
    .filter((mutant) => mutant.operator === operator)
    .map(({ change }) => change);
}

const EACH: readonly (readonly [operator: string, text: string, expected: readonly string[]])[] = [
  ['comparison', 'f(a < b);', ['a < b -> a <= b', 'a < b -> a >= b']],
  ['comparison', 'f(a >= b);', ['a >= b -> a > b', 'a >= b -> a < b']],
  ['comparison', 'f(a === b, c !== d);', ['a === b -> a !== b', 'c !== d -> c === d']],
  ['logic', 'f(a && b || c);', ['a && b || c -> a && b && c', 'a && b -> a || b']],
  ['condition', 'if (a) f();', ['a -> true', 'a -> false']],
  ['condition', 'x = a ? b : c;', ['a -> true', 'a -> false']],
  ['condition', 'while (a) f();', ['a -> false']],
  ['condition', 'while (true) f();', []],
  ['condition', 'f(!a);', ['!a -> a']],
  [
    'statement',
    'function g() { a = 1; f(); if (a) return 2; return 3; }',
    ['a = 1; -> (dropped)', 'f(); -> (dropped)', 'return 2; -> (dropped)'],
  ],
  ['statement', 'function g() { if (a) throw b; for (;;) { if (c) break; } }', ['throw b; -> (dropped)']],
  ['await', 'async function g() { await f(); return await h; }', ['await f() -> f()', 'await h -> h']],
  ['arithmetic', 'x = a + b * -c;', ['a + b * -c -> a - b * -c', 'b * -c -> b / -c', '-c -> c']],
  ['arithmetic', "x = 'a' + b; y += 1; z++;", ['y += 1 -> y -= 1', 'z++ -> z--']],
  [
    'number',
    'x = [0, 1, 16, 2_000, 5n];',
    ['0 -> 1', '1 -> 2', '16 -> 17', '16 -> 32', '2_000 -> 2001', '2_000 -> 4000', '5n -> 6n', '5n -> 10n'],
  ],
  ['boolean', 'x = { a: true, b: false };', ['a: true -> a: false', 'b: false -> b: true']],
  ['array', 'x = Math.min(a.every(f), b.some(g));', ['Math.min -> Math.max', 'a.every -> a.some', 'b.some -> b.every']],
  ['array', 'x = a.filter(f).sort();', ['a.filter(f).sort() -> a.filter(f)', 'a.filter(f) -> a']],
  ['default', 'x = a ?? b;', ['a ?? b -> (b)']],
  ['string', "f('retry', '', `plain`);", ["'retry' -> ''", "'' -> 'x'", "`plain` -> ''"]],
  [
    'sql',
    "f('SELECT a FROM t WHERE a >= ? AND b IS NULL');",
    [
      "'SELECT a FROM t WHERE a >= ? AND b IS NULL' -> 'SELECT a FROM t WHERE a > ? AND b IS NULL'",
      "'SELECT a FROM t WHERE a >= ? AND b IS NULL' -> 'SELECT a FROM t WHERE a >= ? OR b IS NULL'",
      "'SELECT a FROM t WHERE a >= ? AND b IS NULL' -> 'SELECT a FROM t WHERE a >= ? AND b IS NOT NULL'",
    ],
  ],
  [
    'sql',
    'f(`SELECT max(id) FROM ${t} WHERE a < ${n} LIMIT 1`);',
    ['`SELECT max(id) FROM ${ -> `SELECT min(id) FROM ${', '} WHERE a < ${ -> } WHERE a <= ${'],
  ],
];

describe('mutation operators', () => {
  it.each(EACH)('the mutation operator %s changes: %s', (operator, text, expected) => {
    expect([...changes(text, operator)].sort()).toEqual([...expected].sort());
  });

  it.each([
    ['types', "type A = 'x' | 1; interface B { readonly c: true } let d: 'e' | 2;"],
    ['imports and exports', "import { a } from './a.js'; export { a } from './b.js';"],
    ['names of properties', "x = { 'a-b': c };"],
    ['what an error says', "x = new FerryError(CODE, 'fact', a > 1 ? `${b + 2}` : 'no', { cause: c });"],
    ['prose', "x = { hint: 'wait', message: `${a}` }; y = 'start the run again';"],
  ])('the mutation operators leave %s alone', (_, text) => {
    const beside = new Set(['statement']);
    expect(mutantsOf(FILE, text).filter(({ operator }) => !beside.has(operator))).toEqual([]);
  });

  it('the mutation operators change the code of an error, which decides the exit code', () => {
    expect(changes("x = new FerryError('E_STATE', 'fact', 'step');", 'string')).toEqual(["'E_STATE' -> ''"]);
  });

  const text = [
    'export class Gate {',
    '  async pass(n: number): Promise<boolean> {',
    '    if (n > 3 && !this.open) return false;',
    '    await this.wait(n * 2);',
    "    return this.names.some((name) => name === 'a');",
    '  }',
    '}',
    '',
  ].join('\n');

  it('each mutant is a different program, and one that parses', () => {
    const mutants = mutantsOf(FILE, text);
    const programs = mutants.map((mutant) => applied(text, mutant));
    expect(mutants.length).toBeGreaterThan(12);
    expect(new Set([...programs, text]).size).toBe(programs.length + 1);
    for (const program of programs) expect(parses(FILE, program)).toBe(true);
    expect(parses(FILE, 'if (a { }')).toBe(false);
  });

  it('the name of a mutant holds function, line and change, so that it stays the same where lines move', () => {
    const [first] = mutantsOf(FILE, text).filter(({ operator }) => operator === 'comparison');
    const [moved] = mutantsOf(FILE, `// above\n\n${text}`).filter(({ operator }) => operator === 'comparison');
    if (first === undefined || moved === undefined) throw new Error('no comparison was found');
    expect(first).toMatchObject({ line: 3, within: 'Gate.pass', lineText: 'if (n > 3 && !this.open) return false;' });
    expect(moved.line).toBe(5);
    expect(nameOf(moved)).toBe(nameOf(first));
  });

  it('diffOf shows the lines that a change touches', () => {
    const [first] = mutantsOf(FILE, text).filter(({ operator }) => operator === 'await');
    if (first === undefined) throw new Error('no await was found');
    expect(diffOf(text, first)).toBe('    - await this.wait(n * 2);\n    + this.wait(n * 2);');
  });
});
