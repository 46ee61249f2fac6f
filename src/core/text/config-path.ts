/** A path in the config file, as text. Every message writes a path and its line in this way. */

/** Keys and list positions from the top of the file down to a value. */
export type Path = readonly (string | number)[];

/**
 * Returns a path as text: `source.shards[1].port` for `['source', 'shards', 1, 'port']`. It quotes keys that are not
 * plain words.
 */
export function pathText(path: Path): string {
  let text = '';
  for (const step of path) {
    if (typeof step === 'number') text += `[${step}]`;
    else if (/^[\w-]+$/.test(step)) text += text === '' ? step : `.${step}`;
    else text += `[${JSON.stringify(step)}]`;
  }
  return text === '' ? 'the file' : text;
}

/** Returns a path with its line: `source.shards[1].port (line 7)`. The caller appends the fact. */
export function placeText(path: Path, line: number): string {
  return `${pathText(path)} (line ${line})`;
}
