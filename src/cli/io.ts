import { shownLines } from '../core/text/shown-text.js';

/**
 * The outside world of a command: streams, environment, signals. A command receives it as a parameter, so that it runs
 * the same under test.
 */
export interface Io {
  readonly stdout: Output;
  readonly stderr: Output;
  /** Returns stdin. Only a question on a terminal reads it; absent: there is nobody to ask. */
  readonly stdin?: () => NodeJS.ReadableStream & { readonly isTTY?: boolean };
  readonly env: NodeJS.ProcessEnv;
  /** null: the folder was deleted. */
  readonly cwd: string | null;
  /**
   * Calls the handler at each later SIGINT, SIGTERM and SIGHUP, except those that `nohup` asks to ignore.
   * @returns a function that ends the listening
   */
  onSignal(handler: (signal: StopSignal) => void): () => void;
}

export type StopSignal = 'SIGINT' | 'SIGTERM' | 'SIGHUP';

/** A stream that may be a terminal, `columns` wide. */
type Output = NodeJS.WritableStream & {
  readonly isTTY?: boolean;
  readonly columns?: number;
  /** Bytes that its reader has not taken yet. */
  readonly writableLength: number;
};

/** @param text may have several lines, and any characters */
export function writeLine(stream: NodeJS.WritableStream, text = ''): void {
  stream.write(`${shownLines(text)}\n`);
}

/**
 * Writes lines, and waits until the reader takes them. So a list of any length has only one part in memory.
 * @returns false if the reader has left (`| head`), or nothing can be written: then nobody reads the rest
 */
export async function writeLines(stream: NodeJS.WritableStream, lines: readonly string[]): Promise<boolean> {
  if (lines.length === 0) return true;
  const text = lines.map((line) => `${shownLines(line)}\n`).join('');
  return await new Promise((resolve) => stream.write(text, (error) => resolve(error == null)));
}

/** Writes the one JSON document that `--json` promises on stdout. */
export function writeJson(io: Io, document: unknown): void {
  writeLine(io.stdout, JSON.stringify(document, null, 2));
}
