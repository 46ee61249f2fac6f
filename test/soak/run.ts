/**
 * `npm run soak`: half an hour of random faults over 500,000 rows of two shards, seeded. A budget paces a backfill and
 * a verification so that they fill the time; meanwhile answers are lost, late, throttled or wrong, MySQL connections
 * die, and processes are killed, stopped and signalled, and started again. It ends well only where the verification
 * passes, the target holds as many items as there are rows, and no process grew or kept handles.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { startFaultProxy } from '../support/fault-proxy.js';
import { seededRandom } from '../support/fault-proxy/random.js';
import { letLateWriteWindowPass } from '../support/late-writes.js';
import { dynalite } from '../support/servers/dynalite.js';
import { mysql56 } from '../support/servers/mysql56.js';
import { Faults } from './faults.js';
import { Watch } from './watch.js';
import { runToItsEnd } from './supervise.js';
import { createSoakTable, seedSoakSource, SHARDS, writeConfig } from './migration.js';

const { values: options } = parseArgs({
  options: {
    minutes: { type: 'string', default: '30' },
    rows: { type: 'string', default: '500000' },
    seed: { type: 'string', default: String(Math.floor(Math.random() * 1e6)) },
    help: { type: 'boolean', short: 'h', default: false },
  },
});
if (options.help) {
  process.stdout.write(`npm run soak -- [--minutes N] [--rows N] [--seed N]

  --minutes N  how long it takes, about (30)
  --rows N     rows of both shards together (500000)
  --seed N     of the faults and their moments; printed (random)

A short one: npm run soak -- --minutes 2 --rows 20000
`);
  process.exit(0);
}

const MINUTES = Number(options.minutes);
const ROWS = Number(options.rows);
const SEED = Number(options.seed);
/** Parts of the time; the rest is for starts, resumes and what is done twice. */
const BACKFILL_SHARE = 0.5;
const VERIFY_SHARE = 0.25;
/** Of each phase, from its begin: afterwards processes are left alone, so that one lives long enough to be watched. */
const KILLING_SHARE = 0.6;
/** A phase that takes so many times its share does not get on. */
const PATIENCE = 4;

function tell(text: string): void {
  process.stderr.write(`${new Date().toISOString().slice(11, 19)} ${text}\n`);
}

async function soak(scratch: string, closers: (() => Promise<void>)[]): Promise<boolean> {
  tell(`soak: seed ${SEED}, ${MINUTES} minutes, ${ROWS} rows`);
  const [mysql, dynamodb] = await Promise.all([mysql56.start(), dynalite.start()]);
  closers.push(
    () => mysql.close(),
    () => dynamodb.close(),
  );
  const source = await seedSoakSource(mysql, ROWS);
  closers.push(() => source.close());
  const table = await createSoakTable(dynamodb.endpoint);
  closers.push(() => table.close());
  const random = seededRandom(SEED);
  const faults = new Faults(random, source);
  const proxy = await startFaultProxy(dynamodb.endpoint, faults.plan, random, { forgetful: true });
  closers.push(async () => {
    await proxy[Symbol.asyncDispose]();
  });
  const state = join(scratch, 'state');
  const seconds = MINUTES * 60;
  const pace = { write: ROWS / (seconds * BACKFILL_SHARE), read: ROWS / (seconds * VERIFY_SHARE) };
  const env = writeConfig(scratch, { state, mysql, source, table: table.name, endpoint: proxy.endpoint, pace });
  const watch = new Watch();
  const begun = performance.now();
  tell(`${ROWS} rows are seeded; faults begin`);

  const phase = async (command: 'backfill' | 'verify', share: number): Promise<void> => {
    const ms = share * seconds * 1_000;
    const run = { command, cwd: scratch, env, faults, watch, random, tell };
    await runToItsEnd(run, { killForMs: ms * KILLING_SHARE, giveUpAfterMs: ms * PATIENCE + 120_000 });
    tell(`${command} is through after ${((performance.now() - begun) / 60_000).toFixed(1)} minutes`);
  };
  await phase('backfill', BACKFILL_SHARE);
  await proxy.releaseHeld();
  // What the killed runs had sent has landed: nothing else is under way.
  letLateWriteWindowPass(state, SHARDS);
  // Faster than the budget they are not, yet they may be through early: then it is verified again, until the time is
  // over.
  let verifications = 0;
  do {
    await phase('verify', VERIFY_SHARE);
    verifications++;
  } while (performance.now() - begun < seconds * 1_000);

  const items = await table.count();
  const verdict = watch.verdict();
  const figures: Record<string, string | number> = {
    seed: SEED,
    minutes: ((performance.now() - begun) / 60_000).toFixed(1),
    rows: ROWS,
    items,
    verifications,
    requests: proxy.requests.length,
    raced_keys: proxy.races.length,
    ...faults.figures(),
    ...verdict.figures,
    verify: 'equal',
  };
  const complaints = [
    ...(items === ROWS ? [] : [`${items} items for ${ROWS} rows`]),
    ...(proxy.races.length === 0 ? [] : [`${proxy.races.length} keys were in two requests at once`]),
    ...verdict.complaints,
  ];
  for (const [name, value] of Object.entries(figures)) process.stdout.write(`soak_${name}=${value}\n`);
  for (const complaint of complaints) process.stdout.write(`soak FAILED: ${complaint}\n`);
  process.stdout.write(`soak=${complaints.length === 0 ? 'passed' : 'failed'}\n`);
  return complaints.length === 0;
}

const scratch = mkdtempSync(join(tmpdir(), 'dynaferry-soak-'));
const closers: (() => Promise<void>)[] = [];
process.exitCode = 1;
try {
  if (await soak(scratch, closers)) process.exitCode = 0;
} catch (thrown) {
  process.stdout.write(`soak FAILED (seed ${SEED}): ${thrown instanceof Error ? thrown.message : String(thrown)}\n`);
} finally {
  for (const close of closers.reverse()) await close().catch((error: unknown) => tell(String(error)));
  if (process.exitCode === 0) rmSync(scratch, { recursive: true, force: true });
  else tell(`state and config stay in ${scratch}`);
}
