/**
 * A config on its way to a shard's process: plain data in place of the file. Guarantees that the process works by what
 * its parent read and checked, whatever becomes of the file meanwhile, and that a process costs the same with three
 * hundred shards in the file as with one: reading YAML and checking it takes a millisecond for each shard, and all of
 * that again in each process.
 *
 * What the environment gave goes along, passwords too: the channel is a pipe between the two processes alone, which
 * share that environment.
 */
import type { Path } from '../core/text/config-path.js';
import { pathKey } from './config-fault.js';
import { deepFreeze } from './freeze.js';
import type { Config, SentConfig } from './model.js';

/**
 * @param settings all of the config but its functions
 * @param value what stands in the file
 * @param written texts of the file that hold `${NAME}`, by the keys of their paths
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
 * The config at the other end: the same answers to every question, except for lines of a single shard's settings, or
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
