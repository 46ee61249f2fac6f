/**
 * The commander program: one command a file, each with an example. Nothing heavy is loaded here: `--help` must be
 * quick.
 */
import { Command } from 'commander';
import { FerryError, type ExitCode } from '../core/errors.js';
import { backfillCommand } from './commands/backfill.js';
import { badRowsCommand } from './commands/bad-rows.js';
import { checkCommand } from './commands/check.js';
import { diffCommand } from './commands/diff.js';
import type { Io } from './io.js';
import { planCommand } from './commands/plan.js';
import { schemaCommand } from './commands/schema.js';
import { stateCommand } from './commands/state.js';
import { statusCommand } from './commands/status.js';
import { verifyCommand } from './commands/verify.js';
import { VERSION } from './version.js';

/**
 * @param finish takes the exit code of the command that ran
 * @param words false: what is wrong with the command line is not printed, only thrown
 */
export function buildProgram(io: Io, finish: (code: ExitCode) => void, words = true): Command {
  const program = new Command('dynaferry')
    .description('Moves account-sharded MySQL tables into Amazon DynamoDB and proves that the copy is right.')
    .version(VERSION, '-V, --version', 'print the version')
    .helpOption('-h, --help', 'show help')
    .showSuggestionAfterError(true)
    .addHelpText(
      'after',
      `
The usual order:
  $ dynaferry check                      is everything there and allowed?
  $ dynaferry plan                       what would it take?
  $ dynaferry diff --sample 20           what would be written?
  $ dynaferry backfill --all --dry-run   can every row be represented?
  $ dynaferry backfill --all             move the rows; run it again to resume.
  $ dynaferry verify --all               compare item by item.
  $ dynaferry status --watch             watch the progress.
  $ dynaferry bad-rows                   what could not be moved, and why?

Exit codes of a run: 0 done, 1 differences or bad rows, 7 not proven, 130 interrupted with the checkpoint saved.
Exit codes of errors: 2 usage or config, 3 preflight refused, 4 source failed, 5 target failed, 6 state.`,
    );
  const commands = [
    checkCommand,
    planCommand,
    diffCommand,
    backfillCommand,
    verifyCommand,
    statusCommand,
    badRowsCommand,
    stateCommand,
    schemaCommand,
  ];
  for (const define of commands) program.addCommand(define(io, finish));
  const every = program.commands.flatMap((command) => [command, ...command.commands]);
  for (const command of [program, ...every]) {
    command.exitOverride().configureOutput({
      writeOut: (text) => io.stdout.write(text),
      writeErr: (text) => words && io.stderr.write(text),
      outputError: (text, write) => {
        const { code, message, hint } = wrongWords(text, command);
        write(`error ${code}: ${message}\n  next: ${hint}\n`);
      },
    });
  }
  return program;
}

/**
 * @param text commander's own, which may suggest a word in further lines
 * @param command whose words they were; null where that is not known
 */
export function wrongWords(text: string, command: Command | null = null): FerryError {
  const [fact = '', ...more] = text.replace(/^error: /, '').split('\n');
  const meant = more.map((line) => line.replace(/^\(D(.*)\)$/, 'd$1')).filter((line) => line !== '');
  const help = `\`${pathOf(command)} --help\` says more`;
  return new FerryError('E_USAGE', fact, [...meant, help].join(' '));
}

function pathOf(command: Command | null): string {
  if (command === null) return 'dynaferry';
  return command.parent === null ? command.name() : `${pathOf(command.parent)} ${command.name()}`;
}
