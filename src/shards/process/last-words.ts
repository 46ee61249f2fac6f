/**
 * What the process of a shard says on stderr: Node and V8 speak there, not dynaferry, and it is no line of any log. Its
 * end is kept for the one sentence by which V8 says why it ended. All of it is passed on under DYNAFERRY_DEBUG.
 */
import type { Readable } from 'node:stream';

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

  /** The end of what it said. */
  get said(): string {
    return this.#tail;
  }

  /**
   * `Reached heap limit Allocation failed - JavaScript heap out of memory`; null where V8 said nothing. It holds no
   * value of a program.
   */
  get fatal(): string | null {
    return /^FATAL ERROR: (.*)$/m.exec(this.#tail)?.[1] ?? null;
  }
}
