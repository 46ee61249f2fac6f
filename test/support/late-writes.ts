/**
 * Lets writes land late, and lets the 20 minutes pass in which they may. Tests do not wait: they cause what would
 * happen in that time, and edit the state files as if it had passed. They never touch the product's own clock.
 */
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { LATE_WRITE_WINDOW_MS } from '../../src/core/time/late-writes.js';

/**
 * All that the shards' state files remember happened 20 minutes earlier: suspects, the kill, passes. No process may
 * work on them.
 */
export function letLateWriteWindowPass(stateFolder: string, shards: readonly string[]): void {
  const names = readdirSync(stateFolder).filter((name) => shards.some((shard) => isStateOf(shard, name)));
  for (const name of names) {
    const database = new Database(join(stateFolder, name), { fileMustExist: true });
    try {
      database.exec(`
        UPDATE ambiguous_writes SET since = since - ${LATE_WRITE_WINDOW_MS};
        UPDATE meta SET crashed_at = crashed_at - ${LATE_WRITE_WINDOW_MS};
        UPDATE pass_segments SET oldest_at = oldest_at - ${LATE_WRITE_WINDOW_MS}, oldest_steady = oldest_steady - ${LATE_WRITE_WINDOW_MS},
                               newest_at = newest_at - ${LATE_WRITE_WINDOW_MS}, newest_steady = newest_steady - ${LATE_WRITE_WINDOW_MS};
        UPDATE passes SET started_at = started_at - ${LATE_WRITE_WINDOW_MS}, finished_at = finished_at - ${LATE_WRITE_WINDOW_MS};
      `);
    } catch (error) {
      // What was put aside may have been put aside for its damage.
      if (shards.includes(name.slice(0, -'.db'.length))) throw error;
    } finally {
      database.close();
    }
  }
}

/** Its state, or one that was put aside by `--restart`. */
function isStateOf(shard: string, name: string): boolean {
  return name.startsWith(`${shard}.`) && /^(\d{8}T\d{6}Z(-\d+)?\.)?db$/.test(name.slice(shard.length + 1));
}

/**
 * A request that its sender gave up on reaches the table all the same. An emulator does not mind the age of the
 * signature.
 */
export async function landLate(
  endpoint: string,
  request: { readonly headers: Readonly<Record<string, unknown>>; readonly body: string },
): Promise<void> {
  const names = ['authorization', 'content-type', 'x-amz-date', 'x-amz-target'];
  const headers = Object.fromEntries(names.map((name) => [name, String(request.headers[name])]));
  const answer = await fetch(endpoint, { method: 'POST', headers, body: request.body });
  if (!answer.ok) throw new Error(`the late write was refused: ${answer.status} ${await answer.text()}`);
}
