/**
 * Opens the target table for work: connection, key names as the table has them, and writers and readers over one
 * channel each.
 */
import type { Config, VersionConfig } from '../config/model.js';
import { Tunables } from '../config/tunables.js';
import type { Emitter } from '../core/events.js';
import type { ItemReader, ItemWriter, TargetGuard, TtlLook } from '../core/ports/target-ports.js';
import type { TokenBucket } from '../dynamodb/capacity/token-bucket.js';
import { connectTarget } from '../dynamodb/client.js';
import { openItemReader } from '../dynamodb/read/reader.js';
import type { TableFacts } from '../dynamodb/table/describe-table.js';
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
  /** `denied`: the role may not read it. @throws FerryError E_TARGET_* */
  lookAtTtl(signal: AbortSignal): Promise<TtlLook & { readonly denied: boolean }>;
  /** Opens the guard for the table as it was when the shard was bound to it. */
  openGuard(shard: string, begun: Omit<TableFacts, 'ttl'>): TargetGuard;
  close(): void;
}

export interface WriteCost {
  readonly budget: TokenBucket;
  /** Number of global and local indexes of the table; null: unknown. */
  readonly indexes: number | null;
}

/**
 * @param tunables limits that may change while it is in use; default: the config's
 * @throws FerryError E_TARGET_CREDENTIALS, E_TARGET_CONNECT
 */
export async function openTargetSession(
  config: Config,
  emitter: Emitter,
  tunables = new Tunables(config),
): Promise<TargetSession> {
  const connection = await connectTarget(config.target);
  const { table, version } = config.target;
  const { partitionKey, sortKey } = expectationOf(config);
  const keyNames = { partitionKey: partitionKey.name, sortKey: sortKey?.name ?? null };
  const condition =
    version === null ? null : { attribute: version.attribute, canonicalText: canonicalItemText, storedBytes };
  const common = { connection, table, keyNames, emitter };
  const { target } = tunables;
  return {
    // The limits are getters of these objects: a spread would copy their values.
    openWriter: (shard, cost, onSuspects) =>
      openItemWriter({
        ...common,
        ...cost,
        condition,
        shard,
        onSuspects,
        get maxInFlightRequests() {
          return target.maxInFlightRequests;
        },
        get retryTimeoutSeconds() {
          return target.retryTimeoutSeconds;
        },
        get rowLifeMs() {
          return rowLifeMs(version, tunables.mostReplicaLagSeconds);
        },
      }),
    openReader: (shard, budget) =>
      openItemReader({
        ...common,
        shard,
        budget,
        canonicalText: canonicalItemText,
        get maxInFlightRequests() {
          return target.maxInFlightRequests;
        },
        get retryTimeoutSeconds() {
          return target.retryTimeoutSeconds;
        },
      }),
    lookAtTtl: (signal) => lookAtTtl(connection, table, signal),
    openGuard: (shard, begun) =>
      openTargetGuard({
        connection,
        shard,
        table,
        begun,
        emitter,
        get retryTimeoutSeconds() {
          return target.retryTimeoutSeconds;
        },
      }),
    close: () => connection.close(),
  };
}

/**
 * Returns the greatest age of a row that may still be written, in ms. null: nothing bounds it, as nobody else deletes,
 * or as the retention of tombstones is unknown.
 */
function rowLifeMs(version: VersionConfig | null, replicaLagSeconds: number): number | null {
  const kept = version?.tombstoneRetentionSeconds ?? null;
  return kept === null ? null : rowLifeSeconds(kept, replicaLagSeconds) * 1_000;
}
