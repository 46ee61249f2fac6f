/** Opens the target table for work: connection, key names as the table has them, writers and readers over one channel each. */
import type { Config } from '../config/model.js';
import type { Emitter } from '../core/events.js';
import type { ItemReader, ItemWriter } from '../core/ports.js';
import type { TokenBucket } from '../dynamodb/budget.js';
import { connectTarget } from '../dynamodb/client.js';
import { openItemReader } from '../dynamodb/reader.js';
import { openItemWriter } from '../dynamodb/writer.js';
import { canonicalItemText } from '../mapping/canonical.js';

export interface TargetSession {
  openWriter(shard: string, budget: TokenBucket, onSuspects: (keyTexts: readonly string[]) => void): ItemWriter;
  openReader(shard: string, budget: TokenBucket): ItemReader;
  close(): void;
}

/** @throws FerryError E_TARGET_CREDENTIALS, E_TARGET_CONNECT */
export async function openTargetSession(config: Config, emitter: Emitter): Promise<TargetSession> {
  const connection = await connectTarget(config.target);
  const { table, requestsInFlight, patienceSeconds } = config.target;
  const keyNames = keyNamesOf(config);
  const common = { connection, table, keyNames, requestsInFlight, patienceSeconds, emitter };
  return {
    openWriter: (shard, budget, onSuspects) => openItemWriter({ ...common, shard, budget, onSuspects }),
    openReader: (shard, budget) => openItemReader({ ...common, shard, budget, canonicalText: canonicalItemText }),
    close: () => connection.close(),
  };
}

/** All mappings write to one table, so all name the same key attributes (the config sees to that). */
export function keyNamesOf(config: Config): { readonly partitionKey: string; readonly sortKey: string | null } {
  const [first] = Object.values(config.mapping).flatMap((mapping) => mapping.items);
  return { partitionKey: first?.partitionKey.name ?? '', sortKey: first?.sortKey?.name ?? null };
}
