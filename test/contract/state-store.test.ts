import { openStateStore } from '../../src/state/open.js';
import { temporaryFolder } from '../support/temporary.js';
import { stateStoreContract } from './state-store-contract.js';

stateStoreContract('SQLite', async () => {
  const folder = await temporaryFolder();
  return {
    open: () => openStateStore({ folder: folder.path, shard: 's01', create: true }),
    [Symbol.asyncDispose]: () => folder[Symbol.asyncDispose](),
  };
});
