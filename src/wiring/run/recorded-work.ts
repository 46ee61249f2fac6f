/**
 * Reads from the state what a shard did whose process reported nothing: it did not start, or it ended without a report.
 * Another process may hold the state at the same time. If the state cannot be read, the result is null.
 */
import type { Config } from '../../config/model.js';
import { addCounts, NO_COUNTS, type Counts } from '../../core/model.js';
import { readShardStatus } from '../../state/status/read-status.js';
import { isRestartAsked } from '../../state/restart-note.js';
import { VERBS } from '../../engine/verbs.js';
import { stateFolder } from './open-shard-run.js';
import type { RecordedWork, ShardTask } from './shard-task.js';

/**
 * Returns what the state records for the verb. A shard that was to start again, and has not, gets zeros: its records
 * are those that the restart leaves behind. For a verification, only an unfinished one counts, since a former one is
 * not the work of this run.
 */
export function recordedWork(
  config: Config,
  { verb, shard, dryRun, restart }: Pick<ShardTask, 'verb' | 'shard' | 'dryRun' | 'restart'>,
): RecordedWork | null {
  const names = config.source.tables.map(({ name }) => name);
  const at = { folder: stateFolder(config, dryRun), shard };
  if (restart && isRestartAsked(at)) {
    const unfinished = names.map((table) => ({ table, begun: false }));
    return { counts: NO_COUNTS, badRows: 0, backfillFinished: false, unfinished };
  }
  const known = readShardStatus(at, names);
  if (known === null || known.fault !== null) return null;
  const tables = known.tables.filter(({ inConfig }) => inConfig);
  const unfinished = tables
    .filter(({ backfill }) => backfill === null || backfill.pass.finishedAt === null)
    .map(({ table, backfill }) => ({ table, begun: backfill !== null }));
  return {
    counts: tables.reduce<Counts>((sum, table) => {
      const pass = VERBS[verb].counted(table);
      return pass === null ? sum : addCounts(sum, pass.counts);
    }, NO_COUNTS),
    badRows: tables.reduce((sum, { badRows }) => sum + badRows, 0),
    backfillFinished: unfinished.length === 0,
    unfinished,
  };
}
