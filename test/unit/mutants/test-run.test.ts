/**
 * A vitest that stays says of each run what a new one would say: of the code as it is now, and of nothing that ran
 * before.
 */
import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { TestRunner, type RunResult } from '../../mutants/test-run.js';
import { Tree } from '../../mutants/tree.js';
import { temporaryFolder, type TemporaryFolder } from '../../support/temporary.js';

const ROOT = fileURLToPath(new URL('../../..', import.meta.url));
const LIMIT_MS = 60_000;
const SUM = 'export const sum = (a: number, b: number): number => a + b;\n';
const FILES: Readonly<Record<string, string>> = {
  '.config/vitest.config.ts': `export default { test: { projects: [
    { test: { name: 'unit', include: ['test/unit/**/*.test.ts'], pool: 'forks' } }] } };`,
  'src/sum.ts': SUM,
  'test/unit/first.test.ts': `import { describe, expect, it } from 'vitest';
    import { sum } from '../../src/sum.js';
    describe('sums (a + b)', () => {
      it('of nothing', () => expect(sum(0, 0)).toBe(0));
      it('of 1 and 2', () => expect(sum(1, 2)).toBe(3));
      it('of 2 and 2', () => expect(sum(2, 2)).toBe(4));
    });`,
  'test/unit/second.test.ts': `import { expect, it } from 'vitest';
    import { sum } from '../../src/sum.js';
    it('sums', () => expect(sum(5, 0)).toBe(5));`,
};
const FIRST = 'test/unit/first.test.ts';
const SECOND = 'test/unit/second.test.ts';

let folder: TemporaryFolder;
let tree: Tree;
let runner: TestRunner;

const pidFile = (): string => join(folder.path, 'pid');
const run = (
  files: readonly string[],
  options: { limitMs?: number; all?: boolean; name?: string } = {},
): Promise<RunResult> => runner.run(files, { limitMs: LIMIT_MS, ...options });

function isGone(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return false;
  } catch {
    return true;
  }
}

beforeAll(async () => {
  folder = await temporaryFolder();
  const from = join(folder.path, 'from');
  for (const [name, text] of Object.entries(FILES)) {
    mkdirSync(join(from, name, '..'), { recursive: true });
    writeFileSync(join(from, name), text);
  }
  symlinkSync(join(ROOT, 'node_modules'), join(from, 'node_modules'));
  tree = Tree.copy(from, join(folder.path, 'tree'));
  runner = new TestRunner(tree, 'unit', { TMPDIR: folder.path }, new AbortController().signal);
});

afterAll(async () => {
  await runner.close();
  await folder[Symbol.asyncDispose]();
});

describe('TestRunner', { timeout: 4 * LIMIT_MS }, () => {
  it('TestRunner says which test fails on changed code, and that none fails once the code is restored', async () => {
    expect(await run([FIRST, SECOND])).toMatchObject({ outcome: 'passed', failed: null, tests: 4 });
    for (let round = 0; round < 2; round += 1) {
      tree.write('src/sum.ts', SUM.replace('a + b', 'a * b'));
      const failed = await run([FIRST, SECOND]);
      expect(failed).toMatchObject({ outcome: 'failed', tests: 1 });
      expect(failed.failed).toMatchObject({ file: FIRST, test: 'sums (a + b) of 1 and 2' });
      expect(failed.failed?.message).toContain('expected 2 to be 3');
      expect([...failed.durations.keys()]).toEqual([FIRST]);
      tree.write('src/sum.ts', SUM);
      expect(await run([FIRST, SECOND])).toMatchObject({ outcome: 'passed', failed: null, tests: 4 });
    }
  });

  it('TestRunner runs the files in the given order, up to the first failure, or all', async () => {
    tree.write('src/sum.ts', SUM.replace('a + b', 'a * b'));
    expect((await run([SECOND, FIRST])).failed?.file).toBe(SECOND);
    expect((await run([FIRST, SECOND])).failed?.file).toBe(FIRST);
    const all = await run([SECOND, FIRST], { all: true });
    expect([...all.durations.keys()]).toEqual([SECOND, FIRST]);
    tree.write('src/sum.ts', SUM);
  });

  it('TestRunner runs one test by its name, and says where there is none of that name', async () => {
    tree.write('src/sum.ts', SUM.replace('a + b', '0'));
    expect(await run([FIRST], { name: 'sums (a + b) of nothing' })).toMatchObject({ outcome: 'passed', tests: 1 });
    expect(await run([FIRST], { name: 'sums (a + b) of' })).toMatchObject({ outcome: 'passed', tests: 0 });
    expect(await run([FIRST], { name: 'sums (a + b) of 1 and 2' })).toMatchObject({ outcome: 'failed', tests: 0 });
    tree.write('src/sum.ts', SUM);
  });

  it('TestRunner reports what fails before any test, and outside of every test', async () => {
    tree.write('src/sum.ts', `${SUM}throw new Error('not like this');\n`);
    expect((await run([FIRST])).failed).toMatchObject({ file: FIRST, test: '(loading)' });
    tree.write('src/sum.ts', `${SUM}setImmediate(() => { throw new Error('later'); });\n`);
    const unhandled = await run([SECOND]);
    expect(unhandled).toMatchObject({ outcome: 'failed', failed: null });
    expect(unhandled.output).toContain('later');
    tree.write('src/sum.ts', SUM);
    expect(await run([FIRST, SECOND])).toMatchObject({ outcome: 'passed', failed: null });
  });

  it('TestRunner ends what hangs, with its process, and goes on with a new one', async () => {
    const note = `import { writeFileSync } from 'node:fs'; writeFileSync(${JSON.stringify(pidFile())}, String(process.pid));\n`;
    tree.write('src/sum.ts', `${note}${SUM}for (;;);\n`);
    expect(await run([SECOND], { limitMs: 8_000 })).toMatchObject({ outcome: 'timed out', failed: null });
    const pid = Number(readFileSync(pidFile(), 'utf8'));
    await expect.poll(() => isGone(pid)).toBe(true);
    tree.write('src/sum.ts', SUM);
    expect(await run([FIRST, SECOND])).toMatchObject({ outcome: 'passed', tests: 4 });
  });

  it('TestRunner ends the processes that a test leaves running', async () => {
    tree.write(
      'src/sum.ts',
      `import { spawn } from 'node:child_process'; import { writeFileSync } from 'node:fs';
       const child = spawn('sleep', ['600'], { stdio: 'ignore' }); child.unref();
       writeFileSync(${JSON.stringify(pidFile())}, String(child.pid));\n${SUM}`,
    );
    expect(await run([SECOND])).toMatchObject({ outcome: 'passed' });
    const pid = Number(readFileSync(pidFile(), 'utf8'));
    tree.write('src/sum.ts', SUM);
    await run([SECOND]);
    await expect.poll(() => isGone(pid)).toBe(true);
  });
});
