/**
 * The statements of one connection, one at a time, each bounded: a silence that lasts too long, an answer that grows
 * too large or an abort destroys the connection, and what was running rejects. What they mean, and whether an answer
 * may be believed, is the session's to say (session.ts).
 */
import type { Query } from 'mysql2';
import { interrupted } from '../../core/errors.js';
import type { Cell } from '../../core/model.js';
import { AnswerTooLarge } from './answer-limit.js';
import { exactCell } from './cells.js';
import type { Wire } from './connect.js';
import { deadlinePassed, isLost } from '../errors/source-errors.js';
import { tapRows } from './row-packet.js';

/** How exactly silence is measured: looks within the longest one that is borne. */
const LOOKS = 8;

/** Looks at how much of an answer has come, in ms: a fast network brings some megabytes meanwhile. */
const MEASURED_EVERY_MS = 5;

export interface Answer {
  /** Each is the caller's. */
  readonly rows: Cell[][];
  readonly names: readonly string[];
  /** As the protocol counts them. */
  readonly warnings: number;
}

export class Statements {
  readonly #wire: Wire;
  #failure: Error | null = null;
  #rejectRunning: ((error: Error) => void) | null = null;
  #abandoned = false;

  /** @param statementIdleTimeoutSeconds the longest silence that is borne */
  constructor(
    wire: Wire,
    private readonly shard: string,
    private readonly statementIdleTimeoutSeconds: number,
  ) {
    this.#wire = wire;
    wire.connection.on('error', (error: Error) => this.destroy(error));
  }

  /** False once the connection broke or was destroyed. */
  get alive(): boolean {
    return this.#failure === null;
  }

  /** The server's id of the connection. */
  get threadId(): number {
    return this.#wire.connection.threadId;
  }

  /** A statement was given up here as hung: the server may still work on it. */
  get abandoned(): boolean {
    return this.#abandoned;
  }

  /** @param mostBytes of the answer @throws as `run` */
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
   * @param mostBytes of the answer
   * @param listen is given the command, to take what it answers
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
      // What a proxy keeps open for us after such an error is no longer the session that was set up.
      command.on('error', (error: Error) => {
        if (isLost(error)) this.destroy(error);
        else settle(error);
      });
      // What came between two looks counts as well: whoever asked holds no more than was agreed, however busy the
      // process is.
      command.on('end', () => {
        if (tooLarge()) giveUp();
        else settle(null);
      });
    });
  }

  /** Drops the connection at once; a running statement rejects with `reason`. */
  destroy(reason: Error): void {
    if (this.#failure !== null) return;
    this.#failure = reason;
    this.#wire.connection.destroy();
    this.#wire.socket.destroy();
    this.#rejectRunning?.(reason);
  }
}
