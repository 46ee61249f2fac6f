/**
 * Sends a config to the process of a shard, as plain data instead of the file. So the process works with what its
 * parent read and checked, even if the file changes later. A process also costs the same with three hundred shards in
 * the file as with one. To read and check the YAML itself, each process would need a millisecond for each shard.
 *
 * The data includes values of the environment, passwords too: the channel is a pipe between the two processes only, and
 * they share that environment.
 */
import type { Path } from '../core/text/config-path.js';
import { pathKey } from './config-fault.js';
import { deepFreeze } from './freeze.js';
import type { Config, SentConfig } from './model.js';

/**
 * @param settings all of the config except its functions
 * @param value the data of the file
 * @param written the texts of the file with `${NAME}`, by the keys of their paths
 */
export function toSend(
  settings: SentConfig['settings'],
  value: unknown,
  written: ReadonlyMap<string, string>,
  lineOf: (path: Path) => number,
): SentConfig {
  const lines: [string, number][] = [];
  const walk = (part: unknown, path: Path): void => {
    lines.push([pathKey(path), lineOf(path)]);
    // Nothing asks for the line of one shard's setting, or of one account's, once the file is checked, and there are
    // hundreds.
    if (pathKey(path) === SHARDS || isOfAccounts(path) || typeof part !== 'object' || part === null) return;
    const steps: readonly (string | number)[] = Array.isArray(part) ? [...part.keys()] : Object.keys(part);
    for (const step of steps) walk((part as Record<string | number, unknown>)[step], [...path, step]);
  };
  walk(value, []);
  return { settings, written: [...written], lines };
}

const SHARDS = pathKey(['source', 'shards']);

function isOfAccounts(path: Path): boolean {
  return path.at(-1) === 'overrides' && path.at(-2) === 'spread';
}

/**
 * Returns the config at the other end. It gives the same answers, except for the lines of one shard's settings, or one
 * account's.
 */
export function receivedConfig(sent: SentConfig): Config {
  const written = new Map(sent.written);
  const lines = new Map(sent.lines);
  const lineOf = (path: Path): number =>
    lines.get(pathKey(path)) ?? (path.length === 0 ? 1 : lineOf(path.slice(0, -1)));
  return deepFreeze({
    ...sent.settings,
    lineOf,
    writtenAt: (path: Path) => written.get(pathKey(path)) ?? null,
    toSend: () => sent,
  });
}
