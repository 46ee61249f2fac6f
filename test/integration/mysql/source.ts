/** A shard's source, or a single connection, for one test: `await using` closes it before its database goes. */
import type { ShardConfig, SourceLimits } from '../../../src/config/model.js';
import { EventBus } from '../../../src/core/event-bus.js';
import type { Emitter } from '../../../src/core/events.js';
import type { RowSource, ShardSource } from '../../../src/core/ports/source-ports.js';
import { chooseScanKey } from '../../../src/mysql/keyset/scan-key.js';
import { Session } from '../../../src/mysql/connection/session.js';
import { openShardSource } from '../../../src/mysql/shard-source.js';

/** For tests that are about something else. */
export const LIMITS: SourceLimits = {
  scansPerServer: 3,
  rangesPerTable: 8,
  chunkMs: 250,
  chunkRows: 1_000,
  chunkBytes: 1_000_000,
  maxReplicaLagSeconds: 30,
  maxThreadsRunning: 1_000,
  statementIdleTimeoutSeconds: 120,
  retryTimeoutSeconds: 60,
  maxPauseSeconds: 60,
};

export type TestSource = ShardSource & AsyncDisposable;

export function openSource(
  shard: ShardConfig,
  limits: Partial<SourceLimits> = {},
  emitter: Emitter = new EventBus(),
): TestSource {
  const source = openShardSource(shard, { ...LIMITS, ...limits }, emitter);
  return Object.assign(source, { [Symbol.asyncDispose]: () => source.close() });
}

/** One connection, without a pool. */
export async function openSession(shard: ShardConfig): Promise<Session & AsyncDisposable> {
  const session = await Session.open(shard, LIMITS, new AbortController().signal);
  return Object.assign(session, {
    [Symbol.asyncDispose]: () => {
      session.destroy();
      return Promise.resolve();
    },
  });
}

/** The table by its own choice of key. */
export async function openTable(
  source: ShardSource,
  name: string,
  columns: readonly string[],
  where: string | null = null,
): Promise<RowSource> {
  const table = await source.describe(name, new AbortController().signal);
  return source.open({ table, key: chooseScanKey(table, null), columns, where });
}
