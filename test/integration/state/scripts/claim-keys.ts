/** FOLDER SHARD COUNT: claims keys 0..COUNT, in batches, for rows of its shard; says how many another shard held. */
import type { Cursor } from '../../../../src/core/model.js';
import { openKeyRegister } from '../../../../src/state/key-register.js';
import { say, sayFault } from './say.js';

const [folder = '', shard = '', count = '0'] = process.argv.slice(2);
await sayFault(() => {
  const register = openKeyRegister({ folder });
  let refused = 0;
  for (let first = 0; first < Number(count); first += 50) {
    const claims = Array.from({ length: 50 }, (_, i) => ({
      keyText: `k${first + i}`,
      cursor: `r${first + i}` as Cursor,
    }));
    refused += register.claim({ shard, table: 'messages' }, claims).length;
  }
  register.close();
  say(String(refused));
});
