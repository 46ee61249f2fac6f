/** Makes copies of a state folder that pass for the original. A user has to adopt such a copy first. */
import { cpSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import Database from 'better-sqlite3';

/** No process may work on either. @param shards whose states are in it */
export function copyState(from: string, to: string, shards: readonly string[]): void {
  cpSync(from, to, { recursive: true });
  const files = readdirSync(to).filter((name) => shards.some((shard) => name === `${shard}.db`));
  for (const name of files) {
    const database = new Database(join(to, name), { fileMustExist: true });
    database.exec('UPDATE meta SET home = NULL');
    database.close();
  }
}
