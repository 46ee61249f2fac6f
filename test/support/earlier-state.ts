/**
 * Turns today's state files into those of an earlier dynaferry. Rows stay, under the names of that version. Whatever
 * later versions added to the schema goes.
 */
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { STATE } from '../../src/state/sqlite/schema.js';

/** What version 12 renamed: names of today by the earlier ones. */
const TABLES: Readonly<Record<string, string>> = {
  pass_ranges: 'pass_segments',
  retries: 'bad_row_retries',
  suspects: 'ambiguous_writes',
};
const IN_EACH = { only: 'id', pass: 'pass_id', after_pass: 'newest_pass_id' };
const COLUMNS: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  meta: { writing: 'writes_in_flight', broken_off_at: 'crashed_at' },
  pass_ranges: { range_index: 'segment_index' },
  chunks: { range_index: 'segment_index', last: 'last_cursor' },
  differences: { key_text: 'item_key' },
  bad_rows: { range_index: 'segment_index', key_text: 'scan_key', chunk_last: 'chunk_last_cursor' },
  suspects: { key_text: 'item_key' },
};

/**
 * The file stays the same one. No process may work on the shard.
 * @param version below 12; the one before the last change of the schema unless given
 */
export function leaveEarlierState(stateFolder: string, shard: string, version = STATE.migrations.length - 1): void {
  const database = new Database(join(stateFolder, `${shard}.db`), { fileMustExist: true });
  database.pragma('foreign_keys = OFF');
  for (const name of namesOf(database, 'index')) database.exec(`DROP INDEX ${name}`);
  for (const name of namesOf(database, 'table')) database.exec(`ALTER TABLE ${name} RENAME TO today_${name}`);
  for (const sql of STATE.migrations.slice(0, version)) database.exec(sql);
  for (const table of namesOf(database, 'table').filter((name) => !name.startsWith('today_')))
    copyRows(database, table);
  for (const name of namesOf(database, 'table')) if (name.startsWith('today_')) database.exec(`DROP TABLE ${name}`);
  database.pragma(`user_version = ${version}`);
  database.close();
  // Versions up to 9 had no witness.
  if (version <= 9) rmSync(join(stateFolder, `${shard}.seen`), { force: true });
}

function copyRows(database: Database.Database, table: string): void {
  const today = `today_${TABLES[table] ?? table}`;
  const known = columnsOf(database, today);
  const renamed: Readonly<Record<string, string>> = { ...IN_EACH, ...COLUMNS[table] };
  const columns = columnsOf(database, table)
    .map((name) => ({ name, from: renamed[name] ?? name }))
    .filter(({ from }) => known.includes(from));
  // Where a table was read whole, the key's name was empty.
  const values = columns.map(({ from }) => (table === 'plans' && from === 'scan_key' ? `coalesce(${from}, '')` : from));
  database.exec(
    `INSERT INTO ${table} (${columns.map(({ name }) => name).join()}) SELECT ${values.join()} FROM ${today}`,
  );
}

function namesOf(database: Database.Database, type: 'table' | 'index'): readonly string[] {
  return database
    .prepare<[string], string>("SELECT name FROM sqlite_schema WHERE type = ? AND name NOT LIKE 'sqlite_%'")
    .pluck()
    .all(type);
}

function columnsOf(database: Database.Database, table: string): readonly string[] {
  return database.prepare<[string], string>('SELECT name FROM pragma_table_info(?)').pluck().all(table);
}
