/**
 * Replaces `${NAME}` in the values of a config by environment variables, after the YAML is parsed. So the value of a
 * variable is always text and never becomes YAML. No message contains the value of a variable.
 */
import { type ConfigFault, invalid, pathKey } from '../config-fault.js';
import type { Path } from '../../core/text/config-path.js';

export interface Substituted {
  readonly value: unknown;
  readonly faults: readonly ConfigFault[];
  /** The text in the file of each value that uses a variable, by the key (`pathKey`) of its path. */
  readonly taken: ReadonlyMap<string, string>;
  /** The keys of values that could not be replaced: further faults there would add nothing. */
  readonly failed: ReadonlySet<string>;
}

/** Matches `$${`, a literal `${`; else a name up to the closing brace, which may be missing. */
const REFERENCE = /\$\$\{|\$\{([^}]*)(\}?)/g;
const NAME = /^[A-Za-z_][A-Za-z0-9_]*$/;

/** True for a text that is exactly one reference, as a password must be. */
export function isReference(value: unknown): boolean {
  return typeof value === 'string' && value.startsWith('${') && value.endsWith('}') && NAME.test(value.slice(2, -1));
}

/**
 * Replaces every reference in every text value below `value`. Keys stay as they are. Digits from the environment become
 * a number where `wantsNumber` says that the schema allows nothing else.
 */
export function substitute(value: unknown, env: NodeJS.ProcessEnv, wantsNumber: (path: Path) => boolean): Substituted {
  const faults: ConfigFault[] = [];
  const taken = new Map<string, string>();
  const failed = new Set<string>();

  const fail = (path: Path, fault: ConfigFault): string => {
    faults.push(fault);
    failed.add(pathKey(path));
    return '';
  };

  const replaceIn = (text: string, path: Path): string =>
    text.replace(REFERENCE, (_whole: string, name: string | undefined, close: string | undefined) => {
      if (name === undefined) return '${';
      if (close === '' || !NAME.test(name)) {
        const hint = 'write ${NAME} with letters, digits and _, or $${ for a literal ${';
        return fail(path, invalid(path, 'has a ${ that does not name an environment variable', hint));
      }
      const found = env[name];
      if (found === undefined) {
        const fact = `uses the environment variable ${name}, which is not set`;
        const hint = `export ${name} in the environment that starts dynaferry`;
        return fail(path, { path, code: 'E_CONFIG_ENV', fact, hint });
      }
      taken.set(pathKey(path), text);
      return found;
    });

  const walk = (part: unknown, path: Path): unknown => {
    if (typeof part === 'string') {
      const text = replaceIn(part, path);
      return taken.has(pathKey(path)) && /^\d{1,15}$/.test(text) && wantsNumber(path) ? Number(text) : text;
    }
    if (Array.isArray(part)) return part.map((entry, index) => walk(entry, [...path, index]));
    if (typeof part !== 'object' || part === null) return part;
    return Object.fromEntries(Object.entries(part).map(([key, entry]) => [key, walk(entry, [...path, key])]));
  };

  return { value: walk(value, []), faults, taken, failed };
}
