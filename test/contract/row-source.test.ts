/** Runs the contract of RowSource on every MySQL server of this run. */
import type { SourceLimits } from '../../src/config/model.js';
import { chooseScanKey } from '../../src/mysql/keyset/scan-key.js';
import { openShardSource } from '../../src/mysql/shard-source.js';
import { createDatabase, mysqlServers } from '../support/mysql.js';
import { rowSourceContract } from './row-source-contract.js';

const LIMITS: SourceLimits = {
  scansPerServer: 3,
  rangesPerTable: 3,
  chunkMs: 250,
  chunkRows: 1_000,
  chunkBytes: 1_000_000,
  maxReplicaLagSeconds: 30,
  maxThreadsRunning: 1_000,
  statementIdleTimeoutSeconds: 120,
  retryTimeoutSeconds: 60,
  maxPauseSeconds: 60,
};

for (const server of mysqlServers) {
  rowSourceContract(server.name, async () => {
    const database = await createDatabase(server);
    return {
      name: server.name,
      query: (sql) => database.query(sql),
      open: (limits) => openShardSource(database.shard(), { ...LIMITS, ...limits }, { emit: () => undefined }),
      primaryKey: (table) => chooseScanKey(table, null),
      [Symbol.asyncDispose]: () => database[Symbol.asyncDispose](),
    };
  });
}
