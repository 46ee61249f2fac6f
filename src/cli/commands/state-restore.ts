/** `dynaferry state restore` brings back the state that `backfill --restart` set aside. */
import { Command, Option } from 'commander';
import { ERROR_CODES, EXIT, interrupted, type ExitCode, type Fault, type FerryError } from '../../core/errors.js';
import { asFerryError } from '../../core/thrown.js';
import { duration, minuteOf, plural } from '../../wording/number-format.js';
import type { Restored } from '../../state/archives/restore.js';
import type { ShardStatus } from '../../state/status/read-status.js';
import { addShardOptions, chosenShards, loadConfigOf, type ShardOptions } from '../common-options.js';
import { writeJson, writeLine, type Io } from '../io.js';
import { printFault } from '../print-error.js';
import { stopOnSignals } from '../signals.js';

interface RestoreOptions extends ShardOptions {
  readonly from?: string;
}

export function restoreCommand(io: Io, finish: (code: ExitCode) => void): Command {
  return addShardOptions(new Command('restore'))
    .description('Undo a restart: bring back the state that `backfill --restart` set aside.')
    .addOption(new Option('--from <file>', 'the file that was set aside (default: the latest one of the shard)'))
    .addHelpText(
      'after',
      `
Examples:
  $ dynaferry state restore --shard s01
  $ dynaferry state restore --shard s01 --from s01.20251122T230000Z.db

The present state is set aside in the same way, so that a second restore undoes the first one. Items are not changed.
What was written since stays in the target, so the restored state counts as not verified.`,
    )
    .action(async (options: RestoreOptions, self: Command) => {
      if (options.from !== undefined && options.shard.length !== 1)
        self.error("error: option '--from <file>' goes with --shard and one shard");
      finish(await restore(io, options));
    });
}

interface Result {
  readonly shard: string;
  readonly outcome: 'restored' | 'failed';
  /** Names of files in the state folder: the one that was restored, and the one that the former state is now. */
  readonly from: string | null;
  readonly aside: string | null;
  /** What the restored state records. */
  readonly rows: number;
  readonly items: number;
  /** ms since the epoch until which earlier writes may land; null: none can. */
  readonly lateWritesUntil: number | null;
  /** Why a run would refuse the restored state; null: it would not. */
  readonly copied: Fault | null;
  readonly fault: Fault | null;
}

async function restore(io: Io, options: RestoreOptions): Promise<ExitCode> {
  const config = await loadConfigOf(io, options);
  const shards = await chosenShards(config, options, 'state restore');
  const { restoreState } = await import('../../state/archives/restore.js');
  const { readShardStatus } = await import('../../state/status/read-status.js');
  const { inTurn } = await import('../../engine/claims/register-turn.js');
  const { EventBus } = await import('../../core/event-bus.js');
  const stopping = stopOnSignals(io);
  const results: Result[] = [];
  try {
    for (const shard of shards) {
      const at = { folder: config.state, shard };
      try {
        if (stopping.stop.aborted) throw interrupted();
        const restored = await restoreState(
          { ...at, from: options.from ?? null, moves: config.stateMoves },
          (action, holder) => inTurn({ shard, emitter: new EventBus() }, { holder }, action, stopping.stop),
        );
        results.push(resultOf(restored, readShardStatus(at, null, config.stateMoves)));
      } catch (thrown) {
        results.push(failed(shard, asFerryError(thrown, `shard ${shard}`)));
      }
    }
  } finally {
    stopping.end();
  }
  if (options.json) writeJson(io, { command: 'state restore', shards: results });
  else for (const result of results) print(io, result);
  // With all shards, those of which nothing was set aside have nothing to restore.
  const fault = results.find(
    ({ fault }) => fault !== null && (fault.code !== 'E_STATE_MISSING' || options.shard.length > 0),
  )?.fault;
  return fault == null ? EXIT.done : ERROR_CODES[fault.code].exit;
}

function resultOf({ shard, from, aside, lateWritesForMs }: Restored, status: ShardStatus | null): Result {
  const backfills = (status?.tables ?? []).flatMap(({ backfill }) => backfill ?? []);
  return {
    ...{ shard, outcome: 'restored', from, aside, fault: null },
    rows: backfills.reduce((sum, { counts }) => sum + counts.rows, 0),
    items: backfills.reduce((sum, { counts }) => sum + counts.items, 0),
    lateWritesUntil: lateWritesForMs === null ? null : Date.now() + lateWritesForMs,
    copied: status?.copied ?? null,
  };
}

function failed(shard: string, error: FerryError): Result {
  return {
    ...{ shard, outcome: 'failed', from: null, aside: null, rows: 0, items: 0, lateWritesUntil: null, copied: null },
    fault: error.toFault(),
  };
}

function print(io: Io, { shard, from, aside, rows, items, lateWritesUntil, copied, fault }: Result): void {
  if (fault !== null) {
    printFault(io.stderr, `error ${shard}`, fault);
    return;
  }
  const lines = [
    `${shard}  restored ${from ?? ''}: ${plural(rows, 'row')} moved, ${plural(items, 'item')}`,
    aside === null ? '  there was no state to set aside' : `  set aside what was there as ${aside}`,
    '  items that were written since stay in the target; what was verified before counts no longer',
    ...(lateWritesUntil === null
      ? []
      : [
          `  earlier writes could still land for ${duration((lateWritesUntil - Date.now()) / 1_000)}: verify after ${minuteOf(lateWritesUntil + 59_999)}`,
        ]),
    `  next: dynaferry backfill --shard ${shard}`,
  ];
  for (const line of lines) writeLine(io.stdout, line);
  if (copied !== null) printFault(io.stderr, `warning ${shard}`, copied);
}
