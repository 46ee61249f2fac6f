/**
 * Loads a config file: YAML -> environment variables -> checks -> `Config`, frozen. It reports every fault of the file
 * at once, with path and line. No other code reads YAML.
 */
import { readFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { type Fault, FerryError } from '../core/errors.js';
import { machineFault } from '../core/machine/machine-faults.js';
import { applyDefaults } from './apply-defaults.js';
import { type ConfigFault, pathKey } from './config-fault.js';
import { type Path, placeText } from '../core/text/config-path.js';
import { crossFaults } from './checks/cross-checks.js';
import { substitute } from './yaml/environment.js';
import { deepFreeze } from './freeze.js';
import { configJsonSchema, type SchemaNode, schemaAt, wantsWholeNumber } from './schema/json-schema.js';
import type { Config } from './model.js';
import { configShape } from './schema/schema.js';
import { toSend } from './sent.js';
import { shapeFaults } from './checks/shape-faults.js';
import { parseYaml } from './yaml/yaml-text.js';

/**
 * @param file path of the YAML file; relative paths in it start from its folder
 * @param env the variables that `${NAME}` refers to
 * @throws FerryError E_CONFIG_READ (no such file, not YAML); the codes of `machineFault`; E_CONFIG_INVALID with all
 *   faults in the order of their lines. Each of these is E_CONFIG_INVALID or E_CONFIG_ENV
 */
export function loadConfig(file: string, env: NodeJS.ProcessEnv): Config {
  const absolute = resolve(file);
  const yaml = parseYaml(readText(file), file);
  // Rarely needed, and slower than everything else here.
  let made: SchemaNode | null = null;
  const schema = (): SchemaNode => (made ??= configJsonSchema());
  const wantsNumber = (path: Path): boolean => {
    const node = schemaAt(schema(), path);
    return node !== null && wantsWholeNumber(node);
  };
  const environment = substitute(yaml.value, env, wantsNumber);

  const shape = configShape.safeParse(environment.value, { reportInput: true });
  const typedIn = (path: Path): boolean => !environment.taken.has(pathKey(path));
  const fields = shape.success ? [] : shapeFaults(shape.error.issues, schema(), typedIn);
  const between = crossFaults(environment.value, yaml.value);
  // A fault of a value that could not be replaced would only repeat the first fault.
  const known = new Set([...environment.failed, ...yaml.inexact.map(({ path }) => pathKey(path))]);
  const news = [...fields, ...between].filter(({ path }) => !known.has(pathKey(path)));
  const faults = [...yaml.faults, ...yaml.inexact, ...environment.faults, ...news];
  if (!shape.success || faults.length > 0) throw invalidConfig(file, faults, yaml.lineOf);

  const writtenAt = (path: Path): string | null => environment.taken.get(pathKey(path)) ?? null;
  const settings = { file: absolute, ...applyDefaults(shape.data, dirname(absolute)) };
  return deepFreeze({
    ...settings,
    lineOf: yaml.lineOf,
    writtenAt,
    toSend: () => toSend(settings, yaml.value, environment.taken, yaml.lineOf),
  });
}

function readText(file: string): string {
  let bytes: Buffer;
  try {
    bytes = readFileSync(file);
  } catch (cause) {
    throw unreadable(file, cause);
  }
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch (cause) {
    throw new FerryError('E_CONFIG_READ', `${file} is not UTF-8 text`, 'save it again in UTF-8', { cause });
  }
}

function unreadable(file: string, cause: unknown): FerryError {
  const ofMachine = machineFault(`reading the config file ${file}`, cause);
  if (ofMachine !== null) return ofMachine;
  const code = cause instanceof Error && 'code' in cause ? String(cause.code) : 'unknown error';
  if (code === 'ENOENT') {
    const hint = 'go to the folder with dynaferry.yaml, or name the file with --config FILE';
    return new FerryError('E_CONFIG_READ', `there is no config file ${file}`, hint, { cause });
  }
  const hint =
    code === 'EISDIR' ? 'name the file in that folder' : 'give the user who runs dynaferry the permission to read it';
  const fact = code === 'EISDIR' ? `${file} is a folder` : `dynaferry cannot read the config file ${file} (${code})`;
  return new FerryError('E_CONFIG_READ', fact, hint, { cause });
}

function invalidConfig(file: string, found: readonly ConfigFault[], lineOf: (path: Path) => number): FerryError {
  const faults = found
    .map((fault) => ({ ...fault, line: lineOf(fault.path) }))
    .sort((a, b) => a.line - b.line)
    .map(({ code, path, fact, hint, line }): Fault => {
      return { code, message: `${placeText(path, line)} ${fact}`, hint };
    });
  const count = faults.length === 1 ? 'a fault' : `${faults.length} faults`;
  const hint = 'correct the listed faults, then run dynaferry check';
  return new FerryError('E_CONFIG_INVALID', `${file} has ${count}`, hint, { faults });
}
