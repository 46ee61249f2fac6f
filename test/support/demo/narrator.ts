/**
 * Prints what the demo says between the tool's own lines: plain text of at most 80 columns, bold for steps and commands
 * on a terminal.
 */
import { wrap, columnsOf, type OutputStream } from '../../../src/listeners/terminal.js';

const WIDEST = 80;
/** Shows the cursor and wraps long lines. Progress bars switch that off, and a killed process cannot restore it. */
const AS_BEFORE_BARS = '\u001b[?25h\u001b[?7h';
const FACT_INDENT = 2;

export class Narrator {
  readonly #stream: OutputStream;
  #steps = 0;

  constructor(stream: OutputStream) {
    this.#stream = stream;
  }

  /** The text of what follows, a paragraph. */
  say(text: string): void {
    for (const line of wrap(text, this.#columns, 0)) this.#line(line);
  }

  /** A new step with its number. */
  step(title: string): void {
    this.#steps += 1;
    const text = `== ${this.#steps}. ${title} `;
    this.#line('');
    this.#line(this.#bold(text.padEnd(this.#columns, '=')));
  }

  heading(title: string): void {
    this.#line('');
    this.#line(this.#bold(`== ${title} `.padEnd(this.#columns, '=')));
  }

  /** Prints a command as a user would type it. */
  command(text: string): void {
    this.#line('');
    this.#line(this.#bold(`$ ${text}`));
  }

  /** Prints what the demo saw, after the tool's own words. */
  seen(text: string): void {
    this.#line('');
    for (const line of wrap(`-> ${text}`, this.#columns, 3)) this.#line(line);
  }

  /** Facts, a name and a text each, side by side. */
  facts(facts: readonly (readonly [name: string, text: string])[]): void {
    const width = FACT_INDENT + Math.max(...facts.map(([name]) => name.length)) + 2;
    for (const [name, text] of facts) {
      const [first = '', ...rest] = wrap(text, this.#columns - width, 0);
      this.#line(`${' '.repeat(FACT_INDENT)}${name}`.padEnd(width) + first);
      for (const line of rest) this.#line(' '.repeat(width) + line);
    }
  }

  /** A name on a line of its own, and a text for copying, which is never broken. */
  verbatim(name: string, text: string): void {
    this.#line(`${' '.repeat(FACT_INDENT)}${name}`);
    this.#line(`${' '.repeat(2 * FACT_INDENT)}${text}`);
  }

  /** The tool's own output. */
  relay(output: string | Buffer): void {
    this.#stream.write(output);
  }

  /** Restores the terminal, below the bars, after a command with progress bars was killed. */
  restoreTerminal(): void {
    if (this.#stream.isTTY === true) this.#stream.write(`${AS_BEFORE_BARS}\n`);
  }

  blank(): void {
    this.#line('');
  }

  get #columns(): number {
    return Math.min(WIDEST, columnsOf(this.#stream));
  }

  #bold(text: string): string {
    const styled = this.#stream.isTTY === true && (process.env['NO_COLOR'] ?? '') === '';
    return styled ? `\u001b[1m${text}\u001b[0m` : text;
  }

  #line(text: string): void {
    this.#stream.write(`${text}\n`);
  }
}
