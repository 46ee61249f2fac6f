/**
 * Runs the statements of one connection, one at a time, each with limits. It destroys the connection after too long a
 * silence, on too large an answer or on an abort. The running statement then rejects. The session decides what
 * statements mean and whether to trust an answer (session.ts).
 */
import type { Query } from 'mysql2';
import { interrupted } from '../../core/errors.js';
import type { Cell } from '../../core/model.js';
import { AnswerTooLarge } from './answer-limit.js';
import { exactCell } from './cells.js';
import type { Wire } from './connect.js';
import { deadlinePassed, isLost } from '../errors/source-errors.js';
import { tapRows } from './row-packet.js';

/** Checks for silence within one `statementIdleTimeoutSeconds`. More checks measure the silence more exactly. */
const LOOKS = 8;

/**
 * Time in ms between two checks of how much of an answer has arrived. A fast network brings some megabytes in that
 * time.
 */
const MEASURED_EVERY_MS = 5;

export interface Answer {
  /** The caller may change each row. */
  readonly rows: Cell[][];
  readonly names: readonly string[];
  /** Number of warnings, as the protocol counts them. */
  readonly warnings: number;
}

export class Statements {
  readonly #wire: Wire;
  #failure: Error | null = null;
  #rejectRunning: ((error: Error) => void) | null = null;
  #abandoned = false;

  /** @param statementIdleTimeoutSeconds the longest silence of the server that is allowed */
  constructor(
    wire: Wire,
    private readonly shard: string,
    private readonly statementIdleTimeoutSeconds: number,
  ) {
    this.#wire = wire;
    wire.connection.on('error', (error: Error) => this.destroy(error));
  }

  /** Returns false after the connection broke or was destroyed. */
  get alive(): boolean {
    return this.#failure === null;
  }

  /** The server's id of the connection. */
  get threadId(): number {
    return this.#wire.connection.threadId;
  }

  /** True if this side gave up a statement as hung: the server may still work on it. */
  get abandoned(): boolean {
    return this.#abandoned;
  }

  /** Runs a statement and collects its rows. @param mostBytes limit of the answer in bytes @throws as `run` */
  async collect(sql: string, signal: AbortSignal, mostBytes: number, onRow: () => void): Promise<Answer> {
    const rows: Cell[][] = [];
    const answer = { rows, names: [] as readonly string[], warnings: 0 };
    await this.run(sql, signal, mostBytes, (command) => {
      // A statement without a result set reports its outcome as a 'result' too.
      command.on('result', (row: Cell[] | object) => {
        if (!Array.isArray(row)) return;
        onRow();
        rows.push(row as Cell[]);
      });
      command.on('fields', (fields: readonly { readonly name: string }[] | undefined) => {
        answer.names = fields?.map(({ name }) => name) ?? [];
      });
      tapRows(command, { onRow: null, onEnd: (warnings) => (answer.warnings = warnings) });
    });
    return answer;
  }

  /**
   * Runs a statement until its answer ends.
   * @param mostBytes limit of the answer in bytes
   * @param listen gets the command, to take its answer
   * @throws the driver's own error, AnswerTooLarge, FerryError E_INTERRUPTED
   */
  async run(sql: string, signal: AbortSignal, mostBytes: number, listen: (command: Query) => void): Promise<void> {
    const { connection, socket } = this.#wire;
    await new Promise<void>((resolve, reject) => {
      if (this.#failure !== null || signal.aborted) {
        reject(this.#failure ?? interrupted());
        return;
      }
      let seen = socket.bytesRead;
      let silentLooks = 0;
      const look = (): void => {
        silentLooks = socket.bytesRead !== seen ? 0 : silentLooks + 1;
        seen = socket.bytesRead;
        if (silentLooks < LOOKS) return;
        this.#abandoned = true;
        this.destroy(deadlinePassed());
      };
      const watch = setInterval(look, (this.statementIdleTimeoutSeconds * 1_000) / LOOKS);
      const before = socket.bytesRead;
      const tooLarge = (): boolean => socket.bytesRead - before > mostBytes;
      const giveUp = (): void => this.destroy(new AnswerTooLarge(this.shard, mostBytes));
      const measure = setInterval(() => {
        if (tooLarge()) giveUp();
      }, MEASURED_EVERY_MS);
      const onAbort = (): void => this.destroy(interrupted());
      const settle = (error: Error | null): void => {
        clearInterval(watch);
        clearInterval(measure);
        signal.removeEventListener('abort', onAbort);
        this.#rejectRunning = null;
        if (error === null) resolve();
        else reject(error);
      };
      this.#rejectRunning = settle;
      signal.addEventListener('abort', onAbort, { once: true });

      const command: Query = connection.query({ sql, rowsAsArray: true, typeCast: exactCell });
      listen(command);
      // If a proxy keeps the connection open after such an error, it no longer leads to the session that was set up.
      command.on('error', (error: Error) => {
        if (isLost(error)) this.destroy(error);
        else settle(error);
      });
      // Bytes that arrived between two checks count too. So the caller never holds more than the limit, however busy
      // the process is.
      command.on('end', () => {
        if (tooLarge()) giveUp();
        else settle(null);
      });
    });
  }

  /** Drops the connection at once. A running statement rejects with `reason`. */
  destroy(reason: Error): void {
    if (this.#failure !== null) return;
    this.#failure = reason;
    this.#wire.connection.destroy();
    this.#wire.socket.destroy();
    this.#rejectRunning?.(reason);
  }
}
