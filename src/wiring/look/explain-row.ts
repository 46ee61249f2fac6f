/**
 * Finds the row that an operator names, on the first shard that has it, and explains its items. It needs no target. If
 * the target does not answer, the explanation leaves out entries in local indexes, and says so.
 */
import type { Config } from '../../config/model.js';
import { FerryError } from '../../core/errors.js';
import { EventBus } from '../../core/event-bus.js';
import type { Row } from '../../core/model.js';
import type { TableJob } from '../../engine/pass/table-job.js';
import { explainRow, type RowExplanation } from '../../mapping/explain.js';
import { readBadRow } from '../../state/status/read-bad-rows.js';
import { openShardSession } from '../run/shard-session.js';
import { secondsNow } from '../../engine/verb/shard-run.js';
import { localIndexesOf, targetFacts } from '../target-facts.js';

export type RowChoice =
  | { readonly by: 'first' }
  | { readonly by: 'key'; readonly key: readonly string[] }
  | { readonly by: 'where'; readonly condition: string }
  | { readonly by: 'bad-row'; readonly number: number };

export interface ExplainedRow extends RowExplanation {
  readonly shard: string;
  readonly table: string;
  /** The row's scan key. It holds row values. */
  readonly row: string;
  /**
   * The target did not answer about its local indexes. So an item that is too large with its entries shows as mapped.
   */
  readonly localIndexesUnknown: boolean;
}

/**
 * @param table null: the first table of the config that has such a row
 * @throws FerryError E_USAGE if no table has such a row; E_SOURCE_*, E_TABLE_*, E_MAPPING_*, E_STATE_*
 */
export async function explainRowOf(
  config: Config,
  shards: readonly string[],
  table: string | null,
  choice: RowChoice,
  signal: AbortSignal,
): Promise<ExplainedRow> {
  const asked = targetFacts(config, false, signal);
  for (const shard of shards) {
    const session = await openShardSession(config, shard, new EventBus(), signal, localIndexesOf(asked));
    try {
      for (const job of session.jobs) {
        const { name } = job.mapping.table;
        if (table !== null && table !== name) continue;
        const row = await chosenRow(config, shard, job, choice, signal);
        if (row === null) continue;
        const explanation = explainRow(job.mapping, row, { now: secondsNow() });
        const described = job.source.describeKey(job.source.cursorOf(row));
        return { shard, table: name, row: described, localIndexesUnknown: await isRefused(asked), ...explanation };
      }
    } finally {
      await session.close();
    }
  }
  throw new FerryError('E_USAGE', 'there is no such row to explain', NEXT[choice.by]);
}

const NEXT: Readonly<Record<RowChoice['by'], string>> = {
  first: 'no table has a row that the config selects: check `where`, or name another table or shard',
  key: "give the scan key's columns in order, joined by commas; or another table or shard",
  where: 'give another condition, table or shard',
  'bad-row':
    '`dynaferry bad-rows` lists the numbers of each shard: name one of them, with its shard. dynaferry cannot explain a row that is gone from MySQL',
};

async function isRefused(asked: Promise<unknown>): Promise<boolean> {
  return await asked.then(
    () => false,
    () => true,
  );
}

async function chosenRow(
  config: Config,
  shard: string,
  { mapping, source }: TableJob,
  choice: RowChoice,
  signal: AbortSignal,
): Promise<Row | null> {
  switch (choice.by) {
    case 'first':
      return (await source.sample(1, signal))[0] ?? null;
    case 'key':
      return (await source.find([choice.key], signal))[0] ?? null;
    case 'where':
      return await source.matching(choice.condition, signal);
    case 'bad-row': {
      const bad = readBadRow({ folder: config.state, shard }, mapping.table.name, choice.number);
      return bad === null ? null : ((await source.at([bad.cursor], signal))[0] ?? null);
    }
  }
}
