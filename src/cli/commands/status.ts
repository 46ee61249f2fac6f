/**
 * `dynaferry status` shows the progress of every shard. It reads only the state files, whether a run is active or not.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { Command, Option } from 'commander';
import { EXIT, exitOf, type ExitCode, type Fault } from '../../core/errors.js';
import type { ShardStatus } from '../../state/status/read-status.js';
import { addShardOptions, loadConfigOf, shardsOf, wholeNumber, type ShardOptions } from '../common-options.js';
import { writeJson, writeLine, type Io } from '../io.js';
import { stopOnSignals } from '../signals.js';
import { statusTable } from '../report/status-table.js';

interface StatusOptions extends ShardOptions {
  readonly watch: boolean;
  readonly interval: number;
}

export function statusCommand(io: Io, finish: (code: ExitCode) => void): Command {
  return addShardOptions(new Command('status'))
    .description(
      'Show where every shard stands: phase, progress, rate, bad rows, last verification. Reads only the state files.',
    )
    .addOption(new Option('-w, --watch', 'repeat until Ctrl-C; with --json, print one document a line').default(false))
    .addOption(
      new Option('--interval <seconds>', 'seconds between two updates').default(2).argParser(wholeNumber(1, 3_600)),
    )
    .addHelpText('after', '\nExamples:\n  $ dynaferry status\n  $ dynaferry status --watch')
    .action(async (options: StatusOptions, command: Command) => {
      if (!options.watch && command.getOptionValueSource('interval') === 'cli')
        command.error("error: option '--interval <seconds>' needs --watch");
      finish(await status(io, options));
    });
}

async function status(io: Io, options: StatusOptions): Promise<ExitCode> {
  const config = await loadConfigOf(io, options);
  const shards = await shardsOf(config, options.shard);
  const tables = config.source.tables.map(({ name }) => name);
  const { notBegun, readShardStatus } = await import('../../state/status/read-status.js');
  const { isRestartAsked } = await import('../../state/restart-note.js');
  const stopping = stopOnSignals(io);
  const reader = new AbortController();
  // The reader of stdout has left (`| head`), or its disk is full.
  const left = (): void => reader.abort();
  io.stdout.on('error', left);
  const over = AbortSignal.any([stopping.stop, reader.signal]);
  const look = (): readonly ShardStatus[] =>
    shards.map((shard) => {
      const at = { folder: config.state, shard };
      return readShardStatus(at, tables, config.stateMoves) ?? notBegun(shard, tables, isRestartAsked(at));
    });
  try {
    // A reader that stands still gets the next look that it has room for, with the facts of that time.
    let unreadable: readonly Fault[] = [];
    const show = (): void => {
      const found = look();
      unreadable = found.flatMap(({ fault }) => fault ?? []);
      const document = { at: new Date().toISOString(), shards: found };
      if (options.json && options.watch) writeLine(io.stdout, JSON.stringify(document));
      else if (options.json) writeJson(io, document);
      else {
        io.stdout.write(clear(io, options.watch));
        writeLine(io.stdout, statusTable(found, Date.now(), width(io)));
      }
    };
    do {
      if (io.stdout.writableLength === 0) show();
      if (options.watch) await sleep(options.interval * 1_000, undefined, { signal: over }).catch(() => undefined);
    } while (options.watch && !over.aborted);
    // Of a state that cannot be read, `done` would say that the shard is where the table shows it.
    return unreadable.length === 0 ? EXIT.done : exitOf(unreadable);
  } finally {
    io.stdout.removeListener('error', left);
    stopping.end();
  }
}

/** Returns what clears a terminal, where a new look replaces the last one. Elsewhere, looks follow each other. */
function clear(io: Io, watch: boolean): string {
  return watch && io.stdout.isTTY === true ? '\u001b[H\u001b[2J' : '';
}

function width(io: Io): number {
  return io.stdout.columns ?? 120;
}
