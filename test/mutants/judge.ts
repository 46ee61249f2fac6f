/**
 * What becomes of one mutant: its test files one after the other, those that most likely kill it first, until one fails. Files that are
 * known not to run the changed code are not asked. What kills must have been seen to pass on the code as it is, and where load might
 * have been the cause (a time limit, a test that kills processes), right after the kill.
 */
import type { JobServers } from './job-servers.js';
import type { Looks } from './looks.js';
import type { Mutant } from './mutant.js';
import type { TestFile } from './test-files.js';
import { runTests, type FailedTest, type RunResult } from './test-run.js';
import type { Tree } from './tree.js';

export interface Verdict {
  readonly mutant: Mutant;
  readonly status: 'killed' | 'timed out' | 'survived';
  /** What killed it; of a time limit, the first of the files that ran. */
  readonly by: FailedTest | null;
  readonly ms: number;
  /** Test files that ran over it. */
  readonly ran: readonly string[];
  /** Not every file that may run the code had its turn: the limit of time of one mutant was reached. */
  readonly cutShort: boolean;
}

export interface Job {
  readonly tree: Tree;
  /** Started when first asked for. */
  servers(): Promise<JobServers>;
  /** A file for DYNAFERRY_TEST_RUNNING that names none. */
  readonly noServers: string;
  readonly maxWorkers: number;
  /** For the tests' own temporary files. */
  readonly temporary: string;
  readonly signal: AbortSignal;
}

/** A mutant that makes tests hang must not hold up the run, and a slow moment must not count as a kill. */
const SLOWER = 4;
const LEAST_LIMIT_MS = 20_000;
/** Of files that have not been seen yet, and of the look at one. */
const UNKNOWN_LIMIT_MS = 120_000;
const LOOK_LIMIT_MS = 600_000;
/** Files run together as long as they take no longer: a start of vitest takes as long as many a file. */
const TOGETHER_MS = 8_000;
const ATTEMPTS = 2;
const LOAD_MAY_CAUSE = /tim(ed|e) ?out|did not answer|ECONNREFUSED|passed before/i;

export class Judge {
  /** Kills by source file and test file: what killed one mutant of a file likely kills its next. */
  readonly #kills = new Map<string, number>();
  /** Test files that failed on the code as it is, twice, with the reason: they would kill every mutant, so they are not asked any more. */
  readonly red = new Map<string, string>();

  /** @param mutantMs time of one mutant; null: all the files that may run the code have their turn */
  constructor(
    private readonly tests: readonly TestFile[],
    private readonly looks: Looks,
    private readonly mutantMs: number | null,
  ) {}

  async judge(mutant: Mutant, job: Job): Promise<Verdict> {
    const started = Date.now();
    const ran: string[] = [];
    const verdict = (status: Verdict['status'], by: FailedTest | null, cutShort = false): Verdict => ({
      mutant,
      status,
      by,
      ms: Date.now() - started,
      ran,
      cutShort,
    });
    this.looks.mutate(job.tree, mutant);
    try {
      for (const stage of stagesOf(this.tests, mutant)) {
        for (let left = stage.filter(({ path }) => !this.red.has(path)); left.length > 0;) {
          const group = this.#next(left, mutant);
          left = left.filter((test) => !group.includes(test) && this.looks.mayCover(test, mutant));
          const asked = group.filter((test) => this.looks.mayCover(test, mutant));
          if (asked.length === 0) continue;
          if (this.mutantMs !== null && Date.now() - started > this.mutantMs) return verdict('survived', null, true);
          ran.push(...asked.map(({ path }) => path));
          const result = await this.#ask(asked, mutant, job);
          if (result.outcome === 'passed') continue;
          const by = result.failed ?? { file: group[0]?.path ?? '', test: '(the run)', message: endOf(result.output) };
          const key = `${mutant.file} ${by.file}`;
          this.#kills.set(key, (this.#kills.get(key) ?? 0) + 1);
          return verdict(result.outcome === 'timed out' ? 'timed out' : 'killed', by);
        }
      }
      return verdict('survived', null);
    } finally {
      this.looks.restore(job.tree, mutant.file);
    }
  }

  /**
   * The files to run next, together: what has killed before first, then what is named like the file, then what mentions what is changed,
   * then what is known to be fast, then what has not been seen yet. Of these, tests of a server run one at a time, so that what their processes run is known to be theirs.
   */
  #next(tests: readonly TestFile[], mutant: Mutant): readonly TestFile[] {
    const kills = (test: TestFile): number => this.#kills.get(`${mutant.file} ${test.path}`) ?? 0;
    const ms = (test: TestFile): number => this.looks.of(test)?.ms ?? Infinity;
    const name = nameOf(mutant.file);
    const promising = (test: TestFile): number =>
      kills(test) + (nameOf(test.path) === name ? 0.5 : 0) + (mentions(test, mutant) ? 0.25 : 0);
    const [first, ...others] = tests
      .filter((test) => this.looks.mayCover(test, mutant))
      .sort((a, b) => promising(b) - promising(a) || (ms(a) === ms(b) ? 0 : ms(a) - ms(b)));
    if (first === undefined) return tests;
    if (promising(first) > 0) return [first];
    if (this.looks.of(first) === null) {
      return first.project === 'unit' ? tests.filter((test) => this.looks.of(test) === null) : [first];
    }
    const group = [first];
    let sum = ms(first);
    for (const test of others) {
      sum += ms(test);
      // What needs no built program goes first.
      if (sum > TOGETHER_MS || test.runsProgram !== first.runsProgram) break;
      group.push(test);
    }
    return group;
  }

  /** Runs the files over the mutant; a failure that is none of the mutant's counts as passed. */
  async #ask(group: readonly TestFile[], mutant: Mutant, job: Job): Promise<RunResult> {
    for (let attempt = 1; ; attempt += 1) {
      const known = group.every((test) => this.looks.of(test) !== null);
      const usual = group.reduce((sum, test) => sum + (this.looks.of(test)?.ms ?? 0), 0);
      const limitMs = known ? LEAST_LIMIT_MS + SLOWER * usual : UNKNOWN_LIMIT_MS;
      const result = await this.#run(group, job, limitMs, false);
      if (result.outcome === 'passed') return result;
      if (group.some(({ usesServers }) => usesServers)) await (await job.servers()).tidy();
      const { failed } = result;
      const suspects = failed === null ? group : group.filter(({ path }) => path === failed.file);
      if (known && !loadMayCause(result)) return result;
      this.looks.restore(job.tree, mutant.file);
      const unchanged = await this.#lookAt(suspects, job);
      this.looks.mutate(job.tree, mutant);
      if (unchanged === 'passed' && (known || result.outcome !== 'timed out')) return result;
      if (attempt === ATTEMPTS) return { ...result, outcome: unchanged === 'passed' ? result.outcome : 'passed' };
    }
  }

  /** What becomes of them on the code as it is. What has never been seen to pass has two tries. */
  async #lookAt(tests: readonly TestFile[], job: Job): Promise<RunResult['outcome']> {
    let result = await this.#run(tests, job, LOOK_LIMIT_MS, true);
    if (result.outcome !== 'passed') result = await this.#run(tests, job, LOOK_LIMIT_MS, true);
    if (result.outcome === 'passed' || tests.every((test) => this.looks.of(test) !== null)) return result.outcome;
    const { failed } = result;
    const reason = `${failed?.test ?? result.outcome}: ${failed?.message ?? endOf(result.output)}`;
    for (const { path } of tests) if (failed === null || failed.file === path) this.red.set(path, reason);
    return result.outcome;
  }

  async #run(tests: readonly TestFile[], job: Job, limitMs: number, all: boolean): Promise<RunResult> {
    const project = tests[0]?.project ?? 'unit';
    const running = tests.some(({ usesServers }) => usesServers) ? (await job.servers()).file : job.noServers;
    if (tests.some(({ runsProgram }) => runsProgram)) await job.tree.build();
    this.looks.clear(job.tree);
    const result = await runTests(
      job.tree,
      tests.map(({ path }) => path),
      {
        project,
        limitMs,
        maxWorkers: job.maxWorkers,
        all,
        env: { TMPDIR: job.temporary, NO_COLOR: '1', DYNAFERRY_TEST_RUNNING: running },
        signal: job.signal,
      },
    );
    if (result.outcome === 'passed') this.looks.take(tests, job.tree, result);
    return result;
  }
}

/**
 * From what mirrors the file to what only passes through it; within a stage, what needs no server first, then what is named alike, then
 * the most specific.
 */
function stagesOf(tests: readonly TestFile[], mutant: Mutant): readonly (readonly TestFile[])[] {
  const folder = mutant.file.split('/')[1] ?? '';
  const words = wordsOf(mutant.file);
  const alike = ({ path }: TestFile): number => wordsOf(path).filter((word) => words.includes(word)).length;
  const may = tests.filter(({ imports, runsProgram }) => runsProgram || imports.has(mutant.file));
  const stages = [
    new RegExp(`^test/unit/${folder}/`),
    new RegExp(`^test/(contract|integration/${folder})/`),
    /^test\/unit\//,
    /^test\/integration\//,
    /^test\/faults\//,
  ];
  const placed = new Set<TestFile>();
  return stages.map((pattern) => {
    const stage = may.filter((test) => !placed.has(test) && pattern.test(test.path));
    for (const test of stage) placed.add(test);
    return stage.sort((a, b) => rank(a) - rank(b) || alike(b) - alike(a) || a.imports.size - b.imports.size);
  });
}

/** A contract says the most where it costs little; over every pair of servers it costs much. */
function rank({ path, usesServers }: TestFile): number {
  const contract = path.startsWith('test/contract/');
  return usesServers ? (contract ? 3 : 2) : contract ? 0 : 1;
}

/** The text that is changed, such as an event's name; or, where all that runs is one module, the function or method that it is in. */
function mentions({ text, project }: TestFile, { operator, change, within }: Mutant): boolean {
  const literal = operator === 'string' ? /^'([^']{4,})' -> /.exec(change)?.[1] : undefined;
  if (literal !== undefined && text.includes(literal)) return true;
  const named = /(\w{4,})$/.exec(within)?.[1];
  return project === 'unit' && named !== undefined && new RegExp(`\\b${named}\\b`).test(text);
}

/** `src/mysql/chunk-scan.ts` -> chunk, scan */
function wordsOf(path: string): readonly string[] {
  return nameOf(path)
    .split('-')
    .map((word) => word.replace(/s$/, ''));
}

/** `test/unit/mysql/gate.test.ts` -> `gate` */
function nameOf(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1).replace(/(\.test)?\.ts$/, '');
}

function loadMayCause({ outcome, failed }: RunResult): boolean {
  if (outcome === 'timed out' || failed === null) return true;
  return failed.file.startsWith('test/faults/') || LOAD_MAY_CAUSE.test(failed.message);
}

function endOf(output: string): string {
  return output.trim().slice(-200);
}
