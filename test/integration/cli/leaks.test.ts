/**
 * Nothing of a row, of a variable or of a secret gets out: a marker stands in every column, in every variable of the
 * config and in every secret; every command runs, and every fault of the catalogue is met. Then no marker is in any
 * output, nor in any file. A new code of the catalogue without a scene, or a reason why it has none, does not compile.
 *
 * Allowed by name: the scan key and the item key of a row, in the state and in the lists on stdout (README, "What can
 * be relied on").
 */
import { execFileSync } from 'node:child_process';
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  renameSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { Writable } from 'node:stream';
import { PutItemCommand } from '@aws-sdk/client-dynamodb';
import pLimit from 'p-limit';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { stringify } from 'yaml';
import { main } from '../../../src/cli/main.js';
import { EXIT, type ErrorCode } from '../../../src/core/errors.js';
import { openStateStore } from '../../../src/state/open.js';
import { LAUNCHER, type CliResult } from '../../support/cli.js';
import { TEST_AWS_ENVIRONMENT } from '../../support/dynamodb.js';
import { type Fate, type FaultPlan, startFaultProxy } from '../../support/fault-proxy.js';
import { tableStatus } from '../../support/fault-proxy/plans.js';
import { startMysqlProxy, type MysqlProxy } from '../../support/mysql-proxy.js';
import { createMigration, onePair, type ConfigDocument, type Migration } from '../../support/migration.js';

/** In the columns of the scan key; other columns have other ones. */
const KEY = 'MARKKEY';
const BLOB = 'MARKER-blob';
const VALUES = {
  tenant: 'MARKER-tenant',
  body: 'MARKER-body it’s "quoted"',
  phone: '+49151MARKER',
  doc: '{"MARKER":"json"}',
  amount: '471108154711.0815',
  day: '2031-03-07 04:05:06',
};
const ENVIRONMENT = {
  TENANT: VALUES.tenant,
  LABEL: 'MARKER-label',
  NOTE: 'MARKER-note',
  WRONG_PASSWORD: 'MARKER-password',
  AWS_SECRET_ACCESS_KEY: 'MARKER-secret-key',
  AWS_SESSION_TOKEN: 'MARKER-session-token',
};
/** As they are, as hex and in base64, as JSON escapes them, and what dates and numbers become. */
const ANYWHERE = /MARKER|4d41524b4552|TUFSS0VS|NQVJLRV|471108154711|2031-03-07|1930622706/i;

const rows = (shard: number): readonly string[] => {
  const { tenant, body, phone, doc, amount, day } = VALUES;
  const text = (value: string): string => `'${value.replaceAll("'", "''")}'`;
  const values = [tenant, body, phone, doc, amount, day, BLOB].map(text).join();
  const row = (account: string, id: number): string => `(${text(account)}, ${id}, ${values})`;
  // One account is on both shards.
  const accounts = [`${KEY}-${shard}`, `${KEY}-both`];
  return [
    `CREATE TABLE notes (account VARCHAR(40) NOT NULL, id INT NOT NULL, tenant VARCHAR(40), body VARCHAR(200), phone VARCHAR(40),
       doc TEXT, amount DECIMAL(30,4), day DATETIME, content VARBINARY(60), PRIMARY KEY (account, id)) CHARACTER SET utf8mb4`,
    `INSERT INTO notes VALUES ${accounts.flatMap((account) => Array.from({ length: 15 }, (_, id) => row(account, id))).join()}`,
    'CREATE TABLE loose (n INT, tenant VARCHAR(40), body VARCHAR(200), content VARBINARY(60)) CHARACTER SET utf8mb4',
    `INSERT INTO loose VALUES (1, ${[tenant, body, BLOB].map(text).join()}), (1, ${[tenant, `${body}2`, BLOB].map(text).join()})`,
    'CREATE VIEW seen AS SELECT * FROM notes',
    'CREATE TABLE flat LIKE notes',
    'INSERT INTO flat SELECT * FROM notes',
    `CREATE TABLE odd (id INT PRIMARY KEY, body VARCHAR(200), tenant VARCHAR(40)) CHARACTER SET utf8mb4`,
    `INSERT INTO odd VALUES (1, '', ${text(tenant)}), (2, ${text(body)}, ${text(tenant)})`,
  ];
};

type Alter = (config: ConfigDocument) => void;

interface At {
  readonly state: string;
  readonly migration: Migration;
}

interface Scene {
  readonly alter?: Alter;
  readonly env?: Readonly<Record<string, string | undefined>>;
  /** What DynamoDB does with each write and read; and with other requests. */
  readonly fate?: Fate;
  readonly control?: FaultPlan;
  /** Commands, all of them; the last ones meet the fault. */
  readonly runs?: readonly (readonly string[])[];
  /** Between the first command and the others. @returns what undoes it after the last one, or nothing */
  readonly then?: (at: At) => unknown;
  /** What runs in place of Node, with the launcher and the words behind it. */
  readonly program?: readonly string[];
  /** What the network between the first shard's server and its client does. */
  readonly network?: (proxy: MysqlProxy) => void;
  /** Environment of all but the first command. */
  readonly thenEnv?: Readonly<Record<string, string | undefined>>;
}

/** The scenes share a target table, but no state. */
const first = ['backfill', '--shard', 's01', '--into-existing'];
const NOT_INTO_EXISTING = ['backfill', '--shard', 's01'];
const EVERYWHERE = [
  [...first, '--json'],
  ['check', '--into-existing'],
];

const shard =
  (settings: Record<string, unknown>): Alter =>
  ({ source }) =>
    void Object.assign(source.shards[0] ?? {}, settings);
const table =
  (settings: Record<string, unknown>): Alter =>
  ({ source }) =>
    void Object.assign(source.table ?? {}, settings);
const keys =
  (partitionKey: string, sortKey: string): Alter =>
  ({ mapping, source }) => {
    const item = (mapping[String(source.table?.['name'])] as { items: Record<string, unknown>[] }).items[0] ?? {};
    item['partitionKey'] = { name: 'pk', template: partitionKey };
    item['sortKey'] = { name: 'sk', template: sortKey };
  };
const only =
  (name: string, ...more: readonly Alter[]): Alter =>
  (config) => {
    config.source.table = { name };
    const { items } = config.mapping['notes'] as { items: { attributes: { rules?: unknown } }[] };
    if (name === 'loose' || name === 'odd') for (const { attributes } of items) delete attributes.rules;
    config.mapping = { [name]: { items } };
    for (const alter of more) alter(config);
  };
const all =
  (...alters: readonly Alter[]): Alter =>
  (config) => {
    for (const alter of alters) alter(config);
  };
const failing = (name: string, status = 400): Fate => ({
  kind: 'error',
  status,
  name,
  text: `${VALUES.body} ${VALUES.tenant}`,
});
const LOOSE = only('loose', table({ wholeTable: { maxRows: 5 } }), keys('ALL', '{n:pad(10)}'));

/** Loaded by each process of a command: what a shard's process does when it has told its parent so many things. */
const shardDoes = (script: string, after = 3): string =>
  importing(
    `if(/worker-main/.test(process.argv[1])){const s=process.send.bind(process);let n=0;process.send=(...a)=>{if(++n===${after}){${script}}return s(...a)}}`,
  );
const importing = (script: string): string => `--import=data:text/javascript,${encodeURIComponent(script)}`;
const HURRIED = `--import=${new URL('../../faults/scripts/hurried-supervisor.js', import.meta.url).href}`;
const slowly: Alter = ({ target }) => void (target['writeCapacity'] = 2);

/** Whether this machine lets the test do so. */
function possible(command: string): boolean {
  try {
    execFileSync('sh', ['-c', command], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}
const LIMITS = possible('prlimit --version') ? null : 'there is no prlimit here';
const MOUNTS = possible('d=$(mktemp -d) && mount -t tmpfs -o size=1m tmpfs "$d" && umount -l "$d" && rmdir "$d"')
  ? null
  : 'this user may not mount here';
const limited = (files: number): readonly string[] => ['prlimit', `--nofile=${files}:${files}`, process.execPath];
const SCENES: Readonly<Record<ErrorCode, Scene | string>> = {
  E_OUTPUT: {
    program: ['bash', '-c', 'exec "$0" "$@" >/dev/full', process.execPath],
    runs: [['status'], ['check']],
  },
  E_USAGE: {
    runs: [
      ['diff', '--key', 'a,b'],
      ['diff', '--keys', 'a,b,c', '--shard', 's01'],
    ],
  },
  E_CONFIG_READ: { runs: [['check', '-c', 'nowhere.yaml']] },
  E_CONFIG_INVALID: { alter: all(shard({ port: '${TENANT}' }), ({ target }) => (target['liveWriter'] = '${LABEL}')) },
  E_CONFIG_ENV: { env: { TENANT: undefined } },
  E_MAPPING_INVALID: { alter: keys('${NOTE}{account:nosuch}', '{id:pad(10)}') },
  E_MAPPING_COLUMN: { alter: keys('${NOTE}{accountant}', '{id:pad(10)}') },
  E_MAPPING_UNSORTABLE: { alter: keys('${NOTE}{account}', '{id}') },
  E_LIMIT_INVALID: 'config/live-limits.ts names limits and their bounds, and nothing of a row',
  E_SHARD_UNKNOWN: { runs: [['backfill', '--shard', 's09']] },
  E_PREFLIGHT: { alter: all(keys('{account}', '{id}'), ({ target }) => (target['table'] = 'nowhere')) },
  E_TABLE_MISSING: { alter: only('gone') },
  E_TABLE_NOT_BASE: { alter: only('seen') },
  E_TABLE_NO_KEY: { alter: only('loose', keys('ALL', '{n:pad(10)}')) },
  E_TABLE_TOO_LARGE: { alter: only('loose', table({ wholeTable: { maxRows: 1 } }), keys('ALL', '{n:pad(10)}')) },
  E_ITEM_KEY_NOT_UNIQUE: { alter: keys('{account}', 'ALL') },
  E_TARGET_TABLE_MISSING: { alter: ({ target }) => (target['table'] = 'nowhere') },
  E_TARGET_KEY_SCHEMA: {
    alter: ({ mapping }) => {
      const [item] = (mapping['notes'] as { items: { sortKey: { name: string } }[] }).items;
      if (item !== undefined) item.sortKey.name = 'other';
    },
  },
  E_TARGET_NOT_EMPTY: {
    then: async ({ migration }) => {
      const Item = { pk: { S: `${KEY}-1` }, sk: { S: VALUES.body }, label: { S: ENVIRONMENT.LABEL } };
      await migration.table.client.send(new PutItemCommand({ TableName: migration.table.name, Item }));
    },
    alter: keys('${NOTE}#{account}', '{id:pad(10)}'),
    runs: [['status'], ['check'], ['check', '--into-existing', '--json'], [...NOT_INTO_EXISTING, '--json']],
  },
  E_TARGET_NOT_ACTIVE: { control: tableStatus('DELETING') },
  E_TLS_REQUIRED: { alter: shard({ tls: { mode: 'verify' } }) },
  E_STATE_SPACE: MOUNTS ?? {
    then: ({ state }) => {
      mkdirSync(state, { recursive: true });
      execFileSync('sh', ['-c', 'mount -t tmpfs -o size=1m tmpfs "$1"', 'sh', state]);
      return () => void execFileSync('sh', ['-c', 'umount -l "$1"', 'sh', state]);
    },
    runs: [['status'], first, ['check']],
  },

  E_SOURCE_CONNECT: { alter: shard({ port: 1 }) },
  E_SOURCE_ACCESS: { alter: shard({ password: '${WRONG_PASSWORD}' }) },
  E_SOURCE_QUERY: {
    alter: table({ where: "tenant = '${TENANT}' AND (" }),
    runs: [...EVERYWHERE, ['diff', '--explain', '--where', `body = '${VALUES.body.slice(0, 11)}' AND nonsense = 1`]],
  },
  E_SOURCE_SESSION: 'test/integration/mysql/server-settings.test.ts; its words name settings',
  E_SOURCE_WARNING: { alter: table({ where: 'tenant + 0 = 0 OR TRUE' }) },
  E_SOURCE_LOST: {
    alter: (config) => void Object.assign(config.source.limits, { retryTimeoutSeconds: 1 }),
    network: (proxy) => proxy.breakAnswersOver(2_000),
    runs: [['check'], first],
  },
  E_SOURCE_CHANGED: {
    alter: only('flat', keys('{account}', '{id:pad(10)}')),
    runs: [first, ['verify', '--shard', 's01'], [...first, '--json']],
    then: async ({ migration }) => {
      await migration.databases[0]?.query('TRUNCATE flat');
    },
  },
  E_SOURCE_BUSY: {
    alter: (config) => void Object.assign(config.source.limits, { maxThreadsRunning: 1, maxPauseSeconds: 1 }),
    then: ({ migration }) => {
      const sleeping = migration.databases[1]?.query('SELECT SLEEP(100)');
      return async () => {
        const [{ id } = {}] = (await migration.databases[0]?.query(
          "SELECT id FROM information_schema.processlist WHERE info = 'SELECT SLEEP(100)'",
        )) ?? [{}];
        await migration.databases[0]?.query(`KILL QUERY ${String(id)}`);
        await sleeping?.catch(() => undefined);
      };
    },
    runs: [['status'], first],
  },
  E_BAD_ROWS: {
    alter: only('odd', keys('{body}', '{id:pad(10)}')),
    runs: [
      [...NOT_INTO_EXISTING, '--dry-run'],
      [...NOT_INTO_EXISTING, '--dry-run', '--json'],
      ['bad-rows', '--dry-run'],
      ...[
        [...first, '--max-bad-rows', '5'],
        [...NOT_INTO_EXISTING, '--retry-bad', '--json'],
        ['bad-rows'],
        ['bad-rows', '--json'],
      ],
      ...[['status'], ['diff', '--explain', '--bad-row', '1', '--json'], ['verify', '--shard', 's01']],
    ],
  },
  E_ITEM_KEY_SHARED: {
    alter: LOOSE,
    runs: [
      ...[['diff', '--shard', 's01'], ['diff', '--shard', 's01', '--json'], first, [...first, '--json'], ['bad-rows']],
      ...[
        ['bad-rows', '--json'],
        ['diff', '--explain', '--bad-row', '1'],
        ['status', '--json'],
      ],
      ...[
        ['verify', '--shard', 's01'],
        ['verify', '--shard', 's01', '--json'],
        [...NOT_INTO_EXISTING, '--dry-run', '--json'],
      ],
    ],
  },
  E_SHARD_OVERLAP: {
    alter: table({ shardedBy: 'account' }),
    runs: [['check'], ['backfill', '--all', '--json', '--into-existing']],
  },
  E_LATE_WRITES: {
    then: ({ state }) => putCopyInPlace(state),
    runs: [first, ['state', 'adopt', '--shard', 's01'], ['verify', '--shard', 's01', '--json'], ['status']],
  },

  E_TARGET_CREDENTIALS: { env: { AWS_ACCESS_KEY_ID: undefined, AWS_SECRET_ACCESS_KEY: undefined } },
  E_TARGET_ACCESS: { fate: failing('AccessDeniedException') },
  E_TARGET_CONNECT: { env: { AWS_ENDPOINT_URL_DYNAMODB: 'http://127.0.0.1:1' } },
  E_TARGET_REQUEST: { fate: failing('ValidationException') },
  E_TARGET_UNAVAILABLE: {
    fate: failing('InternalServerError', 500),
    alter: ({ target }) => (target['retryTimeoutSeconds'] = 1),
    runs: [
      [...first, '--all-events', '--json'],
      ['status', '--json'],
    ],
  },
  E_LIVE_WRITER: {
    // The target has items of other scenes, which know no version.
    then: async ({ migration }) => {
      const Item = { pk: { S: `${KEY}-1` }, sk: { S: '0000000003' }, label: { S: ENVIRONMENT.LABEL } };
      await migration.table.client.send(new PutItemCommand({ TableName: migration.table.name, Item }));
    },
    alter: ({ target, mapping }) => {
      Object.assign(target, { liveWriter: 'concurrent', version: { attribute: 'revision', tombstoneRetention: '1d' } });
      const [item] = (mapping['notes'] as { items: { attributes: { add: Record<string, unknown> } }[] }).items;
      Object.assign(item?.attributes.add ?? {}, { revision: { column: 'id' } });
    },
    runs: [['status'], [...first, '--json', '--all-events']],
  },
  E_TARGET_GONE: { fate: failing('ResourceNotFoundException') },

  E_STATE_LOCKED: {
    then: ({ state }) => {
      const store = openStateStore({ folder: state, shard: 's01', create: false });
      return () => store.close();
    },
    runs: [first, first, ['status']],
  },
  E_STATE_CORRUPT: {
    then: ({ state }) => writeFileSync(join(state, 's01.db'), 'no state at all'),
    runs: [first, first, ['status'], ['bad-rows', '--json'], ['verify', '--shard', 's01', '--json']],
  },
  E_STATE_FOREIGN: {
    then: ({ state }) => writeFileSync(join(state, 's02.db'), readFileSync(join(state, 's01.db'))),
    runs: [first, ['backfill', '--shard', 's02', '--into-existing'], ['status', '--json']],
  },
  E_STATE_CHANGED: {
    thenEnv: { TENANT: 'MARKER-another', LABEL: 'MARKER-third', NOTE: 'MARKER-fourth' },
    runs: [
      first,
      ...EVERYWHERE,
      ['verify', '--shard', 's01'],
      [...NOT_INTO_EXISTING, '--retry-bad'],
      [...first, '--restart', '--yes'],
    ],
  },
  E_STATE_GONE: 'its words name the path alone; test/integration/cli/state-gone.test.ts deletes it in a run',
  E_STATE_IO: { alter: (config) => (config.state = './a-file') },
  E_STATE_MISSING: {
    runs: [
      ['verify', '--shard', 's01'],
      ['verify', '--shard', 's01', '--json'],
    ],
  },

  E_STATE_COPIED: {
    then: ({ state }) => putCopyInPlace(state),
    runs: [first, first, [...first, '--json'], ['check'], ['status'], ['verify', '--shard', 's01', '--json']],
  },
  E_ROW_TOO_LARGE:
    'a row of an eighth of the memory; its words name the shard and the size (test/integration/mysql/large-rows.test.ts)',
  E_TOO_MANY_FILES: LIMITS ?? { program: limited(31), runs: [first] },
  E_DISK_FULL: 'its words name file and code; test/integration/state/disk.test.ts fills one',
  E_TOO_MANY_PROCESSES: 'root has no such limit; test/faults/machine.test.ts runs it as somebody else',
  E_OUT_OF_MEMORY: {
    env: {
      NODE_OPTIONS: `--max-old-space-size=80 ${shardDoes('const held=[];for(;;)held.push(new Array(1e5).fill(held.length+0.5))')}`,
    },
    runs: [[...first, '--json', '--all-events']],
  },
  E_MACHINE_LIMITS: LIMITS ?? { program: limited(60), runs: [['check', '--json']] },
  E_WORKER_DIED: {
    env: { NODE_OPTIONS: shardDoes("process.kill(process.pid,'SIGKILL')") },
    runs: [[...first, '--json', '--all-events']],
  },
  E_STALLED: 'test/faults/stalls.test.ts waits for it; its words name the shard and what moved last',
  E_WORKER_HUNG: {
    alter: slowly,
    env: { NODE_OPTIONS: `${HURRIED} ${shardDoes("process.kill(process.pid,'SIGSTOP')")}` },
    runs: [first],
  },
  E_INTERRUPTED: {
    alter: slowly,
    env: { NODE_OPTIONS: shardDoes("process.kill(process.ppid,'SIGINT')") },
    runs: [[...first, '--json']],
  },
  E_INTERNAL: 'core/errors.ts names the type of what was thrown, and nothing of it',
};

/** Of the state of s01. */
function putCopyInPlace(state: string): void {
  copyFileSync(join(state, 's01.db'), join(state, 's01.copy'));
  renameSync(join(state, 's01.copy'), join(state, 's01.db'));
}

const COMMANDS: readonly (readonly string[])[] = [
  ['check'],
  ['check', '--json'],
  ['plan'],
  ['plan', '--json'],
  ['diff', '--shard', 's01'],
  ['diff', '--shard', 's01', '--json'],
  ['diff', '--explain'],
  ['diff', '--explain', '--json'],
  [...NOT_INTO_EXISTING, '--dry-run', '--json', '--all-events'],
  [...first, '--json', '--all-events'],
  first,
  ['diff', '--shard', 's01'],
  ['verify', '--shard', 's01', '--json', '--all-events'],
  ['verify', '--shard', 's01'],
  ['status'],
  ['status', '--json'],
  ['bad-rows'],
  ['schema'],
];

/** A literal of a key template that a variable gives: item keys show it, an explanation does not. */
const EXPLAINED: Scene = {
  alter: keys('${NOTE}#{account}', '{id:pad(10)}'),
  runs: [
    ['diff', '--explain'],
    ['diff', '--explain', '--json'],
  ],
};

function isUndo(made: unknown): made is () => unknown {
  return typeof made === 'function';
}

/** What a file or an output must not hold, with the text around it. */
function found(text: string, marker: RegExp): string | null {
  const at = text.search(marker);
  return at === -1 ? null : text.slice(Math.max(0, at - 100), at + 100);
}

function filesIn(folder: string): readonly string[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .map((name) => join(folder, name))
    .filter((path) => statSync(path).isFile());
}

/** The command line in this process. */
async function runHere(args: readonly string[], cwd: string, env: NodeJS.ProcessEnv): Promise<CliResult> {
  const texts = { stdout: '', stderr: '' };
  const stream = (name: keyof typeof texts): Writable =>
    new Writable({
      write(chunk: Buffer, _, done) {
        texts[name] += chunk.toString('utf8');
        done();
      },
    });
  const io = { stdout: stream('stdout'), stderr: stream('stderr'), env, cwd, onSignal: () => () => undefined };
  return { code: await main(args, io), signal: null, ...texts };
}

describe.each(onePair)('markers in rows, variables and secrets: $name', { timeout: 300_000 }, (servers) => {
  afterEach(() => vi.unstubAllEnvs());

  it('markers in rows, variables and secrets appear in no output and no file, whatever command runs or fails', async () => {
    const base: { config: ConfigDocument | null } = { config: null };
    await using migration = await createMigration({
      servers,
      shards: 2,
      rows,
      config: (config) => {
        config.source.table = { name: 'notes', where: "tenant = '${TENANT}'" };
        config.source.limits = { scansPerServer: 2, rangesPerTable: 2 };
        const add = { label: { constant: '${LABEL}' }, note: { template: '${NOTE} of it' } };
        const attributes = { rules: { day: { format: 'epoch-s' } }, add };
        const partitionKey = { name: 'pk', template: '{account}' };
        const sortKey = { name: 'sk', template: '{id:pad(10)}' };
        config.mapping = { notes: { items: [{ partitionKey, sortKey, attributes }] } };
        base.config = config;
      },
    });
    const aws = { ...TEST_AWS_ENVIRONMENT, ...ENVIRONMENT, AWS_ENDPOINT_URL_DYNAMODB: migration.table.endpoint };
    for (const [name, value] of Object.entries(aws)) vi.stubEnv(name, value);
    writeFileSync(join(migration.folder, 'a-file'), '');
    const leaks: string[] = [];
    const met = new Map<string, string>();

    const look = (args: readonly string[], { stdout, stderr }: CliResult): void => {
      const asked = /^(diff|backfill|verify)$/.test(args[0] ?? '');
      for (const [where, text] of [
        ['stdout', stdout],
        ['stderr', stderr],
      ] as const) {
        const forbidden = where === 'stdout' && asked ? ANYWHERE : new RegExp(`${ANYWHERE.source}|${KEY}`, 'i');
        const leak = found(text, forbidden);
        if (leak !== null) leaks.push(`${where} of ${args.join(' ')}: ${leak}`);
      }
    };

    const play = async (name: string, scene: Scene): Promise<void> => {
      const folder = join(migration.folder, name);
      mkdirSync(folder);
      const config = structuredClone(base.config);
      if (config === null) throw new TypeError('the config was made');
      config.state = join(folder, 'state');
      scene.alter?.(config);
      if (config.state === './a-file') config.state = join(migration.folder, 'a-file');
      // Secrets and variables stand there by name: the file is searched as all others are.
      const file = join(folder, 'dynaferry.yaml');
      writeFileSync(file, stringify(config));
      await using proxy = await startFaultProxy(
        migration.table.endpoint,
        () => scene.fate ?? { kind: 'pass' },
        undefined,
        {
          ...(scene.control === undefined ? {} : { control: scene.control }),
        },
      );
      await using network = scene.network === undefined ? null : await startMysqlProxy(servers.mysql);
      if (network !== null) {
        scene.network?.(network);
        Object.assign(config.source.shards[0] ?? {}, { port: network.port });
        writeFileSync(file, stringify(config));
      }
      const faulty = scene.fate !== undefined || scene.control !== undefined;
      const env = {
        ...ENVIRONMENT,
        ...(faulty ? { AWS_ENDPOINT_URL_DYNAMODB: proxy.endpoint } : {}),
        ...scene.env,
      };
      let undo: unknown = null;
      try {
        for (const [index, args] of (scene.runs ?? EVERYWHERE).entries()) {
          if (index === 1) undo = await scene.then?.({ state: config.state, migration });
          const given = args.includes('-c') || args[0] === 'schema' ? args : [...args, '-c', file];
          const now = index === 0 ? env : { ...env, ...scene.thenEnv };
          // Those that start no process of their own run in this one, where that is the same: half of the time is a
          // process's start.
          const here =
            !faulty &&
            scene.env === undefined &&
            scene.program === undefined &&
            !['backfill', 'verify'].includes(args[0] ?? '');
          const result = here
            ? await runHere(given, migration.folder, { ...now, MYSQL_PASSWORD: servers.mysql.password })
            : await migration.run(given, {
                env: now,
                ...(scene.program === undefined ? {} : { program: [...scene.program, LAUNCHER] }),
              });
          met.set(
            name,
            `${met.get(name) ?? ''}\n${args.join(' ')} -> ${result.code}\n${result.stdout}\n${result.stderr}`,
          );
          look(args, result);
        }
      } finally {
        if (isUndo(undo)) await undo();
      }
      if (!existsSync(config.state) || !statSync(config.state).isDirectory()) return;
      for (const path of filesIn(folder)) {
        const leak = found(readFileSync(path, 'latin1'), ANYWHERE);
        if (leak !== null) leaks.push(`${path}: ${JSON.stringify(leak)}`);
      }
    };

    const atOnce = pLimit(4);
    const scenes = Object.entries(SCENES).flatMap(([code, scene]) =>
      typeof scene === 'string' ? [] : [[code, scene] as const],
    );
    await Promise.all([
      atOnce(() => play('commands', { runs: COMMANDS })),
      atOnce(() => play('explained', EXPLAINED)),
      ...scenes.map(([code, scene]) => atOnce(() => play(code, scene))),
    ]);

    expect(leaks.join('\n')).toBe('');
    // The scenes were played as they were meant, and the markers were there to be found.
    const missed = scenes.filter(([code]) => met.get(code)?.includes(code) !== true);
    expect(missed.map(([code]) => `${code}:\n${met.get(code)}`).join('\n')).toBe('');
    expect(met.get('commands')?.match(new RegExp(`-> ${EXIT.done}$`, 'gm'))).toHaveLength(COMMANDS.length);
    const shown = await migration.run(['diff', '--explain', '--show-values'], { env: ENVIRONMENT });
    for (const part of ['MARKER-tenant', 'MARKER-body', '+49151MARKER', 'MARKER-label', '471108154711', '1930622706'])
      expect(shown.stdout).toContain(part);
  });
});
