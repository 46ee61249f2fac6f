/**
 * The entry of this folder: one shard's MySQL server behind the ShardSource port.
 */
import type { ShardConfig, SourceLimits } from '../config/model.js';
import { PauseGate } from '../core/async/pause-gate.js';
import type { Emitter } from '../core/events.js';
import type { BinlogPosition, TableInfo } from '../core/model.js';
import type { RowSource, ShardSource, TableScan, WholeTableScan } from '../core/ports/source-ports.js';
import { describeSourceTable } from './describe.js';
import { binlogPosition, hasReached } from './inspect/position.js';
import { isSameServer } from './connection/server-family.js';
import { SessionPool } from './connection/session-pool.js';
import { type ShardDeps, withSession } from './with-session.js';
import { TableSource } from './scan/table-source.js';
import { SourceThrottler } from './source-throttler.js';
import { WholeTable } from './scan/whole-table.js';

/**
 * Opens a source without a connection: the first statement connects.
 * @param limits may change while the source is in use, so each part reads a limit when it needs it
 * @param pause a gate at which scans wait before each SELECT; other statements do not
 */
export function openShardSource(
  shard: ShardConfig,
  limits: SourceLimits,
  emitter: Emitter,
  pause: PauseGate = new PauseGate(),
): ShardSource {
  return new MysqlShardSource(shard, {
    shard: shard.id,
    pool: new SessionPool(shard, limits),
    throttle: new SourceThrottler(shard, limits, emitter, pause),
    limits,
    emitter,
  });
}

class MysqlShardSource implements ShardSource {
  constructor(
    private readonly shard: ShardConfig,
    private readonly deps: ShardDeps,
  ) {}

  async describe(table: string, signal: AbortSignal): Promise<TableInfo> {
    return await withSession(this.deps, `describing ${table}`, signal, async (session) => {
      const description = await describeSourceTable(session, this.shard.id, this.shard.database, table, signal);
      return description.table;
    });
  }

  async position(signal: AbortSignal): Promise<BinlogPosition | null> {
    return await withSession(this.deps, 'reading the binary log position', signal, (session) =>
      binlogPosition(session, signal),
    );
  }

  async identity(signal: AbortSignal): Promise<string> {
    return await withSession(this.deps, 'identifying the server', signal, (session) => Promise.resolve(session.server));
  }

  isSame(before: string, now: string): boolean {
    return isSameServer(before, now);
  }

  async hasReached(position: BinlogPosition, signal: AbortSignal): Promise<boolean | null> {
    return await withSession(this.deps, 'comparing binary log positions', signal, (session) =>
      hasReached(session, position, signal),
    );
  }

  get rowsRead(): number {
    return this.deps.pool.rowsRead;
  }

  open(scan: TableScan): RowSource {
    return new TableSource(this.deps, scan);
  }

  openWhole(scan: WholeTableScan): RowSource {
    return new WholeTable(this.deps, scan);
  }

  close(): Promise<void> {
    this.deps.throttle.close();
    this.deps.pool.close();
    return Promise.resolve();
  }
}
