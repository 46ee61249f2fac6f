/**
 * One fault of a config file before it has a line: where, what is wrong, what to do. Also how a path in the file is
 * written for people (`source.shards[1].port`) and compared.
 */

/** Keys and list positions from the top of the file down to a value. */
export type Path = readonly (string | number)[];

export interface ConfigFault {
  readonly path: Path;
  readonly code: 'E_CONFIG_INVALID' | 'E_CONFIG_ENV';
  /** Continues a sentence that begins with the path: `is missing`. Never holds a value taken from the environment. */
  readonly fact: string;
  /** The next step, as a sentence without a full stop. */
  readonly hint: string;
}

export function invalid(path: Path, fact: string, hint: string): ConfigFault {
  return { path, code: 'E_CONFIG_INVALID', fact, hint };
}

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

/** A string that is equal for equal paths only: for sets of paths. */
export function pathKey(path: Path): string {
  return JSON.stringify(path);
}
