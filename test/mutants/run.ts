/**
 * `npm run mutants`: whether the tests notice small changes of the code. Draws mutants by a seed, equal shares of the
 * folders that move and prove rows, runs over each the tests that run its code, and tells what survived. Exit 0 from
 * 95% killed, 1 below, 2 where that cannot be said: a wrong option, a stale entry of equivalent.yaml, a test that fails
 * on the code as it is.
 */
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { listed, readEquivalents } from './equivalents.js';
import { Job } from './job.js';
import { Judge, type Verdict } from './judge.js';
import { Looks } from './looks.js';
import { applied, diffOf, type Mutant } from './mutant.js';
import { mutantsOf, parses } from './operators.js';
import { lineOf, summary, survivor } from './report.js';
import { drawn, shares } from './sample.js';
import { testFiles } from './test-files.js';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const LIST = fileURLToPath(new URL('equivalent.yaml', import.meta.url));
const FOLDERS = ['engine', 'dynamodb', 'mysql', 'state', 'mapping'] as const;
const BAR = 0.95;

const HELP = `npm run mutants -- [--seed N] [--count N] [--folders A,B] [--only FILE[:LINE],...]
                   [--jobs N] [--limit SECONDS] [--within SECONDS] [--list] [--verbose] [--report FILE]

  --seed N         which mutants are drawn (1)
  --count N        how many, over all folders (100)
  --folders A,B    of ${FOLDERS.join(', ')} (all)
  --only WHERE     every mutant drawn of these files or lines, whatever the seed
  --jobs N         mutants at a time, each with servers of its own (twice the processors, at most 4: tests wait much)
  --limit SECONDS  most that one mutant's tests may take; one that lives on by then counts as survived (60)
  --within SECONDS no mutant is begun later than this; those left are counted as not tried (no limit)
  --list           print what would be tried, and end
  --verbose        print every verdict with the test that killed it
  --report FILE    every verdict as JSON

Survivors that change nothing visible belong into test/mutants/equivalent.yaml, each with the reason.
`;

class Usage extends Error {}

interface Options {
  readonly seed: number;
  readonly count: number;
  readonly jobs: number;
  readonly folders: readonly string[];
  readonly only: readonly { readonly file: string; readonly line: number | null }[];
  readonly limitMs: number;
  readonly withinMs: number;
  readonly list: boolean;
  readonly verbose: boolean;
  readonly report: string | null;
}

function optionsOf(args: readonly string[]): Options | null {
  const { values } = parseArgs({
    args: [...args],
    options: {
      seed: { type: 'string', default: '1' },
      count: { type: 'string', default: '100' },
      jobs: { type: 'string', default: String(Math.min(4, 2 * availableParallelism())) },
      folders: { type: 'string', default: FOLDERS.join(',') },
      only: { type: 'string', default: '' },
      limit: { type: 'string', default: '60' },
      within: { type: 'string' },
      list: { type: 'boolean', default: false },
      verbose: { type: 'boolean', default: false },
      report: { type: 'string' },
      help: { type: 'boolean', short: 'h', default: false },
    },
  });
  if (values.help) return null;
  const whole = (name: string, text: string): number => {
    if (!/^[1-9]\d{0,8}$/.test(text)) throw new Usage(`--${name} wants a whole number from 1, not '${text}'`);
    return Number(text);
  };
  const folders = values.folders.split(',');
  const unknown = folders.find((folder) => !(FOLDERS as readonly string[]).includes(folder));
  if (unknown !== undefined) throw new Usage(`there is no folder '${unknown}'; the folders are ${FOLDERS.join(', ')}`);
  return {
    seed: whole('seed', values.seed),
    count: whole('count', values.count),
    jobs: whole('jobs', values.jobs),
    folders,
    only: values.only
      .split(',')
      .filter((text) => text !== '')
      .map((text) => {
        const [file = '', line] = text.split(':');
        return { file, line: line === undefined ? null : whole('only', line) };
      }),
    limitMs: whole('limit', values.limit) * 1000,
    withinMs: values.within === undefined ? Infinity : whole('within', values.within) * 1000,
    list: values.list,
    verbose: values.verbose,
    report: values.report ?? null,
  };
}

function print(text: string): void {
  process.stdout.write(`${text}\n`);
}

/** By path from the root, sorted. */
function filesUnder(folder: string, wanted: (path: string) => boolean): readonly (readonly [string, string])[] {
  return readdirSync(join(ROOT, folder), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(ROOT.length))
    .filter(wanted)
    .sort()
    .map((path) => [path, readFileSync(join(ROOT, path), 'utf8')] as const);
}

/** What this run tries, the folders in turn; mutants that are no program, and listed ones, give way to the next. */
function chosen(
  options: Options,
  sources: ReadonlyMap<string, string>,
  all: ReadonlyMap<string, readonly Mutant[]>,
  reasonFor: (mutant: Mutant) => string | null,
): { readonly mutants: readonly Mutant[]; readonly equivalent: readonly Mutant[] } {
  const mutants: { readonly mutant: Mutant; readonly turn: number }[] = [];
  const equivalent: Mutant[] = [];
  for (const [folder, count] of shares(options.count, options.folders)) {
    let left = options.only.length > 0 ? Number.MAX_SAFE_INTEGER : count;
    for (const mutant of drawn(all.get(folder) ?? [], options.seed)) {
      if (left === 0) break;
      const { only } = options;
      const wanted = ({ file, line }: { file: string; line: number | null }): boolean =>
        file === mutant.file && (line === null || line === mutant.line);
      if (only.length > 0 && !only.some(wanted)) continue;
      if (!parses(mutant.file, applied(sources.get(mutant.file) ?? '', mutant))) continue;
      if (reasonFor(mutant) !== null) {
        equivalent.push(mutant);
        continue;
      }
      mutants.push({ mutant, turn: -left });
      left -= 1;
    }
  }
  // Whatever may end a run early, each folder has had its share.
  mutants.sort((a, b) => a.turn - b.turn);
  return { mutants: mutants.map(({ mutant }) => mutant), equivalent };
}

async function main(): Promise<number> {
  const options = optionsOf(process.argv.slice(2));
  if (options === null) {
    process.stdout.write(HELP);
    return 0;
  }
  const isSource = (path: string): boolean => path.endsWith('.ts') && !path.endsWith('.d.ts');
  const sources = new Map(FOLDERS.flatMap((folder) => filesUnder(`src/${folder}`, isSource)));
  const all = new Map(FOLDERS.map((folder) => [folder, [] as Mutant[]]));
  for (const [path, text] of sources) all.get(path.split('/')[1] as never)?.push(...mutantsOf(path, text));
  const { reasonFor, stale } = listed(readEquivalents(LIST), [...all.values()].flat());
  for (const { file, within, lineText, change } of stale) {
    print(`stale: ${file}, in ${within}: nothing there changes \`${change}\` of \`${lineText}\` any more`);
  }
  if (stale.length > 0) throw new Usage('test/mutants/equivalent.yaml has stale entries: look at each again');

  const { mutants, equivalent } = chosen(options, sources, all, reasonFor);
  if (options.list) {
    for (const mutant of mutants) print(`${mutant.operator.padEnd(10)} ${lineOf(mutant)}`);
    return 0;
  }
  print(`${mutants.length} mutants of ${[...all.values()].flat().length}, seed ${options.seed}`);
  const verdicts = await judged(options, mutants, sources);
  for (const verdict of verdicts.filter(({ status }) => status === 'survived')) {
    print(survivor(verdict, diffOf(sources.get(verdict.mutant.file) ?? '', verdict.mutant)));
  }
  for (const mutant of equivalent) print(`equivalent  ${lineOf(mutant)}\n    ${reasonFor(mutant) ?? ''}`);
  if (options.report !== null) writeFileSync(options.report, `${JSON.stringify(verdicts, null, 1)}\n`);
  const left = mutants.length - verdicts.length;
  if (left > 0) print(`${left} of ${mutants.length} not tried: --within ${options.withinMs / 1000} was over`);
  const { lines, score } = summary(verdicts, options.folders, equivalent.length, options.seed);
  print(lines.join('\n'));
  return score >= BAR ? 0 : 1;
}

async function judged(
  options: Options,
  mutants: readonly Mutant[],
  sources: ReadonlyMap<string, string>,
): Promise<readonly Verdict[]> {
  const tests = testFiles(ROOT);
  const beside = [...filesUnder('src', () => true), ...filesUnder('fixtures', () => true)];
  const cache = join(ROOT, 'node_modules/.cache/dynaferry-mutants/looks-2.json');
  const looks = new Looks(sources, beside, tests, cache);
  const judge = new Judge(tests, looks, options.limitMs);
  const folder = mkdtempSync(join(tmpdir(), 'ferry-mutants-'));
  const halt = new AbortController();
  const stop = (): void => halt.abort(new Error('interrupted'));
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(signal, stop);
  const queue = mutants.map((mutant, index) => ({ mutant, index }));
  const verdicts: Verdict[] = [];
  const started = Date.now();
  let done = 0;

  const work = async (number: number): Promise<void> => {
    const job = new Job(ROOT, join(folder, `job-${number}`), halt.signal);
    looks.prepare(job.tree);
    try {
      for (let next = queue.shift(); next !== undefined; next = queue.shift()) {
        if (Date.now() - started > options.withinMs) break;
        halt.signal.throwIfAborted();
        const verdict = await judge.judge(next.mutant, job);
        verdicts[next.index] = verdict;
        done += 1;
        if (options.verbose || verdict.status === 'survived') {
          const by = verdict.by === null ? '' : `\n    by ${verdict.by.file}: ${verdict.by.test}`;
          const seconds = (verdict.ms / 1000).toFixed(1).padStart(6);
          print(`${verdict.status.padEnd(9)} ${done}/${mutants.length} ${seconds} s  ${lineOf(next.mutant)}${by}`);
        }
      }
    } catch (error) {
      halt.abort(error);
      throw error;
    } finally {
      await job.close();
    }
  };
  try {
    const outcomes = await Promise.allSettled(Array.from({ length: options.jobs }, (_, i) => work(i + 1)));
    const failed = outcomes.find((outcome) => outcome.status === 'rejected');
    if (failed !== undefined) throw halt.signal.reason;
    for (const [path, reason] of judge.red) print(`fails on the code as it is, and killed nothing: ${path}: ${reason}`);
    return verdicts.filter((verdict: Verdict | undefined) => verdict !== undefined);
  } finally {
    rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
  }
}

try {
  process.exitCode = await main();
} catch (error) {
  const known = error instanceof Usage;
  process.stderr.write(`mutants: ${known ? error.message : String(error instanceof Error ? error.stack : error)}\n`);
  process.exitCode = 2;
}
