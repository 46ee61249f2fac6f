/**
 * Finds the row that an operator names, on the first shard that has it, and explains its items. A shard that fails is
 * passed over. It needs no target. If
 * the target does not answer, the explanation leaves out entries in local indexes, and says so.
 */
import type { Config } from '../../config/model.js';
import { FerryError, type Fault } from '../../core/errors.js';
import { EventBus } from '../../core/event-bus.js';
import type { Row } from '../../core/model.js';
import { asFerryError } from '../../core/thrown.js';
import type { TableFacts } from '../../dynamodb/table/describe-table.js';
import type { TableJob } from '../../engine/pass/table-job.js';
import { explainRow, type RowExplanation } from '../../mapping/explain.js';
import { readBadRow } from '../../state/status/read-bad-rows.js';
import { openShardSession } from '../run/shard-session.js';
import { secondsNow } from '../../engine/verb/shard-run.js';
import { localIndexesOf, targetFacts } from '../target-facts.js';
import { findNamed, namedRows, type NamedRows } from './named-rows.js';

export type RowChoice =
  | { readonly by: 'first' }
  | { readonly by: 'key'; readonly key: string }
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
  /** The shards before it that could not be looked at: one of them may have such a row too. */
  readonly failed: readonly { readonly shard: string; readonly fault: Fault }[];
}

/**
 * @param reached is told the family and version of each server that the search came to
 * @param table null: the first table of the config that has such a row
 * @throws FerryError E_USAGE if no table has such a row; E_SOURCE_*, E_TABLE_*, E_MAPPING_*, E_STATE_*
 */
export async function explainRowOf(
  config: Config,
  shards: readonly string[],
  table: string | null,
  choice: RowChoice,
  signal: AbortSignal,
  reached: (shard: string, server: string) => void,
): Promise<ExplainedRow> {
  const named = choice.by === 'key' ? namedRows(config, shards, table, [choice.key]) : NOTHING_NAMED;
  const asked = targetFacts(config, false, signal);
  const failed: { readonly shard: string; readonly error: FerryError }[] = [];
  for (const shard of shards) {
    try {
      const found = await explainOn(config, shard, table, { choice, named }, asked, signal, (server) =>
        reached(shard, server),
      );
      if (found !== null)
        return {
          ...found,
          failed: failed.map(({ shard: other, error }) => ({ shard: other, fault: error.toFault() })),
        };
    } catch (thrown) {
      const error = asFerryError(thrown, `shard ${shard}`);
      // What the operator asked for is wrong on every shard.
      if (error.code === 'E_INTERRUPTED' || error.code === 'E_USAGE') throw error;
      failed.push({ shard, error });
    }
  }
  const [first] = failed;
  if (first !== undefined) throw first.error;
  throw new FerryError('E_USAGE', 'there is no such row to explain', NEXT[choice.by]);
}

/** The row that the operator asks for. */
interface Wanted {
  readonly choice: RowChoice;
  readonly named: NamedRows;
}

const NOTHING_NAMED: NamedRows = { written: [], recorded: [] };

async function explainOn(
  config: Config,
  shard: string,
  table: string | null,
  wanted: Wanted,
  asked: Promise<TableFacts | null>,
  signal: AbortSignal,
  reached: (server: string) => void,
): Promise<Omit<ExplainedRow, 'failed'> | null> {
  const session = await openShardSession(config, shard, new EventBus(), signal, localIndexesOf(asked), { reached });
  try {
    for (const job of session.jobs) {
      const { name } = job.mapping.table;
      if (table !== null && table !== name) continue;
      const row = await chosenRow(config, shard, job, wanted, signal);
      if (row === null) continue;
      const explanation = explainRow(job.mapping, row, { now: secondsNow() });
      const described = job.source.describeKey(job.source.cursorOf(row));
      return { shard, table: name, row: described, localIndexesUnknown: await isRefused(asked), ...explanation };
    }
    return null;
  } finally {
    await session.close();
  }
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
  job: TableJob,
  { choice, named }: Wanted,
  signal: AbortSignal,
): Promise<Row | null> {
  const { mapping, source } = job;
  switch (choice.by) {
    case 'first':
      return (await source.sample(1, signal))[0] ?? null;
    case 'key':
      return (await findNamed(job, shard, named, signal))[0] ?? null;
    case 'where':
      return await source.matching(choice.condition, signal);
    case 'bad-row': {
      const bad = readBadRow({ folder: config.state, shard }, mapping.table.name, choice.number);
      return bad === null ? null : ((await source.at([bad.cursor], signal))[0] ?? null);
    }
  }
}
