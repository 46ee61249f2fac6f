/**
 * A path in the config file, and how it and its line are written for people: the same in every message that names one.
 */

/** Keys and list positions from the top of the file down to a value. */
export type Path = readonly (string | number)[];

/** `['source', 'shards', 1, 'port']` as `source.shards[1].port`; keys that are no plain words are quoted. */
export function pathText(path: Path): string {
  let text = '';
  for (const step of path) {
    if (typeof step === 'number') text += `[${step}]`;
    else if (/^[\w-]+$/.test(step)) text += text === '' ? step : `.${step}`;
    else text += `[${JSON.stringify(step)}]`;
  }
  return text === '' ? 'the file' : text;
}

/** `source.shards[1].port (line 7)`: a fault's fact goes on from here. */
export function placeText(path: Path, line: number): string {
  return `${pathText(path)} (line ${line})`;
}
