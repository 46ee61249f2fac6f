/**
 * FOLDER SHARD N: begins the shard again, and kills itself before the N-th call that changes the folder. Says `done`
 * where there are fewer: then nothing was killed.
 */
import fs from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import { say, sayFault } from './say.js';

const [folder = '', shard = '', last = ''] = process.argv.slice(2);
let left = Number(last);

const CHANGING = ['renameSync', 'rmSync', 'writeFileSync', 'mkdirSync'] as const;
for (const name of CHANGING) {
  const real = fs[name] as (...args: unknown[]) => unknown;
  const counted = (...args: unknown[]): unknown => {
    if (String(args[0]).startsWith(folder) && --left === 0) process.kill(process.pid, 'SIGKILL');
    return real(...args);
  };
  Object.assign(fs, { [name]: counted });
}
syncBuiltinESMExports();

const { archiveState, giveUpClaims } = await import('../../../../src/state/restart.js');
await sayFault(async () => {
  archiveState({ folder, shard });
  await giveUpClaims({ folder, shard }, (action) => Promise.resolve(action()));
  say('done');
});
