/** Diffs sampled or named rows of one shard against the target. */
import type { Config } from '../../config/model.js';
import { EventBus } from '../../core/event-bus.js';
import type { TokenBucket } from '../../dynamodb/capacity/token-bucket.js';
import { diffRows, type RowDiff } from '../../engine/diff.js';
import type { MappedItem } from '../../core/model.js';
import { NO_TARGET, type ItemRead, type ItemReader } from '../../core/ports/target-ports.js';
import { openShardSession } from '../run/shard-session.js';
import { secondsNow } from '../../engine/verb/shard-run.js';
import { localIndexesOf, targetFacts } from '../target-facts.js';
import { openTargetSession } from '../target-session.js';

export interface TableDiff {
  readonly shard: string;
  readonly table: string;
  readonly rows: readonly RowDiff[];
}

export interface DiffSelection {
  /** null: all tables. */
  readonly table: string | null;
  /** Scan keys as texts, parts in order. If empty, the diff takes a sample. */
  readonly keys: readonly (readonly string[])[];
  readonly sample: number;
}

/** @throws FerryError E_SOURCE_*, E_TABLE_*, E_MAPPING_*, E_TARGET_* */
export async function diffShard(
  config: Config,
  shard: string,
  selection: DiffSelection,
  reads: TokenBucket,
  signal: AbortSignal,
): Promise<readonly TableDiff[]> {
  const bus = new EventBus();
  const asked = targetFacts(config, false, signal);
  const session = await openShardSession(config, shard, bus, signal, localIndexesOf(asked));
  try {
    const target = await openTargetSession(config, bus);
    const begun = await asked;
    const guard = begun === null ? NO_TARGET : target.openGuard(shard, begun);
    const reader = begun !== null ? target.openReader(shard, reads) : new EmptyReader();
    try {
      const tables: TableDiff[] = [];
      for (const job of session.jobs) {
        const table = job.mapping.table.name;
        if (selection.table !== null && selection.table !== table) continue;
        const rows =
          selection.keys.length > 0
            ? await job.source.find(selection.keys, signal)
            : await job.source.sample(selection.sample, signal);
        tables.push({ shard, table, rows: await diffRows(job, rows, reader, secondsNow(), signal) });
      }
      await guard.confirm(signal);
      return tables;
    } finally {
      await reader.close();
      target.close();
    }
  } finally {
    await session.close();
  }
}

/** Reads a target table that does not exist yet: every item is new. */
class EmptyReader implements ItemReader {
  read(items: readonly MappedItem[]): Promise<ItemRead> {
    return Promise.resolve({ found: items.map(() => null), units: 0 });
  }

  close(): Promise<void> {
    return Promise.resolve();
  }
}
