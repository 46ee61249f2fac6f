/**
 * A session is one connection that is set up for exact reading: read-only, UTC, utf8mb4, text protocol
 * (session-settings.ts). An answer counts only if the session that was set up gave it (session-marker.ts), and without
 * a harmful warning (warnings.ts). A session runs one statement at a time, and none of them can hang (statements.ts).
 */
import type { ShardConfig, SourceLimits } from '../../config/model.js';
import { interrupted } from '../../core/errors.js';
import type { Cell } from '../../core/model.js';
import { mostOfOneRow } from './answer-limit.js';
import { connect } from './connect.js';
import { ofServer } from '../../core/text/shown-text.js';
import { tapRows } from './row-packet.js';
import { serverFamily, type ServerFamily } from './server-family.js';
import { contradiction, foreignSession, MARKER_EXPRESSION, SessionMarker } from './session-marker.js';
import { SessionSettings } from './session-settings.js';
import { selectText, textLiteral, type Select } from './sql.js';
import { Statements, type Answer } from './statements.js';
import { endedWithWarnings, harmfulWarnings } from './warnings.js';

const THREADS = 'information_schema.PROCESSLIST';

/** Identifies a thread of the server. The id alone is not enough: ids start at 1 again when the server starts. */
export interface ServerThread {
  readonly id: number;
  /** Address and port of this side as the server sees them; quoted for SQL. */
  readonly host: string;
}

/** A SELECT of the table's rows, or a statement as text. A text that starts with SELECT gets the marker too. */
type Sql = Select | string;

/**
 * Most tries while a SELECT gives no rows but a count finds some: rows may arrive between the two, but not every time.
 */
const TRIES = 5;

/** Lists the warnings of the last statement. The server lists at most `max_error_count`. */
const SHOW_WARNINGS = 'SHOW WARNINGS';

export class Session {
  readonly #statements: Statements;
  #family: ServerFamily | null = null;
  #server = '';
  #host: string | null = null;
  #rowsRead = 0;
  readonly #marker = new SessionMarker();

  private constructor(
    statements: Statements,
    private readonly shard: string,
  ) {
    this.#statements = statements;
  }

  /** Connects and sets the session up. @throws FerryError (see `connect`), or the driver's own error */
  static async open(
    shard: ShardConfig,
    { statementIdleTimeoutSeconds }: Pick<SourceLimits, 'statementIdleTimeoutSeconds'>,
    signal: AbortSignal,
  ): Promise<Session> {
    const statements = new Statements(
      await connect(shard, statementIdleTimeoutSeconds, signal),
      shard.id,
      statementIdleTimeoutSeconds,
    );
    const session = new Session(statements, shard.id);
    try {
      await session.#setUp(statementIdleTimeoutSeconds, signal);
      return session;
    } catch (error) {
      session.destroy();
      throw error;
    }
  }

  /**
   * Sets the session up. Only the statement that reads the settings back proves anything. Every later SELECT has the
   * marker.
   */
  async #setUp(statementIdleTimeoutSeconds: number, signal: AbortSignal): Promise<void> {
    const plain = async (sql: string): Promise<Cell[][]> => (await this.#collect(sql, signal)).rows;
    const [version] = await plain('SELECT VERSION()');
    const family = serverFamily(ofServer(String(version?.[0])));
    await plain(SessionSettings.beforeList);
    const listed = (await plain(SessionSettings.listStatement(family))).map(([name]) => String(name).toLowerCase());
    const settings = new SessionSettings(this.shard, new Set(listed), family, statementIdleTimeoutSeconds);
    await plain(settings.setStatement(this.#marker.assignment));
    // An `init_connect` may have left a transaction open, and with it a snapshot of the data.
    await plain('ROLLBACK');
    const [row = []] = await plain(`SELECT ${MARKER_EXPRESSION}, ${family.serverIdentity}, ${settings.readList}`);
    const [marker = null, server, ...values] = row;
    settings.confirm(values.map((value) => value?.toString() ?? null));
    if (!this.#marker.take(marker)) throw foreignSession(this.shard);
    this.#server = String(server);
    this.#family = family;
    // Each user sees their own threads without a privilege.
    const [thread] = await plain(`SELECT HOST FROM ${THREADS} WHERE ID = CONNECTION_ID()`);
    this.#host = thread?.[0]?.toString() ?? null;
    // The rows read so far are no progress of any scan.
    this.#rowsRead = 0;
  }

  /** Identifies the server, whatever name leads to it. */
  get server(): string {
    return this.#server;
  }

  /**
   * The server's thread that may still work on a statement that dynaferry gave up as hung. Null: no such thread exists,
   * or dynaferry cannot distinguish it from others.
   */
  get abandonedThread(): ServerThread | null {
    const { abandoned, threadId: id } = this.#statements;
    return abandoned && this.#host !== null ? { id, host: textLiteral(this.#host) } : null;
  }

  /**
   * Ends a thread that an earlier session of the same user left behind. This needs no privilege. If the server
   * restarted since, the id may belong to another connection. So this compares user, address and port first. While this
   * connection lasts, the server does not restart, and it gives no id twice. So between the look and the KILL, the
   * thread can only end.
   * @throws the driver's error, E_INTERRUPTED
   */
  async endThread({ id, host }: ServerThread, signal: AbortSignal): Promise<void> {
    const ours = `ID = ${id} AND HOST = ${host} AND USER = SUBSTRING_INDEX(USER(), '@', 1) AND COMMAND <> 'Sleep'`;
    const found = await this.rows(`SELECT ID FROM ${THREADS} WHERE ${ours}`, signal);
    if (found.length > 0) await this.rows(`KILL ${id}`, signal);
  }

  /** Counts the rows of all statements so far, except those of the set-up: while it grows, the server answers. */
  get rowsRead(): number {
    return this.#rowsRead;
  }

  get family(): ServerFamily {
    if (this.#family === null) throw new TypeError('the session is not open');
    return this.#family;
  }

  /** Returns false after the connection broke or was destroyed. */
  get alive(): boolean {
    return this.#statements.alive;
  }

  /**
   * Returns all rows of a small result. If the result is empty, a second statement proves it, which always answers with
   * a row.
   * @param limitSeconds after which the server itself ends the statement, where it can
   * @param mostBytes limit of the answer in bytes; by default the limit of one row
   * @throws the driver's error, AnswerTooLarge, FerryError E_SOURCE_SESSION, E_SOURCE_WARNING, E_INTERRUPTED
   */
  async rows(
    sql: Sql,
    signal: AbortSignal,
    limitSeconds: number | null = null,
    mostBytes = mostOfOneRow(),
  ): Promise<Cell[][]> {
    for (let tries = 0; tries < TRIES; tries += 1) {
      const { rows, warnings } = await this.#marked(sql, signal, limitSeconds, mostBytes);
      if (warnings > 0) await this.#judge(warnings, sql, signal);
      if (rows.length > 0 || !isSelect(sql) || !(await this.any(sql, signal, limitSeconds))) return rows;
    }
    throw contradiction(this.shard);
  }

  /** Returns whether a SELECT has any row. The answer is one row in both cases. @throws as `rows` */
  async any(sql: Sql, signal: AbortSignal, limitSeconds: number | null = null): Promise<boolean> {
    const counted = typeof sql === 'string' ? sql : selectText({ ...sql, list: '1 AS one' });
    const statement = `SELECT COUNT(*) FROM (${counted}) AS counted`;
    const { rows, warnings } = await this.#marked(statement, signal, limitSeconds);
    if (warnings > 0) await this.#judge(warnings, sql, signal);
    const count = rows[0]?.[0]?.toString() ?? '';
    if (!/^\d+$/.test(count)) throw foreignSession(this.shard);
    return count !== '0';
  }

  /**
   * Returns rows that only help to plan: an empty result proves nothing, and warnings are ignored. @throws as `rows`
   */
  async hints(select: Select, signal: AbortSignal): Promise<Cell[][]> {
    return (await this.#marked(select, signal, null)).rows;
  }

  /**
   * Checks that statements still reach the session that was set up. Needed for statements that cannot have the marker.
   * @throws FerryError E_SOURCE_SESSION
   */
  async confirm(signal: AbortSignal): Promise<void> {
    if ((await this.#marked('SELECT 1', signal, null)).rows.length !== 1) throw foreignSession(this.shard);
  }

  /**
   * Returns the rows of a SHOW or EXPLAIN statement by column name, since the order of columns differs between servers.
   * These rows have no marker.
   */
  async records(sql: string, signal: AbortSignal): Promise<ReadonlyMap<string, string | null>[]> {
    const { rows, names } = await this.#collect(sql, signal);
    return rows.map((row) => new Map(row.map((cell, i) => [names[i] ?? '', cell?.toString() ?? null])));
  }

  /** Judges the warnings of the last statement. @throws FerryError E_SOURCE_WARNING where one is harmful */
  async #judge(count: number, sql: Sql, signal: AbortSignal): Promise<void> {
    const { rows } = await this.#collect(SHOW_WARNINGS, signal);
    const listed = rows.map(([, code, message]) => ({ code: Number(code), message: String(message) }));
    // A statement given as text may hold a condition too: EXPLAIN does.
    const conditional = typeof sql !== 'string' && sql.conditional;
    const codes = harmfulWarnings(count, listed, conditional);
    if (codes.length > 0) throw endedWithWarnings(this.shard, codes, conditional || typeof sql === 'string');
  }

  /**
   * Runs a statement and returns its rows without the marker. @throws FerryError E_SOURCE_SESSION where a row lacks it
   */
  async #marked(
    sql: Sql,
    signal: AbortSignal,
    limitSeconds: number | null,
    mostBytes = mostOfOneRow(),
  ): Promise<Answer> {
    if (typeof sql === 'string' && !isSelect(sql)) return await this.#collect(sql, signal, mostBytes);
    const marked = markedText(sql);
    const answer = await this.#collect(
      limitSeconds === null ? marked : this.family.limited(marked, limitSeconds),
      signal,
      mostBytes,
    );
    for (const row of answer.rows) {
      // Another session gave this row, so nothing from this connection can be trusted.
      if (!this.#marker.isIn(row.shift())) {
        this.destroy(foreignSession(this.shard));
        throw foreignSession(this.shard);
      }
    }
    return answer;
  }

  /**
   * Runs a SELECT and passes each row on as bytes when it arrives (see row-packet.ts), without the marker. Resolves
   * after the last row. Only then do the rows count as a result. No rows prove nothing: see `any`.
   * @param mostBytes limit of the answer in bytes
   * @throws as `rows`
   */
  async stream(
    select: Select,
    onRow: (packet: Buffer, from: number, to: number) => void,
    signal: AbortSignal,
    mostBytes: number,
  ): Promise<void> {
    const marker = this.#marker;
    const { length } = marker;
    let warnings = 0;
    await this.#statements.run(markedText(select), signal, mostBytes, (command) =>
      tapRows(command, {
        onRow: (packet, from, to) => {
          if (!this.alive) return;
          if (marker.begins(packet, from)) {
            this.#rowsRead += 1;
            onRow(packet, from + length, to);
          } else {
            this.destroy(foreignSession(this.shard));
          }
        },
        onEnd: (count) => (warnings = count),
      }),
    );
    if (warnings > 0) await this.#judge(warnings, select, signal);
  }

  /** Drops the connection at once. A running statement rejects with `reason`. */
  destroy(reason: Error = interrupted()): void {
    this.#statements.destroy(reason);
  }

  async #collect(sql: string, signal: AbortSignal, mostBytes = mostOfOneRow()): Promise<Answer> {
    return await this.#statements.collect(sql, signal, mostBytes, () => (this.#rowsRead += 1));
  }
}

const SELECT = 'SELECT ';

function isSelect(sql: Sql): boolean {
  return typeof sql !== 'string' || sql.startsWith(SELECT);
}

function markedText(sql: Sql): string {
  const text = typeof sql === 'string' ? sql : selectText(sql);
  return `${SELECT}${MARKER_EXPRESSION}, ${text.slice(SELECT.length)}`;
}
