/**
 * Asks before `--restart` gives up what is recorded. It says what that is, where the former state stays, and which
 * items stay. On a terminal it asks; elsewhere the operator says `--yes`.
 */
import { createInterface } from 'node:readline';
import type { Config } from '../config/model.js';
import { FerryError } from '../core/errors.js';
import { count, plural } from '../wording/number-format.js';
import type { ShardStatus } from '../state/status/read-status.js';
import { writeLine, type Io } from './io.js';

/** What the state records of a shard that starts again. */
export interface GivenUp {
  readonly shard: string;
  /** Whether anything is recorded; a state that cannot be read counts as recorded. */
  readonly recorded: boolean;
  /** What the backfill has moved; 0 where the state cannot be read. */
  readonly rows: number;
  readonly items: number;
  readonly badRows: number;
  /** Tables whose verification stands. */
  readonly verified: readonly string[];
  /** An earlier restart was interrupted before it came to the end of the shard. */
  readonly interrupted: boolean;
  readonly unreadable: boolean;
}

interface Asking {
  /** The operator has said `--yes`. */
  readonly yes: boolean;
  /** stderr has one JSON document a line, and no question. */
  readonly json: boolean;
  /** The command that resumes without a restart. */
  readonly resume: string;
}

const LISTED = 20;

/**
 * Returns what the restart gives up, after the operator has agreed.
 * @throws FerryError E_USAGE where the operator did not agree, or cannot be asked; nothing was changed
 */
export async function confirmRestart(
  io: Io,
  config: Config,
  shards: readonly string[],
  { yes, json, resume }: Asking,
): Promise<readonly GivenUp[]> {
  const { notBegun, readShardStatus } = await import('../state/status/read-status.js');
  const { isRestartAsked } = await import('../state/restart-note.js');
  const tables = config.source.tables.map(({ name }) => name);
  const givenUp = shards.map((shard) => {
    const at = { folder: config.state, shard };
    const status = readShardStatus(at, tables) ?? notBegun(shard, tables, isRestartAsked(at));
    return givenUpOf(status);
  });
  const interrupted = givenUp.some((shard) => shard.interrupted);
  const instead = interrupted ? `an earlier --restart has not finished: \`${resume}\` resumes it` : null;
  if (!yes && !canAsk(io, json)) throw notAsked(givenUp, instead);
  if (!json) for (const line of lines(givenUp, instead)) writeLine(io.stderr, line);
  if (yes) return givenUp;
  const answer = await ask(io, `start ${shards.length === 1 ? 'it' : 'them'} again? [y/N] `);
  if (/^y(es)?$/i.test(answer.trim())) return givenUp;
  throw new FerryError(
    'E_USAGE',
    'the restart was not confirmed; nothing was changed',
    `\`${resume}\` resumes what is recorded; to start again, run the command once more and answer y`,
  );
}

function givenUpOf({ shard, tables, fault, restartAsked }: ShardStatus): GivenUp {
  const backfills = tables.flatMap(({ backfill }) => backfill ?? []);
  return {
    shard,
    recorded: fault !== null || tables.some(({ planned }) => planned),
    rows: backfills.reduce((sum, { counts }) => sum + counts.rows, 0),
    items: backfills.reduce((sum, { counts }) => sum + counts.items, 0),
    badRows: tables.reduce((sum, { badRows }) => sum + badRows, 0),
    verified: tables.flatMap(({ table, standing, verify }) =>
      standing === 'stands' && verify !== null && verify.pass.finishedAt !== null ? [table] : [],
    ),
    interrupted: restartAsked,
    unreadable: fault !== null,
  };
}

function lines(givenUp: readonly GivenUp[], instead: string | null): readonly string[] {
  const recorded = givenUp.filter((shard) => shard.recorded);
  if (recorded.length === 0) return ['--restart gives up nothing: nothing is recorded of these shards'];
  const left = recorded.length - LISTED;
  return [
    `--restart gives up what is recorded of ${plural(recorded.length, 'shard')}:`,
    ...recorded.slice(0, LISTED).map((shard) => `  ${shard.shard}  ${recordedText(shard)}`),
    ...(left > 0 ? [`  and ${plural(left, 'more shard')}`] : []),
    'it deletes no item: items of rows that are gone, and items under former keys, stay in the target',
    formerStateText(recorded),
    ...(instead === null ? [] : [instead]),
  ];
}

function recordedText({ rows, items, badRows, verified, unreadable }: GivenUp): string {
  if (unreadable) return 'a state that cannot be read';
  return [
    `${plural(rows, 'row')} moved, ${plural(items, 'item')}`,
    ...(badRows > 0 ? [plural(badRows, 'bad row')] : []),
    ...(verified.length > 0 ? [`the verification of ${verified.join(', ')}`] : []),
  ].join(', ');
}

function formerStateText([first, ...others]: readonly GivenUp[]): string {
  const name = first === undefined || others.length > 0 ? 'SHARD' : first.shard;
  return `the former state stays in the state folder as ${name}.<time>Z.db; no command brings it back yet`;
}

function notAsked(givenUp: readonly GivenUp[], instead: string | null): FerryError {
  const recorded = givenUp.filter((shard) => shard.recorded);
  const sum = (of: (shard: GivenUp) => number): number => recorded.reduce((total, shard) => total + of(shard), 0);
  const named =
    givenUp.length > LISTED ? `${count(givenUp.length)} shards` : givenUp.map(({ shard }) => shard).join(', ');
  const what = `${plural(
    sum(({ rows }) => rows),
    'row',
  )} moved, ${plural(
    sum(({ items }) => items),
    'item',
  )}`;
  const former = recorded.length === 0 ? '' : `; ${formerStateText(recorded)}`;
  return new FerryError(
    'E_USAGE',
    `--restart gives up what is recorded of ${named} (${what}), and there is no terminal to ask on; nothing was changed`,
    `${instead === null ? '' : `${instead}. Otherwise `}add \`--yes\` to start again${former}`,
  );
}

function canAsk(io: Io, json: boolean): boolean {
  return !json && io.stderr.isTTY === true && io.stdin?.().isTTY === true;
}

async function ask(io: Io, question: string): Promise<string> {
  const input = io.stdin?.();
  if (input === undefined) return '';
  const reader = createInterface({ input, terminal: false });
  try {
    return await new Promise<string>((resolve) => {
      reader.once('line', resolve);
      reader.once('close', () => resolve(''));
      io.stderr.write(question);
    });
  } finally {
    reader.close();
  }
}
