/**
 * Probes: they change nothing of what code does, they note what ran, and a mutant keeps the numbers of the blocks
 * around it.
 */
import { runInThisContext } from 'node:vm';
import ts from 'typescript';
import { afterEach, describe, expect, it } from 'vitest';
import { mutantsOf } from '../../mutants/operators.js';
import { blocksAround, withProbes } from '../../mutants/probes.js';

const FILE = 'src/engine/sample.ts';
const TEXT = `
const LIMIT = 3;
function grade(n: number): string {
  if (n < 0) return 'below';
  else if (n === 0) { return 'none'; }
  for (const x of [1, 2]) if (x > n) return 'some';
  switch (n) {
    case 2:
      return 'two';
    default:
  }
  const past = n > LIMIT && n !== 9;
  return past ? 'many' : ['few'].map((word) => word + '!')[0] ?? 'never';
}
`;

interface Probing {
  __probe?: (block: number) => void;
}

afterEach(() => {
  delete (globalThis as Probing).__probe;
});

/** Runs the text; the blocks that ran, by the start of their own text. */
function run(text: string, blocks: readonly (readonly [number, number])[], n: number): readonly [string, string[]] {
  const hits = new Set<number>();
  (globalThis as Probing).__probe = (block) => hits.add(block);
  const { outputText } = ts.transpileModule(text, {
    compilerOptions: { target: ts.ScriptTarget.ES2023, module: ts.ModuleKind.CommonJS },
  });
  const make = runInThisContext(`(function (require, exports) { ${outputText}; return grade; })`) as (
    require: () => unknown,
    exports: unknown,
  ) => (n: number) => string;
  const result = make(() => ({}), {})(n);
  return [result, [...hits].map((hit) => TEXT.slice(...(blocks[hit - 100] ?? [0, 0])).trim())];
}

describe('withProbes', () => {
  const { text, blocks } = withProbes(FILE, TEXT, 100, '/nowhere');

  it.each([
    [-1, 'below', "return 'below';"],
    [0, 'none', "{ return 'none'; }"],
    [1, 'some', "return 'some';"],
    [2, 'two', "case 2:\n      return 'two';"],
    [3, 'few!', "word + '!'"],
    [4, 'many', "'many'"],
  ])('withProbes leaves the result over %i the same (%s), and notes the block that gave it', (n, expected, block) => {
    const [result, hits] = run(text, blocks, n);
    expect(result).toBe(expected);
    expect(hits).toContain(block);
    expect(hits).not.toContain("'never'");
  });

  it('blocksAround knows the blocks around a change, and for a constant those that use it', () => {
    const around = (part: string): readonly string[] =>
      blocksAround(FILE, TEXT, blocks, TEXT.indexOf(part)).map((block) => TEXT.slice(...(blocks[block] ?? [0, 0])));
    expect(around("'two'")).toEqual(["case 2:\n      return 'two';"]);
    expect(around("word + '!'")).toEqual(["word + '!'"]);
    expect(around('n !== 9')).toEqual(['n !== 9']);
    const [body] = around('3;');
    expect(body).toMatch(/^\{\s+if \(n < 0\)/);
  });

  it('withProbes puts every mutant among the probes, whose numbers stay', () => {
    for (const mutant of mutantsOf(FILE, TEXT)) {
      const mutated = withProbes(FILE, TEXT, 100, '/nowhere', mutant);
      expect(mutated.blocks).toEqual(blocks);
      const kept = [...mutated.text.matchAll(/__probe\(\d+\)/g)].map(([probe]) => probe);
      const all = [...text.matchAll(/__probe\(\d+\)/g)].map(([probe]) => probe);
      expect(all).toEqual(expect.arrayContaining(kept));
      const bare = mutated.text.replaceAll(/globalThis\.__probe\(\d+\)/g, '0');
      const { diagnostics } = ts.transpileModule(bare, { reportDiagnostics: true });
      expect((diagnostics ?? []).length, mutant.change).toBe(0);
    }
  });
});
