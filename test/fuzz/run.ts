/**
 * `npm run fuzz:answers`: answers of DynamoDB changed in one place each, along the API's model, in front of real
 * emulators. Exits 1 on a find: a false success, an error of ours, a hang.
 */
import { parseArgs } from 'node:util';
import { fullRuns } from './full-run.js';
import { fuzz, inWords, startEmulators } from './fuzz.js';

const { values: options } = parseArgs({
  options: {
    seconds: { type: 'string', default: '60' },
    seed: { type: 'string', default: String(Math.floor(Math.random() * 1e9)) },
    rounds: { type: 'string', default: 'Infinity' },
    'no-full-runs': { type: 'boolean', default: false },
    help: { type: 'boolean', short: 'h', default: false },
  },
});
if (options.help) {
  process.stdout.write(`npm run fuzz:answers -- [--seconds N] [--seed N] [--rounds N] [--no-full-runs]

  --seconds N     how long it takes, about (60)
  --seed N        of the first round, each next one has the next; printed (random)
  --rounds N      so many and no more: \`--seed N --rounds 1\` repeats one
  --no-full-runs  no backfills and verifications of a whole migration beside the rounds
`);
  process.exit(0);
}

const tell = (text: string): void => {
  process.stdout.write(`${new Date().toISOString()} ${text}\n`);
};
const seed = Number(options.seed);
const most = Number(options.rounds);
const seconds = most === Infinity ? Number(options.seconds) : Infinity;
let crashes = 0;
for (const event of ['uncaughtException', 'unhandledRejection'] as const) {
  process.on(event, (thrown: unknown) => {
    crashes++;
    tell(`FIND ${event}: ${thrown instanceof Error ? (thrown.stack ?? thrown.message) : String(thrown)}`);
  });
}

tell(`seed ${seed}`);
const servers = await startEmulators();
try {
  const begun = performance.now();
  const report = setInterval(() => tell(`${Math.round((performance.now() - begun) / 1_000)} s`), 300_000);
  const [fuzzed, whole] = await Promise.all([
    fuzz(servers, { seed, seconds, most }, (round) => tell(inWords(round))),
    options['no-full-runs'] || most !== Infinity ? null : fullRuns(servers, { seed, seconds }, tell),
  ]);
  clearInterval(report);
  const { rounds, answers, ends, finds } = fuzzed;
  const figures = {
    seed,
    seconds: Math.round((performance.now() - begun) / 1_000),
    rounds,
    wrong_answers: answers + (whole?.answers ?? 0),
    full_runs: whole?.runs ?? 0,
    ...Object.fromEntries([...ends].sort().map(([end, count]) => [`ended_${end.toLowerCase()}`, count])),
    finds: finds.length + (whole?.finds ?? 0) + crashes,
  };
  for (const [name, value] of Object.entries(figures)) process.stdout.write(`fuzz_${name}=${value}\n`);
  process.exitCode = figures.finds === 0 ? 0 : 1;
} finally {
  for (const server of servers) await server.close();
}
