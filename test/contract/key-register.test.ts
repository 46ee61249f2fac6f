import { openKeyRegister } from '../../src/state/shared/key-register.js';
import { temporaryFolder } from '../support/temporary.js';
import { keyRegisterContract } from './key-register-contract.js';

keyRegisterContract('SQLite', async () => {
  const folder = await temporaryFolder();
  return {
    open: () => openKeyRegister({ folder: folder.path }),
    [Symbol.asyncDispose]: () => folder[Symbol.asyncDispose](),
  };
});
