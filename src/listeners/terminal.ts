/** Describes the stream that listeners need, and fits text to its width. */

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

/** Returns the columns of a terminal; 80 if it does not report them. */
export function columnsOf(stream: OutputStream): number {
  return stream.columns !== undefined && stream.columns > 0 ? stream.columns : 80;
}

/** Breaks a text at spaces into lines of at most `columns`, all but the first indented by `indent`. */
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

/** Cuts a word that fits no line into pieces that do. */
function pieces(word: string, length: number): readonly string[] {
  if (word.length <= length) return [word];
  return Array.from({ length: Math.ceil(word.length / length) }, (_, i) => word.slice(i * length, (i + 1) * length));
}

/** Returns at most `length` characters, the last a `~` if something was cut off. */
export function truncate(text: string, length: number): string {
  return text.length <= length ? text : `${text.slice(0, Math.max(0, length - 1))}~`.slice(0, length);
}
