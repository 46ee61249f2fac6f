/**
 * The rows of one range in key order, chunk by chunk, each row once: one SELECT after the other, the next under way while
 * the consumer works on the last chunk. A lost connection is had again and the scan goes on behind the last chunk given.
 *
 * Reading goes on only while the hand-off slot is empty. So in memory are at most: the consumer's chunk, the one in the
 * slot, and what the socket had read when the SELECT was paused.
 */
import { setMaxListeners } from 'node:events';
import type { SourceLimits } from '../config/model.js';
import { thisMoment, type Moment } from '../core/age.js';
import { interrupted } from '../core/errors.js';
import type { Cursor, Range } from '../core/model.js';
import { RowBlockBuilder, type RowChunk, type RowMemoryPool } from '../core/row-block.js';
import { ChunkSize } from './chunk-size.js';
import { askedTooMuch, isLost } from './errors.js';
import { Handoff } from './handoff.js';
import type { Retry } from './retry.js';
import { appendRow } from './row-packet.js';
import type { KeyInterval, RowSelect } from './row-select.js';
import type { Lease, SessionPool } from './session-pool.js';
import type { Statement } from './session.js';
import type { TableGuard } from './table-guard.js';
import type { Throttle } from './throttle.js';

export interface ScanMeans {
  readonly select: RowSelect;
  readonly guard: TableGuard;
  readonly pool: SessionPool;
  readonly throttle: Throttle;
  readonly limits: SourceLimits;
  readonly retry: Retry;
  readonly memory: RowMemoryPool;
}

export async function* scanChunks(
  means: ScanMeans,
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
  const leave = means.throttle.enter();
  const producing = new ChunkScan(means, handoff, stop.signal).run(range, after);
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

/** How far a SELECT is. */
interface Progress {
  /** In the chunks that were cut from it. */
  rows: number;
  bytes: number;
  /** Since when it has been running; performance.now(), Infinity while it is paused. */
  since: number;
  /** How long it ran before, in ms. */
  elapsedMs: number;
}

class ChunkScan {
  readonly #size: ChunkSize;
  /** The rows of the SELECT under way that no chunk has yet. */
  readonly #block: RowBlockBuilder;
  /** Everything up to here was given to the consumer, or need not be. */
  #position: Cursor | null = null;

  constructor(
    private readonly means: ScanMeans,
    private readonly handoff: Handoff<RowChunk>,
    private readonly signal: AbortSignal,
  ) {
    this.#size = new ChunkSize(means.limits);
    this.#block = new RowBlockBuilder(means.select.transports, means.memory);
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

  /** One SELECT, with patience. @returns whether the range is at its end */
  async #step(upTo: Cursor | null): Promise<boolean> {
    const { pool, throttle, guard, retry } = this.means;
    await retry.aside(this.handoff.vacant(this.signal));
    await retry.aside(throttle.pass(this.signal));
    try {
      const lease = await pool.lease(this.signal, retry.aside);
      try {
        await guard.checkInTime(lease.session, this.signal);
        return await this.#select(lease, upTo);
      } finally {
        lease.release();
      }
    } catch (error) {
      await retry.backOff(error, this.signal);
      return false;
    }
  }

  async #select(lease: Lease, upTo: Cursor | null): Promise<boolean> {
    const { select } = this.means;
    const limit = this.#size.rows;
    const interval = { after: this.#position, upTo };
    const seen: Progress = { rows: 0, bytes: 0, since: performance.now(), elapsedMs: 0 };
    // What a SELECT that broke had read, and no chunk has, is read again.
    this.#block.clear();
    try {
      if (select.where === null) {
        await this.#read(lease, select.rows(interval, limit), seen);
        this.#size.observe({ ...seen, looked: seen.rows });
        return seen.rows < limit;
      }
      // With a condition, a LIMIT does not bound how many rows the server looks at; a key `limit` places ahead does.
      const [last] = await lease.session.rows(select.keyAt(interval, limit - 1), this.signal);
      const bounded: KeyInterval = last === undefined ? interval : { ...interval, upTo: select.cursorOfKey(last) };
      await this.#read(lease, select.rows(bounded, null), seen);
      this.#size.observe({ ...seen, looked: limit });
      this.#position = bounded.upTo;
      this.means.retry.progressed();
      return last === undefined;
    } catch (error) {
      this.#shrink(error, seen);
      throw error;
    }
  }

  /**
   * What is too much at once, in time or size, is asked for in smaller parts. A connection that breaks may be the sign of it as well, but
   * not one that was found broken: the server drops idle ones.
   */
  #shrink(error: unknown, { since, elapsedMs, rows }: Progress): void {
    const ms = elapsedMs + Math.max(0, performance.now() - since);
    const amidst = rows > 0 || this.#block.rows > 0 || ms > this.means.limits.chunkMs;
    if (askedTooMuch(error) || (isLost(error) && amidst)) this.#size.failed(ms);
  }

  /** Runs a SELECT and hands its rows on, cut wherever they exceed the limit of bytes. @param seen what it came to, as it goes on */
  async #read(lease: Lease, sql: string, seen: Progress): Promise<void> {
    const { chunkBytes } = this.means.limits;
    const { aside } = this.means.retry;
    let bytes = 0;
    const readAt = thisMoment();
    let resuming = Promise.resolve();
    /** Ends the wait of a paused SELECT when the SELECT itself has ended: with its connection, say. */
    const over = new AbortController();
    const onStop = (): void => over.abort();
    this.signal.addEventListener('abort', onStop, { once: true });

    const cut = (): void => {
      const chunkMs = performance.now() - seen.since;
      seen.elapsedMs += chunkMs;
      seen.rows += this.#block.rows;
      seen.bytes += bytes;
      seen.since = performance.now();
      this.#give(bytes, chunkMs, readAt);
      bytes = 0;
    };
    const onRow = (packet: Buffer, from: number, to: number): void => {
      bytes += appendRow(this.#block, packet, from, to);
      if (bytes < chunkBytes) return;
      cut();
      seen.since = Infinity;
      statement.pause();
      resuming = resume();
      // Awaited below; until then it must not count as unhandled.
      resuming.catch(() => lease.session.destroy());
    };
    const resume = async (): Promise<void> => {
      lease.suspend();
      await aside(this.handoff.vacant(over.signal));
      await aside(lease.resume(over.signal));
      seen.since = performance.now();
      statement.resume();
    };
    const statement: Statement = lease.session.stream(sql, onRow, this.signal);
    try {
      await statement.done;
      await resuming;
    } finally {
      this.signal.removeEventListener('abort', onStop);
      over.abort();
      // Whoever goes on from here has the slot and the permits to himself: nothing of this SELECT waits for them any more.
      await resuming.catch(() => undefined);
    }
    if (this.#block.rows > 0) cut();
    else seen.elapsedMs += performance.now() - seen.since;
  }

  #give(bytes: number, elapsedMs: number, readAt: Moment): void {
    const rows = this.#block.finish();
    const last = this.means.select.cursorOf(rows.at(-1) ?? []);
    this.#position = last;
    this.means.retry.progressed();
    this.handoff.put({ rows, last, bytes, readAt, elapsedMs });
  }
}
