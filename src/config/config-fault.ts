/**
 * One fault of a config file before it has a line: where, what is wrong, what to do.
 */
import type { Path } from '../core/text/config-path.js';

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

/** A string that is equal for equal paths only: for sets of paths. */
export function pathKey(path: Path): string {
  return JSON.stringify(path);
}
