/**
 * The rows of one range in key order, chunk by chunk, each row once: one SELECT after the other, the next under way
 * while the consumer works on the last chunk. A lost connection is opened again and the scan goes on behind the last
 * chunk given.
 *
 * No row is given before its SELECT has ended, and ended well: a warning, or a session that is not ours, may show with
 * the last row only. The end of a range is confirmed by a statement that always answers a row.
 *
 * A SELECT begins only while the hand-off slot is empty. So in memory are at most: the consumer's chunk, the one in the
 * slot, and the rows of one SELECT, which is given up while its answer arrives where that exceeds `MOST_CHUNKS` times
 * `chunkBytes`. A large row is read by itself, and only once the last such one was released, over all scans of the
 * table.
 */
import { setMaxListeners } from 'node:events';
import type { SourceLimits } from '../../config/model.js';
import { thisInstant, type Instant } from '../../core/time/age.js';
import { interrupted } from '../../core/errors.js';
import type { Cursor, Range } from '../../core/model.js';
import { RowBlockBuilder, type RowBlock, type RowChunk, type RowMemoryPool } from '../../core/row-block.js';
import { answerBytes, AnswerTooLarge, mostOfOneRow } from '../connection/answer-limit.js';
import { ChunkSize, LARGE_ROW_BYTES, MOST_CHUNKS } from './chunk-size.js';
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
  // One listener a scan, however many scans share the signal: no leak that Node should warn of.
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

/** Rows of a SELECT that exceed the limit of memory; those that were read are read again, fewer at once. */
class TooLarge extends Error {
  constructor(readonly rows: number) {
    super('the rows of a SELECT exceed the limit of memory');
  }
}

/** Answers without rows in a row where rows are counted, of which the last is no chance: rows come and go. */
const MOST_CONTRADICTIONS = 5;

/** How far a SELECT is. */
interface Progress {
  /** Rows that it looks at, at most. */
  readonly limit: number;
  readonly pieces: RowChunk[];
  rows: number;
  bytes: number;
  /** Since when it has been running; performance.now(). */
  readonly since: number;
}

/** What one step came to. */
interface Step {
  readonly pieces: readonly RowChunk[];
  /** Where the next one starts, all pieces given. */
  readonly position: Cursor | null;
  /** No row lies behind it in the range; confirmed. */
  readonly ended: boolean;
}

/** Leave to read one large row. */
interface Turn {
  /** The row is as large as was feared: the next one waits until the consumer is done with it. */
  keepUntilReleased(rows: RowBlock): void;
  end(): void;
}

const NO_TURN: Turn = { keepUntilReleased: () => undefined, end: () => undefined };

class ChunkScan {
  readonly #size: ChunkSize;
  /** The rows of the SELECT under way that no piece has yet. */
  readonly #block: RowBlockBuilder;
  /** Everything up to here was given to the consumer, or need not be. */
  #position: Cursor | null = null;
  /** The condition left out all rows of the last part: the next one is first asked whether it has any. */
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

  /** Never rejects: what fails is handed to the consumer. */
  async run(range: Range, after: Cursor | null): Promise<void> {
    this.#position = after ?? range.after;
    try {
      while (!(await this.#step(range.upTo)));
      await this.handoff.vacant(this.signal);
      this.handoff.end();
    } catch (error) {
      // Rejects only where the consumer is gone.
      await this.handoff.fail(error, this.signal).catch(() => undefined);
    }
  }

  /** One SELECT, with patience, and its rows given. @returns whether the range is at its end */
  async #step(upTo: Cursor | null): Promise<boolean> {
    const { pool, throttle, guard, retry } = this.deps;
    await retry.aside(this.handoff.vacant(this.signal));
    await retry.aside(throttle.pass(this.signal));
    // Before a connection is taken: whoever has the turn may need one to be done with his row.
    const turn = this.#size.large ? await retry.aside(this.#largeTurn()) : NO_TURN;
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

  async #largeTurn(): Promise<Turn> {
    const { largeRow } = this.deps.memory;
    await largeRow.take(this.signal);
    let kept = false;
    return {
      keepUntilReleased: (rows) => {
        kept = true;
        rows.onRelease = () => largeRow.give();
      },
      end: () => {
        if (!kept) largeRow.give();
      },
    };
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
      // With a condition, a LIMIT does not bound how many rows the server looks at; a key `limit` places ahead does.
      const [last] = await session.rows(select.keyAt(interval, limit - 1), this.signal);
      const bounded: KeyInterval = last === undefined ? interval : { ...interval, upTo: select.cursorOfKey(last) };
      await this.#readChosen(session, bounded, seen);
      this.#observe(seen, limit);
      if (last !== undefined) return { pieces: seen.pieces, position: bounded.upTo, ended: false };
      const position = seen.pieces.at(-1)?.last ?? this.#position;
      // Where nothing was chosen, that was confirmed already.
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
   * Rows that meet the condition. That there are none is confirmed: by the statement that comes first where none are
   * expected.
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
   * Whether rows lie behind the last one that a SELECT gave, which gave fewer than it could: such may have come just
   * now.
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
   * What is too much at once, in time or size, is asked for in smaller parts. A connection that breaks may be the sign
   * of it as well, but not one that was found broken: the server drops idle ones.
   */
  #shrink(error: unknown, { since, rows }: Progress): void {
    const ms = performance.now() - since;
    if (error instanceof TooLarge) this.#size.overflowed(error.rows);
    else if (askedTooMuch(error) || (isLost(error) && (rows > 0 || ms > this.deps.limits.chunkMs)))
      this.#size.failed(ms);
  }

  /**
   * Runs a SELECT and keeps its rows, in pieces of about the limit of bytes.
   * @param seen what it came to, as it goes on
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
      // One row is had whatever its size.
      if (seen.bytes > MOST_CHUNKS * chunkBytes && seen.rows > 1) session.destroy(new TooLarge(seen.rows));
    };
    await session.stream(select, onRow, this.signal, this.#mostBytes(seen.limit));
    if (this.#block.rows > 0) cut();
  }

  /** Of the answer to a SELECT of so many rows. */
  #mostBytes(rows: number): number {
    if (rows === 1) return mostOfOneRow();
    const cells = MOST_CHUNKS * this.deps.limits.chunkBytes;
    return Math.min(mostOfOneRow(), answerBytes(cells, rows, this.deps.select.transports.length));
  }

  #piece(rows: RowBlock, bytes: number, elapsedMs: number, readAt: Instant): RowChunk {
    return { rows, last: this.deps.select.cursorIn(rows, rows.length - 1), bytes, readAt, elapsedMs };
  }
}
