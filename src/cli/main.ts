/** The command line from words to exit code. Whatever goes wrong is printed as an error with its next step; nothing is thrown. */
import { CommanderError } from 'commander';
import { asFerryError, EXIT, FerryError, type ExitCode } from '../core/errors.js';
import type { Io } from './io.js';
import { printError } from './print-error.js';
import { buildProgram } from './program.js';

/** @param argv the words behind the program's name */
export async function main(argv: readonly string[], io: Io): Promise<number> {
  let exitCode: ExitCode = EXIT.done;
  const program = buildProgram(io, (code) => {
    exitCode = code;
  });
  try {
    await program.parseAsync([...argv], { from: 'user' });
    return exitCode;
  } catch (thrown) {
    if (thrown instanceof CommanderError) return thrown.exitCode === 0 ? EXIT.done : EXIT.usage;
    const error = thrown instanceof FerryError ? thrown : asFerryError(thrown);
    printError(io, error, argv.includes('--json'));
    if (error.code === 'E_INTERNAL' && io.env['DYNAFERRY_DEBUG'] !== undefined && thrown instanceof Error) {
      io.stderr.write(`${thrown.stack ?? thrown.message}\n`);
    }
    return error.exitCode;
  }
}
