import { openStateStore } from '../../../src/state/open.js';
import { temporaryFolder } from '../../support/temporary.js';
import { ambiguousWriteContract } from './ambiguous-writes-contract.js';
import { badRowContract } from './bad-rows-contract.js';
import { bindingContract } from './binding-contract.js';
import { checkpointContract } from './checkpoints-contract.js';
import { clockContract } from './clock-contract.js';
import { heartbeatContract } from './heartbeat-contract.js';
import { incidentContract } from './incidents-contract.js';
import { lateWriteContract } from './late-writes-contract.js';
import { passContract } from './passes-contract.js';
import { planContract } from './plans-contract.js';
import { retryContract } from './retries-contract.js';
import { segmentContract } from './segments-contract.js';
import { storeContract } from './store-contract.js';
import type { NewPlace } from './place.js';
import { describe } from 'vitest';

const inSqlite: NewPlace = async () => {
  const folder = await temporaryFolder();
  return {
    open: () => openStateStore({ folder: folder.path, shard: 's01', create: true }),
    [Symbol.asyncDispose]: () => folder[Symbol.asyncDispose](),
  };
};

describe('StateStore contract: SQLite', () => {
  storeContract(inSqlite);
  bindingContract(inSqlite);
  planContract(inSqlite);
  clockContract(inSqlite);
  passContract(inSqlite);
  segmentContract(inSqlite);
  checkpointContract(inSqlite);
  badRowContract(inSqlite);
  retryContract(inSqlite);
  ambiguousWriteContract(inSqlite);
  lateWriteContract(inSqlite);
  heartbeatContract(inSqlite);
  incidentContract(inSqlite);
});
