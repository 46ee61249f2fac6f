/**
 * Opens the target table for work: connection, key names as the table has them, writers and readers over one channel
 * each.
 */
import type { Config } from '../config/model.js';
import type { Emitter } from '../core/events.js';
import type { ItemReader, ItemWriter, TargetGuard, TtlLook } from '../core/ports/ports.js';
import type { TokenBucket } from '../dynamodb/capacity/budget.js';
import { connectTarget } from '../dynamodb/client.js';
import { openItemReader } from '../dynamodb/read/reader.js';
import type { TableFacts } from '../dynamodb/table/table-facts.js';
import { openTargetGuard } from '../dynamodb/table/target-guard.js';
import { lookAtTtl } from '../dynamodb/table/time-to-live.js';
import { openItemWriter } from '../dynamodb/write/writer.js';
import { rowLifeSeconds } from '../core/time/row-life.js';
import { canonicalItemText } from '../mapping/item/canonical.js';
import { storedBytes } from '../mapping/item/stored-size.js';
import { expectationOf } from './target-facts.js';

export interface TargetSession {
  openWriter(shard: string, cost: WriteCost, onSuspects: (keyTexts: readonly string[]) => void): ItemWriter;
  openReader(shard: string, budget: TokenBucket): ItemReader;
  /** `denied`: the role may not ask. @throws FerryError E_TARGET_* */
  lookAtTtl(signal: AbortSignal): Promise<TtlLook & { readonly denied: boolean }>;
  /** @param begun the table as it was when the shard was bound to it */
  openGuard(shard: string, begun: Omit<TableFacts, 'ttl'>): TargetGuard;
  close(): void;
}

export interface WriteCost {
  readonly budget: TokenBucket;
  /** Of the table, global and local; null: unknown. */
  readonly indexes: number | null;
}

/** @throws FerryError E_TARGET_CREDENTIALS, E_TARGET_CONNECT */
export async function openTargetSession(config: Config, emitter: Emitter): Promise<TargetSession> {
  const connection = await connectTarget(config.target);
  const { table, maxInFlightRequests, retryTimeoutSeconds, version } = config.target;
  const { partitionKey, sortKey } = expectationOf(config);
  const keyNames = { partitionKey: partitionKey.name, sortKey: sortKey?.name ?? null };
  const condition =
    version === null ? null : { attribute: version.attribute, canonicalText: canonicalItemText, storedBytes };
  const common = { connection, table, keyNames, maxInFlightRequests, retryTimeoutSeconds, emitter };
  return {
    openWriter: (shard, cost, onSuspects) =>
      openItemWriter({ ...common, ...cost, condition, rowLifeMs: rowLifeMs(config), shard, onSuspects }),
    openReader: (shard, budget) => openItemReader({ ...common, shard, budget, canonicalText: canonicalItemText }),
    lookAtTtl: (signal) => lookAtTtl(connection, table, signal),
    openGuard: (shard, begun) => openTargetGuard({ connection, shard, table, begun, retryTimeoutSeconds, emitter }),
    close: () => connection.close(),
  };
}

/** null where nothing bounds it: nobody deletes beside us, or nothing is known of tombstones. */
function rowLifeMs({ target, source }: Config): number | null {
  const kept = target.version?.tombstoneRetentionSeconds ?? null;
  return kept === null ? null : rowLifeSeconds(kept, source.limits.maxReplicaLagSeconds) * 1_000;
}
