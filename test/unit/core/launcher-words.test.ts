/**
 * Of a limit of open files, the launcher may have to say before anything of `src` can be loaded: its own words are
 * those of `core/machine/machine-faults.ts`, except that fewer shards at once are no help then.
 */
import { readFileSync } from 'node:fs';
import { runInNewContext } from 'node:vm';
import { expect, test } from 'vitest';
import { machineFault } from '../../../src/core/machine/machine-faults.js';

const LAUNCHER = readFileSync(new URL('../../../bin/dynaferry', import.meta.url), 'utf8');

test.each(['EMFILE', 'ENFILE'])('the launcher reports %s in the same words as machineFault', (code) => {
  const fault = machineFault('dynaferry itself', { code });
  const [, message = ''] = /const message = (`dynaferry itself: .*`);$/m.exec(LAUNCHER) ?? [];
  const [, hint = ''] = /const hint = '(raise the limit of open files .*)';$/m.exec(LAUNCHER) ?? [];
  expect(runInNewContext(message, { error: { code } })).toBe(fault?.message);
  expect(`${hint}, or run fewer shards at once (\`--jobs\`)`).toBe(fault?.hint);
  expect(LAUNCHER).toContain(`const fault = { code: '${fault?.code}', message, hint };`);
});
