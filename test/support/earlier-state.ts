/**
 * State files as an earlier dynaferry left them, made of those of today: rows stay, and what later versions added to
 * the schema goes.
 */
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { STATE } from '../../src/state/sqlite/schema.js';

/** By table. */
type Columns = ReadonlyMap<string, readonly string[]>;

/** No process may work on the shard. @param version the one before the last change of the schema unless given */
export function leaveEarlierState(stateFolder: string, shard: string, version = STATE.migrations.length - 1): void {
  const database = new Database(join(stateFolder, `${shard}.db`), { fileMustExist: true });
  const before = columnsAt(version);
  for (const [table, columns] of columnsAt(STATE.migrations.length)) {
    const kept = before.get(table);
    if (kept === undefined) database.exec(`DROP TABLE ${table}`);
    for (const column of kept === undefined ? [] : columns.filter((name) => !kept.includes(name))) {
      database.exec(`ALTER TABLE ${table} DROP COLUMN ${column}`);
    }
  }
  database.pragma(`user_version = ${version}`);
  database.close();
  // Versions up to 9 had no witness.
  if (version <= 9) rmSync(join(stateFolder, `${shard}.seen`), { force: true });
}

function columnsAt(version: number): Columns {
  const database = new Database(':memory:');
  for (const sql of STATE.migrations.slice(0, version)) database.exec(sql);
  const tables = database.prepare<[], string>("SELECT name FROM sqlite_schema WHERE type = 'table'").pluck().all();
  const columns = tables.map((table): [string, readonly string[]] => [
    table,
    database.prepare<[string], string>('SELECT name FROM pragma_table_info(?)').pluck().all(table),
  ]);
  database.close();
  return new Map(columns);
}
