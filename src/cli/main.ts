/**
 * Runs a command line, from its words to an exit code. It prints every failure as an error with its next step, in the
 * format that the words ask for. It throws nothing.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { CommanderError } from 'commander';
import { EXIT, FerryError, type ExitCode } from '../core/errors.js';
import { asFerryError } from '../core/thrown.js';
import { watchHeap } from './heap-watch.js';
import type { Io } from './io.js';
import { printError, printFault, type Format } from './print-error.js';
import { buildProgram, wrongWords } from './program.js';

/**
 * A reader may stand still: a stopped process, a pager that nobody turns, a terminal behind a dead line. dynaferry
 * waits for it. After a signal to stop, it ends within this time, in ms, whether the reader reads or not.
 */
const STANDING_GRACE_MS = 5_000;

/** A reader that leaves wants no more output (EPIPE: `| head`; EIO: a terminal that is gone). */
const READER_LEFT: ReadonlySet<string> = new Set(['EPIPE', 'EIO', 'ERR_STREAM_DESTROYED']);

/** @param argv the words behind the program's name */
export async function main(argv: readonly string[], io: Io): Promise<number> {
  const lost = { code: null as string | null };
  const note = (error: NodeJS.ErrnoException): void => {
    lost.code ??= READER_LEFT.has(error.code ?? '') ? null : (error.code ?? error.name);
  };
  io.stdout.on('error', note);
  try {
    const stop = { heard: false };
    const exitCode = await withinHeap(argv, { ...io, onSignal: heardBy(io, stop) }, stop);
    // When this has ended, all output has been written, or has failed.
    const out = Promise.all([comeOut(io.stdout), comeOut(io.stderr)]);
    if (stop.heard) await Promise.race([out, sleep(STANDING_GRACE_MS, undefined, { ref: false })]);
    else await out;
    if (io.stdout.writableLength > 0) lost.code ??= 'its reader has stopped reading';
    return lost.code === null ? exitCode : outputLost(argv, io, lost.code, exitCode);
  } finally {
    io.stdout.removeListener('error', note);
  }
}

/**
 * Runs the command under a watch of the heap. When the heap is nearly full, it stops what listens to signals, as
 * SIGTERM does. A command that listens to none continues.
 */
async function withinHeap(argv: readonly string[], io: Io, stop: { heard: boolean }): Promise<ExitCode> {
  const handlers = new Set<Parameters<Io['onSignal']>[0]>();
  const full = { fault: null as FerryError | null };
  const stopAll = (fault: FerryError): void => {
    if (handlers.size === 0) return;
    full.fault = fault;
    stop.heard = true;
    for (const handler of handlers) handler('SIGTERM');
  };
  let endWatch: (() => void) | undefined;
  const onSignal: Io['onSignal'] = (handler) => {
    handlers.add(handler);
    endWatch ??= watchHeap(stopAll);
    const stopListening = io.onSignal(handler);
    return () => {
      handlers.delete(handler);
      stopListening();
    };
  };
  try {
    const exitCode = await exitCodeOf(argv, { ...io, onSignal });
    if (full.fault === null) return exitCode;
    // This comes beside the report of the run.
    if (formatOf(argv) === 'text') printFault(io.stderr, 'error', full.fault.toFault());
    else io.stderr.write(`${JSON.stringify({ error: full.fault.toFault(), exitCode: full.fault.exitCode })}\n`);
    return full.fault.exitCode;
  } finally {
    endWatch?.();
  }
}

function heardBy(io: Io, stop: { heard: boolean }): Io['onSignal'] {
  return (handler) =>
    io.onSignal((signal) => {
      stop.heard = true;
      handler(signal);
    });
}

async function comeOut(stream: NodeJS.WritableStream): Promise<void> {
  await new Promise<void>((resolve) => stream.write('', () => setImmediate(resolve)));
}

async function exitCodeOf(argv: readonly string[], io: Io): Promise<ExitCode> {
  const format = formatOf(argv);
  let exitCode: ExitCode = EXIT.done;
  const program = buildProgram(
    io,
    (code) => {
      exitCode = code;
    },
    format === 'text',
  );
  try {
    await program.parseAsync([...argv], { from: 'user' });
    return exitCode;
  } catch (thrown) {
    if (thrown instanceof CommanderError) {
      if (thrown.exitCode === 0) return EXIT.done;
      if (format !== 'text') printError(io, wrongWords(thrown.message), format);
      return EXIT.usage;
    }
    const error = asFerryError(thrown, 'dynaferry itself');
    printError(io, error, format);
    return error.exitCode;
  }
}

/** Commands whose `--json` is one document a line. */
const LISTS: ReadonlySet<string> = new Set(['bad-rows', 'differences']);

/** Finds the format from the words alone, before they are parsed, since they may be wrong. */
function formatOf(argv: readonly string[]): Format {
  if (!argv.includes('--json') && !argv.includes('--all-events')) return 'text';
  return LISTS.has(argv[0] ?? '') ? 'lines' : 'document';
}

/** Verdicts on rows. Somebody who could not read the report does not know which one it was. */
const VERDICTS: ReadonlySet<ExitCode> = new Set([EXIT.done, EXIT.differences, EXIT.notProven]);

/** Reports that the output was lost. The exit code of the run still counts, unless it is a verdict. */
function outputLost(argv: readonly string[], io: Io, code: string, exitCode: ExitCode): ExitCode {
  const error = new FerryError(
    'E_OUTPUT',
    `dynaferry could not write to stdout (${code}): the report is lost or incomplete`,
    'free some space where stdout goes, or redirect it; `dynaferry status` shows what is recorded',
  );
  if (formatOf(argv) === 'text') printFault(io.stderr, 'error', error.toFault());
  else io.stderr.write(`${JSON.stringify({ error: error.toFault(), exitCode: error.exitCode })}\n`);
  return VERDICTS.has(exitCode) ? error.exitCode : exitCode;
}
