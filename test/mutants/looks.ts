/**
 * What is known of each test file from having seen it pass: how long it takes and which blocks of the sources it runs;
 * and which single tests were seen to pass on the code as it is, as what kills a mutant must have been. What was seen
 * is kept for the next run, as long as neither the sources nor that test change.
 */
import { createHash } from 'node:crypto';
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { Mutant } from './mutant.js';
import { ANYBODY, blocksAround, withProbes } from './probes.js';
import type { TestFile } from './test-files.js';
import type { RunResult } from './test-run.js';
import type { Tree } from './tree.js';

export interface Look {
  readonly ms: number;
  readonly blocks: ReadonlySet<number>;
}

interface Kept {
  readonly sources: string;
  /** By the file's id; no look where only single tests of it were seen. */
  readonly tests: Readonly<
    Record<string, { readonly hash: string; readonly look: KeptLook | null; readonly passed: string[] }>
  >;
}

interface KeptLook {
  readonly ms: number;
  readonly blocks: number[];
}

/** The number of the first block, and the blocks. */
interface Numbered {
  readonly first: number;
  readonly blocks: readonly (readonly [number, number])[];
}

export class Looks {
  /** By the file's id, as everything here. */
  readonly #looks = new Map<string, Look>();
  /** Single tests that passed on the code as it is. */
  readonly #passed = new Map<string, Set<string>>();
  readonly #around = new WeakMap<Mutant, readonly number[]>();
  readonly #hashes: ReadonlyMap<string, string>;
  readonly #sourcesHash: string;
  readonly #numbered: ReadonlyMap<string, Numbered>;

  /**
   * @param sources that may be mutated
   * @param beside every file that what a test runs depends on
   * @param cache file that keeps what was seen
   */
  constructor(
    private readonly sources: ReadonlyMap<string, string>,
    beside: readonly (readonly [path: string, text: string])[],
    tests: readonly TestFile[],
    private readonly cache: string,
  ) {
    const hash = createHash('sha256');
    for (const [path, text] of beside) hash.update(path).update('\0').update(text).update('\0');
    this.#sourcesHash = hash.digest('hex');
    this.#numbered = numbered(sources);
    this.#hashes = new Map(tests.map(({ id, hash: testHash }) => [id, testHash]));
    const kept = existsSync(cache) ? (JSON.parse(readFileSync(cache, 'utf8')) as Kept) : null;
    if (kept?.sources !== this.#sourcesHash) return;
    for (const [id, { hash: seen, look, passed }] of Object.entries(kept.tests)) {
      if (this.#hashes.get(id) !== seen) continue;
      if (look !== null) this.#looks.set(id, { ms: look.ms, blocks: new Set(look.blocks) });
      this.#passed.set(id, new Set(passed));
    }
  }

  of(test: TestFile): Look | null {
    return this.#looks.get(test.id) ?? null;
  }

  /** Whether that test of the file was seen to pass on the code as it is, alone or among all of them. */
  hasPassed(test: TestFile, name: string): boolean {
    return this.#looks.has(test.id) || this.#passed.get(test.id)?.has(name) === true;
  }

  tookPass(test: TestFile, name: string): void {
    const names = this.#passed.get(test.id) ?? new Set();
    this.#passed.set(test.id, names.add(name));
    this.#keep();
  }

  /** Whether the test runs the changed code; true where it has not been seen yet. */
  mayCover(test: TestFile, mutant: Mutant): boolean {
    const look = this.#looks.get(test.id);
    const file = this.#numbered.get(mutant.file);
    if (look === undefined || file === undefined) return true;
    let around = this.#around.get(mutant);
    if (around === undefined) {
      around = blocksAround(mutant.file, this.sources.get(mutant.file) ?? '', file.blocks, mutant.start);
      this.#around.set(mutant, around);
    }
    return around.some((block) => look.blocks.has(file.first + block));
  }

  /** Makes the tree's sources the ones with probes. */
  prepare(tree: Tree): void {
    for (const path of this.#numbered.keys()) this.restore(tree, path);
  }

  /** Makes one file what it is, with probes, but for the mutant. */
  mutate(tree: Tree, mutant: Mutant): void {
    const { first } = this.#numbered.get(mutant.file) ?? { first: 0 };
    const text = this.sources.get(mutant.file) ?? '';
    tree.write(mutant.file, withProbes(mutant.file, text, first, hitsOf(tree), mutant).text);
  }

  restore(tree: Tree, path: string): void {
    const { first } = this.#numbered.get(path) ?? { first: 0 };
    tree.write(path, withProbes(path, this.sources.get(path) ?? '', first, hitsOf(tree)).text);
  }

  /** Before a run of which `take` is to learn. */
  clear(tree: Tree): void {
    const folder = hitsOf(tree);
    rmSync(folder, { recursive: true, force: true });
    mkdirSync(folder, { recursive: true });
    // Some tests run as another user.
    chmodSync(folder, 0o777);
  }

  /** @param tests of a run that passed, all of them */
  take(tests: readonly TestFile[], tree: Tree, { ms, durations }: RunResult): void {
    const folder = hitsOf(tree);
    const hits = new Map(readdirSync(folder).map((name) => [name.replaceAll('+', '/'), numbers(join(folder, name))]));
    const anybody = hits.get(ANYBODY) ?? [];
    for (const { id, path } of tests) {
      if (this.#looks.has(id)) continue;
      const blocks = new Set([...anybody, ...(hits.get(path) ?? [])]);
      this.#looks.set(id, { ms: tests.length === 1 ? ms : (durations.get(path) ?? 0), blocks });
    }
    this.#keep();
  }

  #keep(): void {
    const tests: Record<string, Kept['tests'][string]> = {};
    for (const id of new Set([...this.#looks.keys(), ...this.#passed.keys()])) {
      const look = this.#looks.get(id);
      tests[id] = {
        hash: this.#hashes.get(id) ?? '',
        look: look === undefined ? null : { ms: look.ms, blocks: [...look.blocks] },
        passed: [...(this.#passed.get(id) ?? [])],
      };
    }
    const kept: Kept = { sources: this.#sourcesHash, tests };
    mkdirSync(dirname(this.cache), { recursive: true });
    writeFileSync(this.cache, JSON.stringify(kept));
  }
}

function numbered(sources: ReadonlyMap<string, string>): ReadonlyMap<string, Numbered> {
  let first = 0;
  const result = new Map<string, Numbered>();
  for (const [path, text] of sources) {
    const { blocks } = withProbes(path, text, first, '');
    result.set(path, { first, blocks });
    first += blocks.length;
  }
  return result;
}

function hitsOf(tree: Tree): string {
  return join(tree.root, 'hits');
}

function numbers(file: string): readonly number[] {
  return readFileSync(file, 'utf8').trim().split('\n').map(Number);
}
