/**
 * FOLDER SHARD COUNT: claims keys 0..COUNT, in batches, for rows of its shard; says how many another shard held. Where
 * the others keep the register for too long, as on a busy machine, it asks again, as engine/claims/register-turn.ts
 * does.
 */
import { FerryError } from '../../../../src/core/errors.js';
import type { Cursor } from '../../../../src/core/model.js';
import { openKeyRegister } from '../../../../src/state/shared/key-register.js';
import { say, sayFault } from './say.js';

const [folder = '', shard = '', count = '0'] = process.argv.slice(2);
await sayFault(async () => {
  const register = await patiently(() => openKeyRegister({ folder }));
  let refused = 0;
  for (let first = 0; first < Number(count); first += 50) {
    const claims = Array.from({ length: 50 }, (_, i) => ({
      claim: `k${first + i}`,
      cursor: `r${first + i}` as Cursor,
    }));
    refused += (await patiently(() => register.claim({ shard, table: 'messages' }, claims))).length;
  }
  register.close();
  say(String(refused));
});

async function patiently<T>(ask: () => T | Promise<T>): Promise<T> {
  for (let tries = 1; ; tries += 1) {
    try {
      return await ask();
    } catch (error) {
      if (!(error instanceof FerryError) || error.code !== 'E_STATE_LOCKED' || tries === 30) throw error;
    }
  }
}
