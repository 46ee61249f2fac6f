/**
 * A fault of a config file before its line is known: where it is, what is wrong, and what to do.
 */
import type { Path } from '../core/text/config-path.js';

export interface ConfigFault {
  readonly path: Path;
  readonly code: 'E_CONFIG_INVALID' | 'E_CONFIG_ENV';
  /** The fact continues a sentence that begins with the path: `is missing`. It has no value of the environment. */
  readonly fact: string;
  /** The hint says the next step, as a sentence without a full stop. */
  readonly hint: string;
}

export function invalid(path: Path, fact: string, hint: string): ConfigFault {
  return { path, code: 'E_CONFIG_INVALID', fact, hint };
}

/** Returns a string that only equal paths share: for sets of paths. */
export function pathKey(path: Path): string {
  return JSON.stringify(path);
}
