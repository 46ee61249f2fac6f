/**
 * Shows progress on a terminal: one line a running shard at the bottom of the screen, and events above them. No line
 * wraps, and there are never more lines than the screen has. The cursor is back at the end, whatever ends the display.
 */
import { MultiBar, type SingleBar } from 'cli-progress';
import type { EventBus } from '../core/event-bus.js';
import type { EventRecord, ProgressSnapshot } from '../core/events.js';
import { shownLines } from '../core/text/shown-text.js';
import { LeftOut } from './left-out.js';
import { EventThrottle } from './event-throttle.js';
import { progressLines, type ShardProgress } from './progress-lines.js';
import { columnsOf, type OutputStream, truncate, waitingBytes, wrap } from './terminal.js';
import { wordsOf } from '../wording/event-messages.js';

const CLEAR_TO_END_OF_LINE = '\u001b[K';

/** Time between two pictures, in ms. */
const DRAWN_EVERY_MS = 250;

/** Lines that stay free for events above the bars. */
const FREE_LINES = 2;

/**
 * @param stream a terminal (`isTTY`), normally stderr
 * @param dryRun the run writes nothing, and the lines say so
 * @returns a function that ends the display; shards that still run leave a line with their progress
 */
export function startProgressBars(bus: EventBus, stream: OutputStream, dryRun = false): () => void {
  const bars = new ProgressBars(stream, dryRun);
  const end = bus.onAny((record) => bars.take(record));
  const close = (): void => {
    end();
    process.removeListener('exit', close);
    bars.close();
  };
  // The second SIGINT exits at once, so this is the last chance to give the cursor back.
  process.once('exit', close);
  return close;
}

class ProgressBars {
  readonly #stream: OutputStream;
  readonly #screen: MultiBar;
  /** The lines on the screen. Line i shows the i-th running shard. */
  readonly #lines: SingleBar[] = [];
  /** Running shards, with their last progress. */
  readonly #running = new Map<string, ProgressSnapshot | null>();
  readonly #throttle: EventThrottle;
  readonly #leftOut: LeftOut;
  readonly #dryRun: boolean;
  /** Draws again if the terminal had not taken the last picture. */
  #later: NodeJS.Timeout | undefined;
  #closing = false;
  /** Characters of lines that wait for the next redraw. */
  #undrawn = 0;
  /** The texts of the lines until the next redraw. */
  #texts: readonly string[] = [];

  constructor(stream: OutputStream, dryRun: boolean) {
    this.#stream = stream;
    this.#dryRun = dryRun;
    this.#throttle = new EventThrottle(dryRun);
    this.#leftOut = new LeftOut(() => waitingBytes(stream) + this.#undrawn);
    this.#screen = new MultiBar({
      stream,
      fps: 1_000 / DRAWN_EVERY_MS,
      hideCursor: true,
      clearOnComplete: true,
      // The command line handles signals.
      gracefulExit: false,
      // A line printed above moves all bars down by one, so each must be drawn again although it did not change.
      forceRedraw: true,
      format: (_options, _params, payload: { readonly line: number }) => this.#texts[payload.line] ?? '',
    });
    this.#drawForReaders();
    this.#screen.on('update-pre', () => {
      this.#texts = this.#render();
      this.#undrawn = 0;
    });
  }

  /** Keeps progress whether anybody sees it or not, since the end shows it. */
  take(record: EventRecord): void {
    if (record.name !== 'shard.progress') for (const next of this.#leftOut.take(record)) this.#show(next);
    else if (this.#running.has(record.payload.shard)) this.#running.set(record.payload.shard, record.payload);
  }

  #show(record: EventRecord): void {
    switch (record.name) {
      case 'shard.progress':
        return;
      case 'shard.started':
        this.#running.set(record.payload.shard, null);
        this.#arrange();
        return;
      case 'shard.finished':
        this.#print(record.payload.shard, wordsOf(record, this.#dryRun));
        this.#running.delete(record.payload.shard);
        this.#arrange();
        return;
      // The line of a shard shows these all the time.
      case 'shard.phase':
      case 'table.planned':
        return;
      case 'listener.failed':
      case 'run.stopping':
      case 'run.warning':
        this.#print('dynaferry', wordsOf(record));
        return;
      default:
        this.#print(record.payload.shard, this.#throttle.wordsOf(record, performance.now()));
    }
  }

  /** Makes a picture wait until the terminal has taken the one before. */
  #drawForReaders(): void {
    const draw = this.#screen.update.bind(this.#screen);
    this.#screen.update = () => {
      clearTimeout(this.#later);
      if (this.#closing || waitingBytes(this.#stream) === 0) draw();
      else this.#later = setTimeout(() => this.#screen.update(), DRAWN_EVERY_MS);
    };
  }

  close(): void {
    clearTimeout(this.#later);
    this.#closing = true;
    for (const next of this.#leftOut.rest()) this.#show(next);
    const stopped = this.#shards().filter(({ progress }) => progress !== null);
    for (const line of progressLines(stopped, columnsOf(this.#stream))) this.#printLine(line);
    this.#running.clear();
    if (!this.#screen.isActive) return;
    // stop() drops what waits to be printed. update() prints it.
    this.#screen.update();
    this.#screen.stop();
  }

  /** Creates a line for each running shard, up to the height of the screen. */
  #arrange(): void {
    const wanted = Math.min(this.#running.size, Math.max(1, (this.#stream.rows ?? 24) - FREE_LINES));
    while (this.#lines.length < wanted) this.#lines.push(this.#screen.create(1, 0, { line: this.#lines.length }));
    while (this.#lines.length > wanted) {
      const last = this.#lines.pop();
      if (last !== undefined) this.#screen.remove(last);
    }
  }

  #render(): readonly string[] {
    const shards = this.#shards();
    const columns = columnsOf(this.#stream);
    if (shards.length <= this.#lines.length) return progressLines(shards, columns);
    const shown = this.#lines.length - 1;
    const rest = `and ${shards.length - shown} more shards, which do not fit on the screen`;
    return [...progressLines(shards.slice(0, shown), columns), truncate(rest, columns - 1)];
  }

  #shards(): readonly ShardProgress[] {
    return [...this.#running].map(([shard, progress]) => ({ shard, progress }));
  }

  #print(who: string, words: string | null): void {
    if (words === null) return;
    for (const line of wrap(`${who} ${shownLines(words)}`, columnsOf(this.#stream) - 1, 4)) this.#printLine(line);
  }

  #printLine(line: string): void {
    if (this.#screen.isActive) {
      const text = `${line}${CLEAR_TO_END_OF_LINE}\n`;
      this.#screen.log(text);
      this.#undrawn += text.length;
    } else this.#stream.write(`${line}\n`);
  }
}
