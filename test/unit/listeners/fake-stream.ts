/** A stream that keeps what was written, and events to feed to listeners. */
import { Writable } from 'node:stream';
import type { ProgressSnapshot } from '../../../src/core/events.js';
import { NO_COUNTS } from '../../../src/core/model.js';

export class FakeStream extends Writable {
  readonly isTTY: boolean;
  columns: number;
  readonly rows: number;
  text = '';

  constructor({ isTTY = false, columns = 80, rows = 24 } = {}) {
    super({ decodeStrings: false });
    this.isTTY = isTTY;
    this.columns = columns;
    this.rows = rows;
  }

  override _write(chunk: string, _encoding: BufferEncoding, done: () => void): void {
    this.text += chunk;
    done();
  }

  get lines(): readonly string[] {
    return this.text.split('\n').slice(0, -1);
  }
}

/** Its reader stands still until it is let go. */
export class StandingStream extends FakeStream {
  #waiting: (() => void) | null = null;
  #goes = false;

  override _write(chunk: string, encoding: BufferEncoding, done: () => void): void {
    if (this.#goes) super._write(chunk, encoding, done);
    else this.#waiting = () => super._write(chunk, encoding, done);
  }

  go(): void {
    this.#goes = true;
    this.#waiting?.();
  }
}

/** A backfill that is 1,234,567 rows into about 9 million. */
export function snapshot(more: Partial<ProgressSnapshot> = {}): ProgressSnapshot {
  return {
    table: 'messages',
    phase: 'backfilling',
    counts: { ...NO_COUNTS, rows: 1_234_567, items: 2_469_134 },
    estimatedRows: 9_000_000,
    rowsPerSecond: 6172,
    itemsPerSecond: 12_345,
    unitsPerSecond: 980,
    unitsLimit: 25_000,
    throttles: 0,
    retries: 0,
    etaSeconds: 7380,
    ...more,
  };
}
