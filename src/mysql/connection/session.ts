/**
 * One connection, set up for exact reading (see session-settings.ts): read-only, UTC, utf8mb4, text protocol. Every
 * SELECT is answered by the session that was set up (session-marker.ts) and without a warning (warnings.ts), or it is
 * no answer. One statement at a time, none of which hangs (statements.ts).
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

/** A thread of the server, so that no other can be taken for it: ids begin at 1 again when the server starts. */
export interface ServerThread {
  readonly id: number;
  /** Address and port of this side as the server sees them; quoted for SQL. */
  readonly host: string;
}

/** A SELECT of the table's rows, or a statement in words: one that begins with SELECT is marked as well. */
type Sql = Select | string;

/** No rows, and rows when they are counted: rows may come just then, but not every time. */
const TRIES = 5;

/** Warnings that are listed; more than `max_error_count` are not. */
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

  /** @throws FerryError (see `connect`), or the driver's own error */
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

  /** Of these statements, only the one that reads the settings back proves anything; each after it has the marker. */
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
    // Each user sees his own threads, without a privilege.
    const [thread] = await plain(`SELECT HOST FROM ${THREADS} WHERE ID = CONNECTION_ID()`);
    this.#host = thread?.[0]?.toString() ?? null;
    // What was read so far is nobody's progress.
    this.#rowsRead = 0;
  }

  /** Which server this is, whatever name leads to it. */
  get server(): string {
    return this.#server;
  }

  /**
   * The server's thread that may still work on a statement that was given up here as hung; null: none, or not to be
   * told from others.
   */
  get abandonedThread(): ServerThread | null {
    const { abandoned, threadId: id } = this.#statements;
    return abandoned && this.#host !== null ? { id, host: textLiteral(this.#host) } : null;
  }

  /**
   * Ends a thread that an earlier session of the same user left behind, which needs no privilege. Where the server was
   * started again since, the id may be a stranger's: so user, address and port are compared first. This connection sees
   * one life of the server, in which no id comes twice: between the look and the KILL, the thread can only end.
   * @throws the driver's error, E_INTERRUPTED
   */
  async endThread({ id, host }: ServerThread, signal: AbortSignal): Promise<void> {
    const ours = `ID = ${id} AND HOST = ${host} AND USER = SUBSTRING_INDEX(USER(), '@', 1) AND COMMAND <> 'Sleep'`;
    const found = await this.rows(`SELECT ID FROM ${THREADS} WHERE ${ours}`, signal);
    if (found.length > 0) await this.rows(`KILL ${id}`, signal);
  }

  /** Rows of all its statements so far, but for those of its own set-up: while it grows, the server answers. */
  get rowsRead(): number {
    return this.#rowsRead;
  }

  get family(): ServerFamily {
    if (this.#family === null) throw new TypeError('the session is not open');
    return this.#family;
  }

  /** False once the connection broke or was destroyed. */
  get alive(): boolean {
    return this.#statements.alive;
  }

  /**
   * All rows of a small result. That there are none is proven by a second statement, which always answers a row.
   * @param limitSeconds the server itself ends the statement after so long, where it can
   * @param mostBytes of the answer: of one row, unless given
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

  /** Whether a SELECT has any row; answered by one row, whatever there is. @throws as `rows` */
  async any(sql: Sql, signal: AbortSignal, limitSeconds: number | null = null): Promise<boolean> {
    const counted = typeof sql === 'string' ? sql : selectText({ ...sql, list: '1 AS one' });
    const statement = `SELECT COUNT(*) FROM (${counted}) AS counted`;
    const { rows, warnings } = await this.#marked(statement, signal, limitSeconds);
    if (warnings > 0) await this.#judge(warnings, sql, signal);
    const count = rows[0]?.[0]?.toString() ?? '';
    if (!/^\d+$/.test(count)) throw foreignSession(this.shard);
    return count !== '0';
  }

  /** Rows that only help to plan: that there are none proves nothing, and a warning is no matter. @throws as `rows` */
  async hints(select: Select, signal: AbortSignal): Promise<Cell[][]> {
    return (await this.#marked(select, signal, null)).rows;
  }

  /**
   * That statements still meet the session that was set up: for what cannot have the marker.
   * @throws FerryError E_SOURCE_SESSION
   */
  async confirm(signal: AbortSignal): Promise<void> {
    if ((await this.#marked('SELECT 1', signal, null)).rows.length !== 1) throw foreignSession(this.shard);
  }

  /**
   * The rows of a SHOW or EXPLAIN statement by column name: their order differs between servers. They have no marker.
   */
  async records(sql: string, signal: AbortSignal): Promise<ReadonlyMap<string, string | null>[]> {
    const { rows, names } = await this.#collect(sql, signal);
    return rows.map((row) => new Map(row.map((cell, i) => [names[i] ?? '', cell?.toString() ?? null])));
  }

  /** The warnings of a statement in words that was the last one. */
  async #judge(count: number, sql: Sql, signal: AbortSignal): Promise<void> {
    const { rows } = await this.#collect(SHOW_WARNINGS, signal);
    const listed = rows.map(([, code, message]) => ({ code: Number(code), message: String(message) }));
    // A statement in words may hold a condition too: EXPLAIN does.
    const conditional = typeof sql !== 'string' && sql.conditional;
    const codes = harmfulWarnings(count, listed, conditional);
    if (codes.length > 0) throw endedWithWarnings(this.shard, codes, conditional || typeof sql === 'string');
  }

  /** Its rows without the marker that each had. */
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
      // Whoever answers so has nothing to say that may be believed.
      if (!this.#marker.isIn(row.shift())) {
        this.destroy(foreignSession(this.shard));
        throw foreignSession(this.shard);
      }
    }
    return answer;
  }

  /**
   * A SELECT whose rows are handed on as bytes as they come (see row-packet.ts), without the marker. Resolves behind
   * the last one; what was handed on is a result only then. That there are none proves nothing: see `any`.
   * @param mostBytes of the answer @throws as `rows`
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

  /** Drops the connection at once; a running statement rejects with `reason`. */
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
