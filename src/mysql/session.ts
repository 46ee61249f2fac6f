/**
 * One connection, set up for exact reading: read-only, UTC, utf8mb4, text protocol. Runs one statement at a time and never
 * hangs: a deadline or an abort destroys the connection, and what was running rejects.
 */
import type { Query } from 'mysql2';
import type { ShardConfig, SourceLimits } from '../config/model.js';
import { interrupted } from '../core/errors.js';
import type { Cell } from '../core/model.js';
import { exactCell } from './cells.js';
import { connect, type Wire } from './connect.js';
import { deadlinePassed } from './errors.js';
import { tapRows } from './row-packet.js';
import { serverFamily, type ServerFamily } from './server-family.js';
import { textLiteral } from './sql.js';

const THREADS = 'information_schema.PROCESSLIST';

/** How exactly silence is measured: looks within the longest one that is borne. */
const LOOKS = 8;

/** The server keeps a connection that we do not read from for so long, in seconds: the consumer may be throttled. */
const NET_WRITE_TIMEOUT_SECONDS = 900;

/**
 * What a server may preset for every session (SET GLOBAL, `init_connect`) and no scan would notice: a limit of rows cuts off each SELECT
 * that has none of its own, as those with a `where`; without autocommit, an idle connection holds the tables it read against ALTER.
 * Looked through for siblings: time zone, modes, character sets and isolation are set as well; `max_join_size` and limits of time fail a
 * statement, and say so.
 */
const NO_PRESETS = 'SET SESSION autocommit = 1, SESSION sql_select_limit = 18446744073709551615';

/** The server itself ends a wait for a table's lock before we would: a statement that we gave up would go on waiting there. */
function setUp(answerSeconds: number): readonly string[] {
  return [
    'SET NAMES utf8mb4',
    NO_PRESETS,
    // No mode that changes how values are read or statements parsed; invalid and zero dates must stay comparable.
    `SET SESSION time_zone = '+00:00', SESSION sql_mode = 'ALLOW_INVALID_DATES', ` +
      `SESSION net_write_timeout = ${NET_WRITE_TIMEOUT_SECONDS}, SESSION lock_wait_timeout = ${Math.floor(answerSeconds / 2)}`,
    'SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED',
  ];
}

/** A thread of the server, so that no other can be taken for it: ids begin at 1 again when the server starts. */
export interface ServerThread {
  readonly id: number;
  /** Address and port of this side as the server sees them; quoted for SQL. */
  readonly host: string;
}

/** A statement under way. */
export interface Statement {
  /** Resolves after the last row. @throws the driver's error, E_INTERRUPTED */
  readonly done: Promise<void>;
  /** Stops the flow of rows, at once and without limit of time; the deadline stands still. */
  pause(): void;
  resume(): void;
}

export class Session {
  readonly #wire: Wire;
  #family: ServerFamily | null = null;
  #failure: Error | null = null;
  #rejectRunning: ((error: Error) => void) | null = null;
  #server = '';
  #host: string | null = null;
  #abandoned = false;
  #rowsRead = 0;

  private constructor(
    wire: Wire,
    private readonly answerSeconds: number,
  ) {
    this.#wire = wire;
    wire.connection.on('error', (error: Error) => {
      this.#fail(error);
    });
  }

  /** @throws FerryError (see `connect`), or the driver's own error */
  static async open(
    shard: ShardConfig,
    { answerSeconds }: Pick<SourceLimits, 'answerSeconds'>,
    signal: AbortSignal,
  ): Promise<Session> {
    const session = new Session(await connect(shard, answerSeconds, signal), answerSeconds);
    try {
      const [row] = await session.rows('SELECT VERSION()', signal);
      const family = serverFamily(String(row?.[0]));
      for (const sql of [...setUp(answerSeconds), ...family.sessionSetUp]) await session.rows(sql, signal);
      const [identity] = await session.rows(`SELECT ${family.serverIdentity}`, signal);
      session.#server = String(identity?.[0]);
      // Each user sees his own threads, without a privilege.
      const [thread] = await session.rows(`SELECT HOST FROM ${THREADS} WHERE ID = CONNECTION_ID()`, signal);
      session.#host = thread?.[0]?.toString() ?? null;
      session.#family = family;
      return session;
    } catch (error) {
      session.destroy();
      throw error;
    }
  }

  /** Which server this is, whatever name leads to it. */
  get server(): string {
    return this.#server;
  }

  /** The server's thread that may still work on a statement that was given up here as hung; null: none, or not to be told from others. */
  get abandonedThread(): ServerThread | null {
    const id = this.#wire.connection.threadId;
    return this.#abandoned && this.#host !== null ? { id, host: textLiteral(this.#host) } : null;
  }

  /**
   * Ends a thread that an earlier session of the same user left behind, which needs no privilege. Where the server was started again since,
   * the id may be a stranger's: so user, address and port are compared first. This connection sees one life of the server, in which no id
   * comes twice: between the look and the KILL, the thread can only end.
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
    return this.#failure === null;
  }

  /** All rows of a small result. @throws the driver's error, E_INTERRUPTED */
  async rows(sql: string, signal: AbortSignal): Promise<Cell[][]> {
    const rows: Cell[][] = [];
    await this.start(sql, (row) => rows.push(row), signal).done;
    return rows;
  }

  /** The rows of a SHOW statement by column name: their order differs between servers. */
  async records(sql: string, signal: AbortSignal): Promise<ReadonlyMap<string, string | null>[]> {
    const records: ReadonlyMap<string, string | null>[] = [];
    let names: readonly string[] = [];
    const onNames = (fields: readonly string[]): void => {
      names = fields;
    };
    const onRow = (row: Cell[]): void => {
      records.push(new Map(row.map((cell, i) => [names[i] ?? '', cell?.toString() ?? null])));
    };
    await this.start(sql, onRow, signal, onNames).done;
    return records;
  }

  /** Starts a statement; `onRow` is called for each row as it arrives, and may pause the statement. */
  start(
    sql: string,
    onRow: (row: Cell[]) => void,
    signal: AbortSignal,
    onNames: ((names: readonly string[]) => void) | null = null,
  ): Statement {
    return this.#run(sql, signal, (command) => {
      // A statement without a result set reports its outcome as a 'result' too.
      command.on('result', (row: Cell[] | object) => {
        if (!Array.isArray(row)) return;
        if (this.#family !== null) this.#rowsRead += 1;
        onRow(row as Cell[]);
      });
      if (onNames === null) return;
      command.on('fields', (fields: readonly { readonly name: string }[] | undefined) =>
        onNames(fields?.map(({ name }) => name) ?? []),
      );
    });
  }

  /** Starts a SELECT whose rows are handed on as bytes (see row-packet.ts); `onRow` may pause it. */
  stream(sql: string, onRow: (packet: Buffer, from: number, to: number) => void, signal: AbortSignal): Statement {
    return this.#run(sql, signal, (command) =>
      tapRows(command, (packet, from, to) => {
        this.#rowsRead += 1;
        onRow(packet, from, to);
      }),
    );
  }

  #run(sql: string, signal: AbortSignal, listen: (command: Query) => void): Statement {
    const { connection, socket } = this.#wire;
    let paused = false;
    const done = new Promise<void>((resolve, reject) => {
      if (this.#failure !== null || signal.aborted) {
        reject(this.#failure ?? interrupted());
        return;
      }
      let seen = socket.bytesRead;
      let silentLooks = 0;
      const look = (): void => {
        silentLooks = paused || socket.bytesRead !== seen ? 0 : silentLooks + 1;
        seen = socket.bytesRead;
        if (silentLooks < LOOKS) return;
        this.#abandoned = true;
        this.destroy(deadlinePassed());
      };
      const watch = setInterval(look, (this.answerSeconds * 1_000) / LOOKS);
      const onAbort = (): void => this.destroy(interrupted());
      const settle = (error: Error | null): void => {
        clearInterval(watch);
        signal.removeEventListener('abort', onAbort);
        this.#rejectRunning = null;
        if (error === null) resolve();
        else reject(error);
      };
      this.#rejectRunning = settle;
      signal.addEventListener('abort', onAbort, { once: true });

      const command: Query = connection.query({ sql, rowsAsArray: true, typeCast: exactCell });
      listen(command);
      command.on('error', settle);
      command.on('end', () => settle(null));
    });
    return {
      done,
      pause: () => {
        paused = true;
        connection.pause();
      },
      resume: () => {
        paused = false;
        connection.resume();
      },
    };
  }

  /** Drops the connection at once; a running statement rejects with `reason`. */
  destroy(reason: Error = interrupted()): void {
    this.#fail(reason);
  }

  #fail(error: Error): void {
    if (this.#failure !== null) return;
    this.#failure = error;
    this.#wire.connection.destroy();
    this.#wire.socket.destroy();
    this.#rejectRunning?.(error);
  }
}
