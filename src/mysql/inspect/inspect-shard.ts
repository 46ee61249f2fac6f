/**
 * Inspects one source and reports all findings at once: where it must refuse one table, it still inspects the others.
 * It only reads.
 */
import type { ShardConfig, SourceLimits, SourceTableConfig } from '../../config/model.js';
import type { FerryError, Finding } from '../../core/errors.js';
import type { TableInfo } from '../../core/model.js';
import { ofServer } from '../../core/text/shown-text.js';
import { tlsFault } from '../connection/connect.js';
import { describeSourceTable, leadingColumns } from '../describe.js';
import { mysqlCode, sourceError } from '../errors/source-errors.js';
import { writePrivileges } from './grants.js';
import { RowSelect } from '../keyset/row-select.js';
import { chooseScanKey } from '../keyset/scan-key.js';
import type { ServerFamily } from '../connection/server-family.js';
import { Session } from '../connection/session.js';
import { selectText } from '../connection/sql.js';
import { lookAtWhere } from './where-look.js';
import { fromWhole, tooLarge } from '../scan/whole-table.js';

export interface ShardFacts {
  readonly family: ServerFamily['name'];
  /** The version as the server reports it. */
  readonly version: string;
  /** Name of the cipher; null: the connection is in plain text. */
  readonly cipher: string | null;
  /** The server's clock minus this machine's, in ms. */
  readonly clockSkewMs: number;
  /** `ROW`, `STATEMENT` or `MIXED`; null where no binary log is written. */
  readonly binlogFormat: string | null;
  /** Privileges that the user does not need, such as INSERT. */
  readonly writePrivileges: readonly string[];
}

export interface ShardInspection {
  /** Null: dynaferry could not reach the server. */
  readonly facts: ShardFacts | null;
  /** Every given table that exists, by name. */
  readonly tables: ReadonlyMap<string, TableInfo>;
  /** By table: for each column, an index that starts with it. */
  readonly indexes: ReadonlyMap<string, ReadonlyMap<string, string>>;
  readonly faults: readonly Finding[];
}

/** A larger skew, in ms, would show in TTLs and in compared times. */
const CLOCK_SKEW_MS = 2_000;

/** Engines whose plain SELECTs block no writer. */
const ROW_ENGINES: ReadonlySet<string> = new Set(['innodb', 'rocksdb', 'tokudb', 'ndbcluster']);

/**
 * Inspects a shard and the given tables of it.
 * @throws FerryError only E_INTERRUPTED; every other fault is a finding
 */
export async function inspectShard(
  shard: ShardConfig,
  limits: SourceLimits,
  tables: readonly SourceTableConfig[],
  signal: AbortSignal,
): Promise<ShardInspection> {
  const inspection = new Inspection(shard, limits, signal);
  const plainText = tlsFault(shard);
  if (plainText === null) await inspection.run(tables);
  else inspection.fault(plainText);
  const { facts, tables: seen, indexes, findings: faults } = inspection;
  return { facts, tables: seen, indexes, faults };
}

class Inspection {
  readonly findings: Finding[] = [];
  readonly tables = new Map<string, TableInfo>();
  readonly indexes = new Map<string, ReadonlyMap<string, string>>();
  facts: ShardFacts | null = null;

  constructor(
    private readonly shard: ShardConfig,
    private readonly limits: SourceLimits,
    private readonly signal: AbortSignal,
  ) {}

  async run(tables: readonly SourceTableConfig[]): Promise<void> {
    let session: Session | null = null;
    try {
      session = await Session.open(this.shard, this.limits, this.signal);
      this.facts = await this.#look(session);
      this.#judge(this.facts);
      await this.#checkLoad(session);
      for (const table of tables) {
        // Without a connection, the remaining tables would all report the same fault.
        if (session.alive) await this.#checkTable(session, table);
      }
    } catch (error) {
      this.fault(sourceError(this.shard.id, session === null ? 'connecting' : 'inspecting the server', error));
    } finally {
      session?.destroy();
    }
    for (const replica of this.shard.replicas) await this.#checkReplica(replica);
  }

  fault(error: FerryError): void {
    if (error.code === 'E_INTERRUPTED') throw error;
    const { code, message, hint } = error;
    const prefix = `shard ${this.shard.id}: `;
    this.findings.push({
      level: 'error',
      code,
      message: message.startsWith(prefix) ? message : prefix + message,
      hint,
    });
  }

  #warn(code: Finding['code'], message: string, hint: string): void {
    this.findings.push({ level: 'warning', code, message: `shard ${this.shard.id}: ${message}`, hint });
  }

  async #look(session: Session): Promise<ShardFacts> {
    const { name, version } = session.family;
    const grants = await session.rows('SHOW GRANTS', this.signal);
    return {
      family: name,
      version,
      cipher: await statusOf(session, "SHOW SESSION STATUS LIKE 'Ssl_cipher'", this.signal),
      clockSkewMs: await clockSkew(session, this.signal),
      binlogFormat: await binlogFormat(session, this.signal),
      writePrivileges: writePrivileges(
        grants.map(([line]) => String(line)),
        this.shard.database,
      ),
    };
  }

  #judge(facts: ShardFacts): void {
    if (facts.writePrivileges.length > 0) {
      this.#warn(
        'E_SOURCE_ACCESS',
        `user ${this.shard.user} may write (${facts.writePrivileges.join(', ')})`,
        'use a user with only SELECT and REPLICATION CLIENT; dynaferry itself never writes to MySQL',
      );
    }
    if (Math.abs(facts.clockSkewMs) > CLOCK_SKEW_MS) {
      const seconds = Math.round(Math.abs(facts.clockSkewMs) / 1000);
      this.#warn(
        'E_PREFLIGHT',
        `the clock of the server is ${seconds} s ${facts.clockSkewMs > 0 ? 'ahead of' : 'behind'} this machine's`,
        'synchronise both clocks (NTP): dynaferry computes expiry with the clock of this machine',
      );
    }
    if (facts.binlogFormat === null) {
      this.#warn(
        'E_PREFLIGHT',
        'the server writes no binary log, or the user may not read its position: dynaferry records no position',
        'grant REPLICATION CLIENT if there is a log; rows that change during the backfill need another run',
      );
    } else if (facts.binlogFormat !== 'ROW') {
      this.#warn(
        'E_PREFLIGHT',
        `binlog_format is ${facts.binlogFormat}: a change stream cannot start at the recorded position`,
        'set binlog_format = ROW before the backfill if you want to stream changes later',
      );
    }
  }

  async #checkLoad(session: Session): Promise<void> {
    const running = Number(await statusOf(session, "SHOW GLOBAL STATUS LIKE 'Threads_running'", this.signal));
    if (running <= this.limits.maxThreadsRunning) return;
    this.#warn(
      'E_PREFLIGHT',
      `${running} threads run on the server, and \`maxThreadsRunning\` is ${this.limits.maxThreadsRunning}`,
      'scans would wait: run when the server is quieter, or raise the limit',
    );
  }

  async #checkTable(session: Session, table: SourceTableConfig): Promise<void> {
    try {
      const { id, database } = this.shard;
      const {
        table: info,
        engine,
        versioned,
      } = await describeSourceTable(session, id, database, table.name, this.signal);
      this.tables.set(table.name, info);
      this.indexes.set(table.name, await leadingColumns(session, database, table.name, this.signal));
      if (engine !== null && !ROW_ENGINES.has(engine.toLowerCase())) {
        this.#warn(
          'E_PREFLIGHT',
          `table ${table.name} uses the engine ${ofServer(engine)}: each SELECT locks it against writers`,
          'keep `chunkMs` short, or read from a replica',
        );
      }
      if (versioned) {
        this.#warn(
          'E_PREFLIGHT',
          `table ${table.name} is system-versioned: dynaferry moves its current rows, but not their history`,
          'do nothing if the history can stay in MariaDB; else copy it to a table of its own first',
        );
      }
      if (table.wholeTable !== null) {
        await this.#checkWhole(session, info, table, table.wholeTable);
        return;
      }
      const key = chooseScanKey(info, table.scanKey);
      const columns = info.columns.map((column) => column.name);
      const select = new RowSelect({ table: info, key, columns, where: table.where });
      // Reads one key: EXPLAIN alone succeeds, or only warns, where the data file is missing or crashed.
      await session.rows(select.edgeKey('first', []), this.signal);
      // Only plans the SELECT: this proves that the user may read every column and that the server understands the
      // condition.
      await session.rows(`EXPLAIN ${selectText(select.rows({ after: null, upTo: null }, 1))}`, this.signal);
      await lookAtWhere(session, table.name, select, this.signal);
    } catch (error) {
      this.fault(sourceError(this.shard.id, `inspecting ${table.name}`, error));
    }
  }

  /** Counts rows up to the limit. A run counts the bytes while it reads. */
  async #checkWhole(
    session: Session,
    info: TableInfo,
    { where }: SourceTableConfig,
    { maxRows }: NonNullable<SourceTableConfig['wholeTable']>,
  ): Promise<void> {
    const [row] = await session.rows(
      `SELECT COUNT(*) FROM (SELECT 1 AS one ${fromWhole(info, where)} LIMIT ${maxRows + 1}) AS counted`,
      this.signal,
    );
    if (Number(row?.[0]) > maxRows) throw tooLarge(info.name, `${maxRows} rows`, 'maxRows');
  }

  async #checkReplica(replica: { readonly host: string; readonly port: number }): Promise<void> {
    try {
      const session = await Session.open({ ...this.shard, ...replica }, this.limits, this.signal);
      session.destroy();
    } catch (error) {
      const { code, message, hint } = sourceError(this.shard.id, `replica ${replica.host}:${replica.port}`, error);
      if (code === 'E_INTERRUPTED') throw error;
      this.findings.push({ level: 'warning', code, message: `${message}; dynaferry will not watch its lag`, hint });
    }
  }
}

async function statusOf(session: Session, sql: string, signal: AbortSignal): Promise<string | null> {
  const [row] = await session.rows(sql, signal);
  const value = row?.[1]?.toString() ?? '';
  return value === '' ? null : ofServer(value);
}

/** Returns how far the server's clock is ahead, in ms, measured at the middle of the round trip. */
async function clockSkew(session: Session, signal: AbortSignal): Promise<number> {
  const sent = Date.now();
  const [row] = await session.rows('SELECT UNIX_TIMESTAMP(NOW(6)) * 1000', signal);
  return Math.round(Number(row?.[0]) - (sent + Date.now()) / 2);
}

async function binlogFormat(session: Session, signal: AbortSignal): Promise<string | null> {
  try {
    const status = await session.records(session.family.binlogStatement, signal);
    if (status.length === 0) return null;
  } catch (error) {
    if (mysqlCode(error) !== 'ER_SPECIFIC_ACCESS_DENIED_ERROR') throw error;
    return null;
  }
  const [row] = await session.rows('SELECT @@GLOBAL.binlog_format', signal);
  return ofServer(String(row?.[0]));
}
