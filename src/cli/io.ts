import { shownLines } from '../core/text/shown-text.js';

/**
 * The world of a command: streams, environment, signals. Commands get it handed in, so that they run the same under
 * test.
 */
export interface Io {
  readonly stdout: Output;
  readonly stderr: Output;
  readonly env: NodeJS.ProcessEnv;
  /** null: it was deleted. */
  readonly cwd: string | null;
  /**
   * Calls back at each SIGINT, SIGTERM and SIGHUP from now on, except what `nohup` asks to ignore.
   * @returns call it to listen no more
   */
  onSignal(handler: (signal: StopSignal) => void): () => void;
}

export type StopSignal = 'SIGINT' | 'SIGTERM' | 'SIGHUP';

/** A stream that may be a terminal, `columns` wide. */
type Output = NodeJS.WritableStream & {
  readonly isTTY?: boolean;
  readonly columns?: number;
  /** Bytes that wait for whoever reads it. */
  readonly writableLength: number;
};

/** @param text may have several lines, and hold anything */
export function writeLine(stream: NodeJS.WritableStream, text = ''): void {
  stream.write(`${shownLines(text)}\n`);
}

/**
 * Writes lines, and waits until they are taken: a list of any length is in memory by these parts alone.
 * @returns false where the reader has left (`| head`), or nothing can be written: whatever else there is, nobody has it
 */
export async function writeLines(stream: NodeJS.WritableStream, lines: readonly string[]): Promise<boolean> {
  if (lines.length === 0) return true;
  const text = lines.map((line) => `${shownLines(line)}\n`).join('');
  return await new Promise((resolve) => stream.write(text, (error) => resolve(error == null)));
}

/** The one JSON document that `--json` promises on stdout. */
export function writeJson(io: Io, document: unknown): void {
  writeLine(io.stdout, JSON.stringify(document, null, 2));
}
