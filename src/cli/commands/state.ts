/** `dynaferry state` works on the state folder itself. `adopt` takes up a state that was copied, moved or restored. */
import { Command } from 'commander';
import { ERROR_CODES, EXIT, type ExitCode, type Fault } from '../../core/errors.js';
import { asFerryError } from '../../core/thrown.js';
import { duration, minuteOf } from '../../wording/number-format.js';
import type { Adopted } from '../../state/home/adopt.js';
import { addShardOptions, chosenShards, loadConfigOf, type ShardOptions } from '../common-options.js';
import { writeJson, writeLine, type Io } from '../io.js';
import { printFault } from '../print-error.js';

export function stateCommand(io: Io, finish: (code: ExitCode) => void): Command {
  return new Command('state')
    .description('Manage the state folder: let runs continue from a state that was copied, moved or restored.')
    .addCommand(adoptCommand(io, finish))
    .addHelpText(
      'after',
      `
Examples:
  $ dynaferry state adopt --shard s01
  $ dynaferry state adopt --all --json`,
    );
}

function adoptCommand(io: Io, finish: (code: ExitCode) => void): Command {
  return addShardOptions(new Command('adopt'))
    .description(
      'Let runs continue from a state that was copied, moved or restored. With it you confirm that no run uses the other copy.',
    )
    .addHelpText(
      'after',
      `
Example:
  $ dynaferry state adopt --all

backfill and verify refuse a state that was copied, moved to another machine or restored (E_STATE_COPIED). Two runs
that continue from one state would overwrite each other's items. End the other run first, then adopt this state. DynamoDB may
still apply writes of the other run for 20 minutes: a verification that begins before that time cannot pass. The command
does not change a state that was last used here.`,
    )
    .action(async (options: ShardOptions) => {
      finish(await adopt(io, options));
    });
}

interface Result {
  readonly shard: string;
  readonly outcome: 'adopted' | 'lives-here' | 'failed';
  readonly reason: Adopted['reason'];
  /** ms since the epoch until which writes of the other state may land; null: nothing was adopted. */
  readonly lateWritesUntil: number | null;
  readonly fault: Fault | null;
}

async function adopt(io: Io, options: ShardOptions): Promise<ExitCode> {
  const config = await loadConfigOf(io, options);
  const shards = await chosenShards(config, options, 'state adopt');
  const { adoptState } = await import('../../state/home/adopt.js');
  const results = shards.map((shard) => resultOf(shard, () => adoptState({ folder: config.state, shard })));
  if (options.json) writeJson(io, { command: 'state adopt', shards: results });
  else for (const result of results) print(io, result);
  // With all shards, those that never started have nothing to adopt. A shard that the operator names must be there.
  const failed = results.find(
    ({ fault }) => fault !== null && (fault.code !== 'E_STATE_MISSING' || options.shard.length > 0),
  );
  return failed?.fault == null ? EXIT.done : ERROR_CODES[failed.fault.code].exit;
}

function resultOf(shard: string, run: () => Adopted): Result {
  try {
    const { reason, lateWritesForMs } = run();
    return {
      ...{ shard, reason, fault: null },
      outcome: reason === null ? 'lives-here' : 'adopted',
      lateWritesUntil: lateWritesForMs === null ? null : Date.now() + lateWritesForMs,
    };
  } catch (thrown) {
    const fault = asFerryError(thrown, `shard ${shard}`).toFault();
    return { shard, outcome: 'failed', reason: null, lateWritesUntil: null, fault };
  }
}

function print(io: Io, { shard, lateWritesUntil, fault }: Result): void {
  if (fault?.code === 'E_STATE_MISSING') writeLine(io.stdout, `${shard}  nothing is recorded`);
  else if (fault !== null) printFault(io.stderr, `error ${shard}`, fault);
  else if (lateWritesUntil === null)
    writeLine(io.stdout, `${shard}  a run last used this state here: there is nothing to adopt`);
  else
    writeLine(
      io.stdout,
      `${shard}  adopted; DynamoDB may still apply writes of the other run for ${duration((lateWritesUntil - Date.now()) / 1_000)}: verify after ${minuteOf(lateWritesUntil + 59_999)}`,
    );
}
