/**
 * Interrupts verifications, and lets what they compared grow old. Tests do not wait: they edit the state files as if
 * the time had passed. They never touch the product's own clock.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import type { PassKind } from '../../src/core/ports/state-records.js';
import { readShardStatus } from '../../src/state/status/read-status.js';
import type { CliResult, RunningCli } from './cli.js';
import type { ConfigDocument, Migration } from './migration.js';

/** All that a shard's verifications did happened so much earlier, in ms. No process may work on it. */
export function letEvidenceAge(stateFolder: string, shard: string, ms: number): void {
  const database = new Database(join(stateFolder, `${shard}.db`), { fileMustExist: true });
  database.exec(`
    UPDATE chunks SET done_at = done_at - ${ms}, compared_at = compared_at - ${ms}, compared_steady = compared_steady - ${ms};
    UPDATE pass_segments SET oldest_at = oldest_at - ${ms}, oldest_steady = oldest_steady - ${ms},
                           newest_at = newest_at - ${ms}, newest_steady = newest_steady - ${ms};
    UPDATE passes SET started_at = started_at - ${ms}, finished_at = finished_at - ${ms};
  `);
  database.close();
}

/**
 * Rows in committed chunks of the newest passes of that kind, over all tables.
 * @param since of passes that began after that alone
 */
export function committedRows(migration: Migration, kind: PassKind, shard = 's01', since = 0): number {
  const status = readShardStatus({ folder: migration.stateFolder, shard });
  const passes = (status?.tables ?? []).flatMap((table) => table[kind] ?? []);
  return passes.reduce((sum, { pass, counts }) => sum + (pass.startedAt >= since ? counts.rows : 0), 0);
}

/** Ranges of the first table that its newest pass of that kind has gone through. */
export function completeRanges(migration: Migration, kind: PassKind): number {
  const status = readShardStatus({ folder: migration.stateFolder, shard: 's01' });
  return status?.tables[0]?.[kind]?.rangesComplete ?? 0;
}

/** Ranges that the first table is cut into. */
export function rangesOf(migration: Migration, kind: PassKind): number {
  const status = readShardStatus({ folder: migration.stateFolder, shard: 's01' });
  return status?.tables[0]?.[kind]?.ranges ?? 0;
}

/**
 * Sets units that make a run over so many items take some ten seconds. It allows few requests at once, so that the
 * first chunks are done early on.
 */
export function slowly(items: number): (config: ConfigDocument) => void {
  return ({ target }) =>
    void Object.assign(target, {
      writeCapacity: Math.ceil(items / 10),
      readCapacity: Math.ceil(items / 10),
      maxInFlightRequests: 2,
    });
}

export function quickly({ target }: ConfigDocument): void {
  Object.assign(target, { writeCapacity: 100_000, readCapacity: 100_000 });
}

/** Runs it until `condition` holds, then stops it as Ctrl-C does. @throws Error where it ends before, or not at 130 */
export async function interruptOnce(
  migration: Migration,
  args: readonly string[],
  condition: () => boolean,
  env: Readonly<Record<string, string>> = {},
): Promise<CliResult> {
  await using cli: RunningCli = await migration.spawn(args, { env });
  const end = Date.now() + 60_000;
  while (!condition()) {
    await sleep(20);
    if (Date.now() > end) throw new Error(`it did not come to that within a minute:\n${cli.stdout}\n${cli.stderr}`);
  }
  cli.killGroup('SIGINT');
  const result = await cli.result;
  if (result.code !== 130) throw new Error(`it ended by itself:\n${result.stdout}\n${result.stderr}`);
  return result;
}
