/**
 * Keeps the end of what a shard's process writes to stderr. Only Node and V8 write there, and no log prints it. V8
 * states in one sentence why it ended the process. With DYNAFERRY_DEBUG set, this passes on each line as well.
 */
import type { Readable } from 'node:stream';

/** Characters that stay of the end of stderr. */
const KEPT_CHARACTERS = 8_192;

export class LastWords {
  #tail = '';

  /** @param debug takes each line, as DYNAFERRY_DEBUG asks; else null */
  constructor(stderr: Readable | null, debug: ((line: string) => void) | null) {
    stderr?.setEncoding('utf8');
    stderr?.on('data', (text: string) => {
      this.#tail = `${this.#tail}${text}`.slice(-KEPT_CHARACTERS);
      if (debug !== null) for (const line of text.split('\n')) if (line !== '') debug(line);
    });
    stderr?.on('error', () => undefined);
  }

  /** The last characters that it wrote. */
  get said(): string {
    return this.#tail;
  }

  /**
   * Returns V8's sentence, such as `Reached heap limit Allocation failed - JavaScript heap out of memory`; null: V8
   * wrote none. It holds no value of a program.
   */
  get fatal(): string | null {
    return /^FATAL ERROR: (.*)$/m.exec(this.#tail)?.[1] ?? null;
  }
}
