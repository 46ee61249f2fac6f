/** A right config as plain data, and the way of an altered one through a real file. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { stringify } from 'yaml';
import { loadConfig } from '../../../src/config/load.js';
import type { Config } from '../../../src/config/model.js';
import { FerryError } from '../../../src/core/errors.js';
import { temporaryFolder } from '../../support/temporary.js';

export const ENV = { S01_PASSWORD: 'p:a{s}s', S02_PASSWORD: '007' } as const;

/** Loadable with ENV; every test takes a copy of its own. */
export function rightConfig() {
  return {
    source: {
      shards: [
        { id: 's01', host: '127.0.0.1', port: 3310, user: 'ferry', password: '${S01_PASSWORD}', database: 'one' },
        { id: 's02', host: 'db2.internal', user: 'ferry', password: '${S02_PASSWORD}', database: 'two' },
      ],
      table: { name: 'messages' },
    },
    target: { table: 'messages', writeCapacity: 1000 },
    mapping: {
      messages: {
        items: [
          {
            partitionKey: { name: 'pk', template: 'ACCT#{account_sid}' },
            sortKey: { name: 'sk', template: '{created_at:iso}#{message_sid}' },
          },
        ],
      },
    },
  };
}

/** Sets the value at a path such as `source.shards.1.port`; undefined removes it. */
export function alter(config: object, path: string, value: unknown): object {
  const steps = path.split('.');
  const last = steps.pop() ?? '';
  let part = config as Record<string, unknown>;
  for (const step of steps) part = (part[step] ??= {}) as Record<string, unknown>;
  if (value === undefined) Reflect.deleteProperty(part, last);
  else part[last] = value;
  return config;
}

export interface Loaded {
  /** null where there were faults. */
  readonly config: Config | null;
  readonly error: FerryError | null;
  /** Folder that the file was in. */
  readonly folder: string;
}

/** Loads YAML text, or data written as YAML, from a file. */
export async function load(content: string | object, env: NodeJS.ProcessEnv = ENV): Promise<Loaded> {
  await using folder = await temporaryFolder();
  const file = join(folder.path, 'dynaferry.yaml');
  writeFileSync(file, typeof content === 'string' ? content : stringify(content));
  try {
    return { config: loadConfig(file, env), error: null, folder: folder.path };
  } catch (error) {
    if (!(error instanceof FerryError)) throw error;
    return { config: null, error, folder: folder.path };
  }
}

/** The config, where there must be no fault. */
export async function loadRight(content: string | object, env: NodeJS.ProcessEnv = ENV): Promise<Config> {
  const { config, error } = await load(content, env);
  if (config === null) throw error ?? new Error('neither config nor error');
  return config;
}

/** The faults as `message -> hint`. */
export async function faultsOf(content: string | object, env: NodeJS.ProcessEnv = ENV): Promise<readonly string[]> {
  const { error } = await load(content, env);
  return (error?.faults ?? []).map(({ message, hint }) => `${message} -> ${hint}`);
}
