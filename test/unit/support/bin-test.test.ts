/**
 * The merge gate itself, with a stand-in for vitest in a small tree of its own: whatever the run or its count comes to,
 * exit 0 means that every test which was found has a result.
 */
import { execFile } from 'node:child_process';
import { chmod, copyFile, mkdir, symlink, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import { temporaryFolder } from '../../support/temporary.js';

const ROOT = fileURLToPath(new URL('../../..', import.meta.url));
const run = promisify(execFile);

const report = (root: string, ...statuses: readonly string[]): string =>
  JSON.stringify({
    numTotalTests: statuses.length,
    testResults: [
      {
        name: join(root, 'test/unit/a.test.ts'),
        status: 'passed',
        assertionResults: statuses.map((status) => ({ status })),
      },
    ],
  });

interface Gate {
  readonly code: number;
  readonly last: string;
}

/** `script` is what vitest does: `$out` is where its JSON report belongs. */
async function gate(script: (root: string) => string, lane = 'unit', redirection = ''): Promise<Gate> {
  await using folder = await temporaryFolder();
  const root = folder.path;
  for (const file of ['bin/test', 'test/support/tally.ts']) {
    await mkdir(join(root, dirname(file)), { recursive: true });
    await copyFile(join(ROOT, file), join(root, file));
  }
  for (const of of ['unit', 'contract']) {
    await mkdir(join(root, 'test', of), { recursive: true });
    await writeFile(join(root, 'test', of, 'a.test.ts'), '');
  }
  await mkdir(join(root, 'node_modules/.bin'), { recursive: true });
  await writeFile(join(root, 'node_modules/.package-lock.json'), '{}');
  await writeFile(join(root, 'package.json'), '{"type":"module","scripts":{"build":"true"}}');
  await symlink(join(ROOT, 'node_modules/.bin/tsx'), join(root, 'node_modules/.bin/tsx'));
  const vitest = join(root, 'node_modules/.bin/vitest');
  const standIn = `for word; do case $word in --outputFile.json=*) out=\${word#*=} ;; esac; done`;
  await writeFile(vitest, `#!/bin/bash\n${standIn}\n${script(root)}\n`);
  await chmod(vitest, 0o755);
  const env = { ...process.env, DYNAFERRY_TEST_MYSQL: 'none', TMPDIR: root };
  const outcome = await run('bash', ['-c', `exec bin/test ${lane} ${redirection}`], { cwd: root, env }).then(
    ({ stdout }) => ({ code: 0, stdout }),
    (error: unknown) => error as { code: number; stdout: string },
  );
  return { code: outcome.code, last: outcome.stdout.trimEnd().split('\n').at(-1) ?? '' };
}

describe('bin/test', () => {
  const whole = (root: string): string => `echo '${report(root, 'passed', 'passed', 'skipped')}' >"$out"`;

  it('bin/test passes where every test that was found has its result', async () => {
    expect(await gate(whole)).toEqual({ code: 0, last: '2 passed, 0 failed, 1 skipped' });
  });

  it.each([
    ['a report that was cut', (root: string) => `printf %s '${report(root, 'passed').slice(0, -3)}' >"$out"`],
    ['an empty report', () => ': >"$out"'],
    ['no report', () => 'exit 0'],
    ['a report of another shape', () => `echo '{}' >"$out"`],
    ['a report without a file of the lane', () => `echo '{"numTotalTests":0,"testResults":[]}' >"$out"`],
    ['a count that cannot be made', (root: string) => `${whole(root)}\nrm node_modules/.bin/tsx`],
    ['a count that says nothing', (root: string) => `${whole(root)}\n: >test/support/tally.ts`],
    [
      'a count that says no numbers',
      (root: string) => `${whole(root)}\necho 'console.log("x y z")' >test/support/tally.ts`,
    ],
  ])('bin/test fails on %s, although vitest was content', async (_, script) => {
    expect(await gate(script)).toEqual({ code: 1, last: '0 passed, 1 failed, 0 skipped' });
  });

  it('bin/test fails where a test was found and did not run to its end', async () => {
    const script = (root: string): string => `echo '${report(root, 'passed', 'pending')}' >"$out"`;
    expect(await gate(script)).toEqual({ code: 1, last: '1 passed, 1 failed, 0 skipped' });
  });

  it('bin/test does not take the report of a lane that ran before for its own', async () => {
    const script = (root: string): string => `[ -e ran ] || { touch ran; ${whole(root)}; }`;
    expect(await gate(script, 'unit unit')).toEqual({ code: 1, last: '2 passed, 1 failed, 1 skipped' });
  });

  it('bin/test fails where nobody wrote which servers there were', async () => {
    const ofContract = (root: string): string => whole(root).replace('test/unit', 'test/contract');
    expect(await gate(ofContract, 'contract')).toEqual({ code: 1, last: '0 passed, 1 failed, 0 skipped' });
    const servers = '{"started":["one"],"lacking":[]}';
    const told = `echo '{"mysql":${servers},"dynamodb":${servers},"tools":${servers}}' >"$DYNAFERRY_TEST_REPORT"`;
    const both = (root: string): string => `${ofContract(root)}\n${told}`;
    expect(await gate(both, 'contract')).toEqual({ code: 0, last: '2 passed, 0 failed, 1 skipped' });
  });

  it.runIf(process.platform === 'linux')('bin/test fails where its last line cannot be written', async () => {
    expect(await gate(whole, 'unit', '>/dev/full')).toEqual({ code: 1, last: '' });
  });
});
