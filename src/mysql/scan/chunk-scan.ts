/**
 * A chunk scan reads the rows of one range in key order, chunk by chunk, each row once. It runs one SELECT after the
 * other, and the next one while the consumer works on the last chunk. If it loses a connection, it reconnects and
 * continues behind the last chunk that it gave.
 *
 * It gives no row before the row's SELECT has ended without a fault. A warning, or another session, may show only with
 * the last row. A statement that always answers with a row confirms the end of a range.
 *
 * A SELECT starts only while the hand-off slot is empty. So memory holds at most three things: the consumer's chunk,
 * the chunk in the slot, and the rows of one SELECT. The scan gives up a SELECT whose answer exceeds `MOST_CHUNKS`
 * times `chunkBytes` while it arrives. It reads a large row alone, after the consumer released the last large row,
 * counted over all scans of the table.
 */
import { setMaxListeners } from 'node:events';
import type { SourceLimits } from '../../config/model.js';
import { thisInstant, type Instant } from '../../core/time/age.js';
import { interrupted } from '../../core/errors.js';
import type { Cursor, Range } from '../../core/model.js';
import { RowBlockBuilder, type RowBlock, type RowChunk, type RowMemoryPool } from '../../core/row-block.js';
import { answerBytes, AnswerTooLarge, mostOfOneRow } from '../connection/answer-limit.js';
import { ChunkSize, LARGE_ROW_BYTES, MOST_CHUNKS, TooLarge } from './chunk-size.js';
import { largeRowTurn, NO_TURN } from './large-row-turn.js';
import { askedTooMuch, isLost } from '../errors/source-errors.js';
import { Handoff } from '../../core/async/handoff.js';
import type { Retry } from '../source-retry.js';
import { appendRow } from '../connection/row-packet.js';
import type { KeyInterval, RowSelect } from '../keyset/row-select.js';
import { contradiction } from '../connection/session-marker.js';
import type { SessionPool } from '../connection/session-pool.js';
import type { Session } from '../connection/session.js';
import type { Select } from '../connection/sql.js';
import type { SchemaGuard } from './schema-guard.js';
import type { SourceThrottler } from '../source-throttler.js';

export interface ScanDeps {
  readonly shard: string;
  readonly select: RowSelect;
  readonly guard: SchemaGuard;
  readonly pool: SessionPool;
  readonly throttle: SourceThrottler;
  readonly limits: SourceLimits;
  readonly retry: Retry;
  readonly memory: RowMemoryPool;
}

/**
 * Reads the rows of a range as chunks, from behind `after` (null: from the start of the range).
 * @throws FerryError E_INTERRUPTED, E_SOURCE_*, E_ROW_TOO_LARGE, E_TABLE_MISSING, E_TABLE_NO_KEY
 */
export async function* scanChunks(
  deps: ScanDeps,
  range: Range,
  after: Cursor | null,
  signal: AbortSignal,
): AsyncGenerator<RowChunk, void, void> {
  if (signal.aborted) throw interrupted();
  const handoff = new Handoff<RowChunk>();
  // Ends the producer when the consumer stops, for whatever reason.
  const stop = new AbortController();
  const onAbort = (): void => stop.abort();
  // Each scan adds one listener, and many scans may share the signal: Node must not warn of a leak.
  setMaxListeners(0, signal);
  signal.addEventListener('abort', onAbort, { once: true });
  const leave = deps.throttle.enter();
  const producing = new ChunkScan(deps, handoff, stop.signal).run(range, after);
  try {
    for (;;) {
      const chunk = await handoff.take(stop.signal);
      if (chunk === null) return;
      yield chunk;
    }
  } finally {
    signal.removeEventListener('abort', onAbort);
    stop.abort();
    await producing;
    leave();
  }
}

/** Most answers in a row without rows where a count finds rows. Rows come and go, so fewer of them may be chance. */
const MOST_CONTRADICTIONS = 5;

/** How far a SELECT is. */
interface Progress {
  /** Rows that it looks at, at most. */
  readonly limit: number;
  readonly pieces: RowChunk[];
  rows: number;
  bytes: number;
  /** Start of the SELECT; performance.now(). */
  readonly since: number;
}

/** The result of one step. */
interface Step {
  readonly pieces: readonly RowChunk[];
  /** Where the next step starts after the consumer got all pieces. */
  readonly position: Cursor | null;
  /** True if a statement confirmed that no row lies behind it in the range. */
  readonly ended: boolean;
}

class ChunkScan {
  readonly #size: ChunkSize;
  /** The rows of the running SELECT that no piece has yet. */
  readonly #block: RowBlockBuilder;
  /** The consumer got everything up to here, or does not need it. */
  #position: Cursor | null = null;
  /**
   * True after the condition excluded all rows of the last part: for the next part, the scan first asks whether it has
   * any.
   */
  #expectsNone = false;
  #contradictions = 0;

  constructor(
    private readonly deps: ScanDeps,
    private readonly handoff: Handoff<RowChunk>,
    private readonly signal: AbortSignal,
  ) {
    this.#size = new ChunkSize(deps.limits);
    this.#block = new RowBlockBuilder(deps.select.transports, deps.memory);
  }

  /** Runs the scan. It never rejects: the consumer gets the error. */
  async run(range: Range, after: Cursor | null): Promise<void> {
    this.#position = after ?? range.after;
    try {
      while (!(await this.#step(range.upTo)));
      await this.handoff.vacant(this.signal);
      this.handoff.end();
    } catch (error) {
      // Rejects only if the consumer is gone.
      await this.handoff.fail(error, this.signal).catch(() => undefined);
    }
  }

  /** Runs one SELECT, with retries, and gives its rows to the consumer. @returns whether the range is at its end */
  async #step(upTo: Cursor | null): Promise<boolean> {
    const { pool, throttle, guard, retry } = this.deps;
    await retry.aside(this.handoff.vacant(this.signal));
    await retry.aside(throttle.pass(this.signal));
    // Takes the turn before a connection: the scan that has the turn may need a connection to finish its row.
    const turn = this.#size.large ? await retry.aside(largeRowTurn(this.deps.memory, this.signal)) : NO_TURN;
    try {
      const lease = await pool.lease(this.signal, retry.aside);
      let step: Step;
      try {
        await guard.checkInTime(lease.session, this.signal);
        step = await this.#select(lease.session, upTo);
      } finally {
        lease.release();
      }
      for (const piece of step.pieces) {
        await retry.aside(this.handoff.vacant(this.signal));
        this.#position = piece.last;
        if (piece.bytes > LARGE_ROW_BYTES) turn.keepUntilReleased(piece.rows);
        this.handoff.put(piece);
      }
      this.#position = step.position;
      retry.progressed();
      return step.ended;
    } catch (error) {
      if (error instanceof TooLarge) return false;
      await retry.backOff(error, this.signal);
      return false;
    } finally {
      turn.end();
    }
  }

  async #select(session: Session, upTo: Cursor | null): Promise<Step> {
    const { select } = this.deps;
    const limit = this.#size.rows;
    const interval = { after: this.#position, upTo };
    const seen: Progress = { limit, pieces: [], rows: 0, bytes: 0, since: performance.now() };
    this.#block.clear();
    try {
      if (select.where === null) {
        await this.#read(session, select.rows(interval, limit), seen);
        this.#observe(seen, seen.rows);
        const position = seen.pieces.at(-1)?.last ?? this.#position;
        const ended = seen.rows < limit && !(await this.#anyMore(session, { ...interval, after: position }, seen));
        return { pieces: seen.pieces, position, ended };
      }
      // With a condition, LIMIT does not bound how many rows the server reads; a key `limit` positions ahead does.
      const [last] = await session.rows(select.keyAt(interval, limit - 1), this.signal);
      const bounded: KeyInterval = last === undefined ? interval : { ...interval, upTo: select.cursorOfKey(last) };
      await this.#readChosen(session, bounded, seen);
      this.#observe(seen, limit);
      if (last !== undefined) return { pieces: seen.pieces, position: bounded.upTo, ended: false };
      const position = seen.pieces.at(-1)?.last ?? this.#position;
      // If no row met the condition, a statement already confirmed that.
      const ended = seen.rows === 0 || !(await this.#anyMore(session, { ...interval, after: position }, seen));
      return { pieces: seen.pieces, position, ended };
    } catch (error) {
      for (const { rows } of seen.pieces) rows.release();
      if (error instanceof AnswerTooLarge && limit > 1) {
        this.#size.overflowed(seen.rows);
        throw new TooLarge(seen.rows);
      }
      this.#shrink(error, seen);
      throw error;
    }
  }

  /**
   * Reads the rows that meet the condition. A statement confirms an empty result; if none are expected, that statement
   * runs first.
   */
  async #readChosen(session: Session, interval: KeyInterval, seen: Progress): Promise<void> {
    const { select } = this.deps;
    const none = async (): Promise<boolean> => !(await session.any(select.anyRow(interval), this.signal));
    for (let tries = 0; ; tries += 1) {
      if (this.#expectsNone && (await none())) return;
      await this.#read(session, select.rows(interval, null), seen);
      if (seen.rows > 0) break;
      this.#expectsNone = true;
      if (tries >= MOST_CONTRADICTIONS) throw contradiction(this.deps.shard);
    }
    this.#expectsNone = false;
  }

  /**
   * Returns whether rows lie behind the last one of a SELECT that gave fewer rows than it could: some may have arrived
   * since.
   */
  async #anyMore(session: Session, behind: KeyInterval, seen: Progress): Promise<boolean> {
    const more = await session.any(this.deps.select.anyRow(behind), this.signal);
    this.#contradictions = more && seen.rows === 0 ? this.#contradictions + 1 : 0;
    if (this.#contradictions > MOST_CONTRADICTIONS) throw contradiction(this.deps.shard);
    return more;
  }

  #observe({ rows, bytes, since }: Progress, looked: number): void {
    this.#size.observe({ rows, bytes, looked, elapsedMs: performance.now() - since });
  }

  /**
   * Asks for smaller parts after a SELECT that was too much at once, in time or size. A connection that breaks may be a
   * sign of that too. One that was already broken is not: the server drops idle connections.
   */
  #shrink(error: unknown, { since, rows }: Progress): void {
    const ms = performance.now() - since;
    if (error instanceof TooLarge) this.#size.overflowed(error.rows);
    else if (askedTooMuch(error) || (isLost(error) && (rows > 0 || ms > this.deps.limits.chunkMs)))
      this.#size.failed(ms);
  }

  /**
   * Runs a SELECT and keeps its rows, in pieces of about `chunkBytes`.
   * @param seen counts the rows and bytes while they arrive
   */
  async #read(session: Session, select: Select, seen: Progress): Promise<void> {
    const { chunkBytes } = this.deps.limits;
    let bytes = 0;
    let begun = performance.now();
    const readAt = thisInstant();
    const cut = (): void => {
      const now = performance.now();
      seen.pieces.push(this.#piece(this.#block.finish(), bytes, now - begun, readAt));
      begun = now;
      bytes = 0;
    };
    const onRow = (packet: Buffer, from: number, to: number): void => {
      const length = appendRow(this.#block, packet, from, to);
      bytes += length;
      seen.bytes += length;
      seen.rows += 1;
      if (bytes >= chunkBytes) cut();
      // A single row is kept, whatever its size.
      if (seen.bytes > MOST_CHUNKS * chunkBytes && seen.rows > 1) session.destroy(new TooLarge(seen.rows));
    };
    await session.stream(select, onRow, this.signal, this.#mostBytes(seen.limit));
    if (this.#block.rows > 0) cut();
  }

  /** Returns the most bytes of an answer with so many rows. */
  #mostBytes(rows: number): number {
    if (rows === 1) return mostOfOneRow();
    const cells = MOST_CHUNKS * this.deps.limits.chunkBytes;
    return Math.min(mostOfOneRow(), answerBytes(cells, rows, this.deps.select.transports.length));
  }

  #piece(rows: RowBlock, bytes: number, elapsedMs: number, readAt: Instant): RowChunk {
    return { rows, last: this.deps.select.cursorIn(rows, rows.length - 1), bytes, readAt, elapsedMs };
  }
}
