/**
 * The plan of each table: how it is cut into ranges. The plan is stored once, before the first pass, and never changes.
 */
import type { Database, Statement } from 'better-sqlite3';
import type { Cursor, Range } from '../../core/model.js';
import type { PlanStore } from '../../core/ports/state-ports.js';
import type { TablePlan } from '../../core/ports/state-records.js';
import { defect } from '../../core/defect.js';

interface PlanRow {
  readonly scan_key: string | null;
  readonly binlog_file: string | null;
  readonly binlog_offset: number | null;
  readonly binlog_gtid: string | null;
  readonly planned_at: number;
}

interface RangeRow {
  readonly range_index: number;
  readonly after: string | null;
  readonly up_to: string | null;
  readonly estimated_rows: number;
}

export class Plans implements PlanStore {
  readonly #tables: Statement<[], string>;
  readonly #plan: Statement<[string], PlanRow>;
  readonly #ranges: Statement<[string], RangeRow>;
  readonly #insertPlan: Statement<[string, string | null, string | null, number | null, string | null, number]>;
  readonly #identity: Statement<[string], string>;
  readonly #setIdentity: Statement<[string, string]>;
  readonly #voidVerifications: Statement<[string]>;
  readonly #insertRange: Statement<[string, number, string | null, string | null, number]>;

  constructor(database: Database) {
    this.#tables = database.prepare<[], string>('SELECT table_name FROM plans ORDER BY planned_at, table_name').pluck();
    this.#plan = database.prepare('SELECT * FROM plans WHERE table_name = ?');
    this.#ranges = database.prepare('SELECT * FROM ranges WHERE table_name = ? ORDER BY range_index');
    this.#insertPlan = database.prepare(
      `INSERT INTO plans (table_name, scan_key, binlog_file, binlog_offset, binlog_gtid, planned_at)
       VALUES (?, ?, ?, ?, ?, ?)`,
    );
    this.#identity = database
      .prepare<[string], string>('SELECT identity FROM source_tables WHERE table_name = ?')
      .pluck();
    this.#setIdentity = database.prepare('INSERT OR REPLACE INTO source_tables (table_name, identity) VALUES (?, ?)');
    this.#voidVerifications = database.prepare("UPDATE passes SET void = 1 WHERE kind = 'verify' AND table_name = ?");
    this.#insertRange = database.prepare(
      'INSERT INTO ranges (table_name, range_index, after, up_to, estimated_rows) VALUES (?, ?, ?, ?, ?)',
    );
  }

  /** Returns the planned tables, in the order in which they were planned. */
  tables(): readonly string[] {
    return this.#tables.all();
  }

  identity(table: string): string | null {
    return this.#identity.get(table) ?? null;
  }

  setIdentity(table: string, identity: string, voids: boolean): void {
    if (voids) this.#voidVerifications.run(table);
    this.#setIdentity.run(table, identity);
  }

  get(table: string): TablePlan | null {
    const row = this.#plan.get(table);
    if (row === undefined) return null;
    return {
      table,
      scanKey: row.scan_key,
      position:
        row.binlog_file === null || row.binlog_offset === null
          ? null
          : { file: row.binlog_file, offset: row.binlog_offset, gtid: row.binlog_gtid },
      ranges: this.#ranges.all(table).map(toRange),
      plannedAt: row.planned_at,
    };
  }

  save(plan: TablePlan): void {
    const { table, scanKey, position, plannedAt } = plan;
    if (this.#plan.get(table) !== undefined) throw defect(`table ${table} is planned already`);
    this.#insertPlan.run(
      table,
      scanKey,
      position?.file ?? null,
      position?.offset ?? null,
      position?.gtid ?? null,
      plannedAt,
    );
    for (const range of plan.ranges) {
      this.#insertRange.run(table, range.index, range.after, range.upTo, Math.round(range.estimatedRows));
    }
  }
}

export function toRange(row: RangeRow): Range {
  return {
    index: row.range_index,
    after: row.after as Cursor | null,
    upTo: row.up_to as Cursor | null,
    estimatedRows: row.estimated_rows,
  };
}
