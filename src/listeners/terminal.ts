/** What the listeners want of a stream, and text that is made to fit its width. */

/** `process.stderr`, or anything like it. */
export type OutputStream = NodeJS.WritableStream & {
  readonly isTTY?: boolean;
  readonly columns?: number;
  readonly rows?: number;
  /** Bytes that its reader has not taken yet. */
  readonly writableLength?: number;
};

export function waitingBytes(stream: OutputStream): number {
  return stream.writableLength ?? 0;
}

/** Columns of a terminal; 80 where it does not say. */
export function columnsOf(stream: OutputStream): number {
  return stream.columns !== undefined && stream.columns > 0 ? stream.columns : 80;
}

/** Text as lines of at most `columns`, broken at spaces, all but the first indented by `indent`. */
export function wrap(text: string, columns: number, indent: number): readonly string[] {
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(' ').flatMap((word) => pieces(word, Math.max(1, columns - indent)))) {
    const longer = line === '' ? word : `${line} ${word}`;
    if (longer.length <= columns) line = longer;
    else {
      lines.push(line);
      line = `${' '.repeat(indent)}${word}`;
    }
  }
  return [...lines, line];
}

/** A word that fits no line, cut into ones that do. */
function pieces(word: string, length: number): readonly string[] {
  if (word.length <= length) return [word];
  return Array.from({ length: Math.ceil(word.length / length) }, (_, i) => word.slice(i * length, (i + 1) * length));
}

/** At most `length` characters, the last a `~` where something was cut off. */
export function truncate(text: string, length: number): string {
  return text.length <= length ? text : `${text.slice(0, Math.max(0, length - 1))}~`.slice(0, length);
}
