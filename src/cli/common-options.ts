/** Defines the options that several commands share, and loads the config that they name. */
import { isAbsolute, resolve } from 'node:path';
import { InvalidArgumentError, Option, type Command } from 'commander';
import type { Config } from '../config/model.js';
import { FerryError } from '../core/errors.js';
import type { Io } from './io.js';

export interface CommonOptions {
  readonly config: string;
  readonly json: boolean;
}

export interface ShardOptions extends CommonOptions {
  readonly shard: readonly string[];
  readonly all: boolean;
}

export function addCommonOptions(command: Command): Command {
  return command
    .addOption(new Option('-c, --config <file>', 'the config file').default('dynaferry.yaml'))
    .addOption(new Option('--json', 'one JSON document on stdout; events as NDJSON on stderr').default(false));
}

/** Returns the option of the commands that run for long. */
export function allEventsOption(): Option {
  return new Option('--all-events', 'like --json, plus the events of single chunks and batches: thousands a second')
    .default(false)
    .implies({ json: true });
}

export function addShardOptions(command: Command): Command {
  return addCommonOptions(command)
    .addOption(new Option('-s, --shard <id...>', 'only these shards').default([], 'all shards'))
    .addOption(new Option('--all', 'all shards of the config').default(false).conflicts('shard'));
}

/** @throws FerryError E_CONFIG_* */
export async function loadConfigOf(io: Io, options: CommonOptions): Promise<Config> {
  if (io.cwd === null && !isAbsolute(options.config)) {
    throw new FerryError(
      'E_CONFIG_READ',
      `the folder in which you started this command was deleted, so dynaferry cannot find ${options.config} in it`,
      'change to a folder that exists (`cd`), or name the config by its absolute path with `--config`',
    );
  }
  const { loadConfig } = await import('../config/load.js');
  return loadConfig(resolve(io.cwd ?? '/', options.config), io.env);
}

/**
 * Returns the ids of the named shards, each once, in the order of the config. Without names, it returns all.
 * @throws FerryError E_SHARD_UNKNOWN
 */
export async function shardsOf(config: Config, named: readonly string[]): Promise<readonly string[]> {
  const { findShard } = await import('../wiring/run/shard-session.js');
  for (const id of named) findShard(config, id);
  const all = config.source.shards.map((shard) => shard.id);
  return named.length === 0 ? all : all.filter((id) => named.includes(id));
}

/**
 * Returns the shards of a command that runs for long. The operator has to name them, so that no shard is included by
 * accident. @throws FerryError E_USAGE
 */
export async function chosenShards(config: Config, options: ShardOptions, command: string): Promise<readonly string[]> {
  if (options.shard.length === 0 && !options.all && config.source.shards.length > 1) {
    const ids = config.source.shards.map((shard) => shard.id).join(', ');
    throw new FerryError(
      'E_USAGE',
      `the config has ${config.source.shards.length} shards, but the command names none`,
      `name some: dynaferry ${command} --shard ${config.source.shards[0]?.id ?? 'ID'}, or use --all (${ids})`,
    );
  }
  return await shardsOf(config, options.shard);
}

export function wholeNumber(min: number, max = Number.MAX_SAFE_INTEGER): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (/^\d+$/.test(text) && value >= min && value <= max) return value;
    throw new InvalidArgumentError(
      `Give a whole number from ${min}${max === Number.MAX_SAFE_INTEGER ? ' up' : ` to ${max}`}.`,
    );
  };
}

export function jobsOption(): Option {
  return new Option(
    '--jobs <n>',
    'number of shards to run at once, each in its own process (default: one per processor)',
  ).argParser(wholeNumber(1, 256));
}

/** Returns the option for a failover or a rebuilt table, where only the operator knows that the data is the same. */
export function acceptServerOption(): Option {
  return new Option(
    '--accept-server',
    'continue from another MySQL server or a rebuilt table, although nothing proves that it has the same data',
  ).default(false);
}
