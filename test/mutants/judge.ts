/**
 * What becomes of one mutant: its test files one after the other, those that most likely kill it first, until one
 * fails. Files that are known not to run the changed code are not asked. The test that kills must have been seen to
 * pass on the code as it is, and where load might have been the cause (a time limit, a test that kills processes),
 * right after the kill.
 */
import type { Job } from './job.js';
import type { Looks } from './looks.js';
import type { Mutant } from './mutant.js';
import type { ServerSet, TestFile } from './test-files.js';
import type { FailedTest, RunOptions, RunResult } from './test-run.js';

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

/** A mutant that makes tests hang must not hold up the run, and a slow moment must not count as a kill. */
const SLOWER = 4;
const LEAST_LIMIT_MS = 20_000;
/**
 * Of files that have not been seen yet, by project: vitest itself ends a test of the first after 30 s, some of the
 * second have more.
 */
const UNKNOWN_LIMIT_MS = { unit: 35_000, servers: 120_000 } as const;
const LOOK_LIMIT_MS = 600_000;
/** Files run together as long as they take no longer, so that the time of one mutant is looked at in between. */
const TOGETHER_MS = 8_000;
const UNSEEN_TOGETHER = 12;
/** What has not been seen comes after all that has; of that, what is known to take longer than this comes last. */
const UNSEEN_COST = 1e9;
const SLOW_MS = 8_000;
/** More steps than there are to any file: of what runs the built program and imports nothing. */
const FAR = 1_000;
/** A test that imports a file over so few steps tests it, not what is made of it. */
const NEAR = 2;
const ATTEMPTS = 2;
const LOAD_MAY_CAUSE = /tim(ed|e) ?out|did not answer|ECONNREFUSED|passed before/i;

export class Judge {
  /** Kills by source file and test file: what killed one mutant of a file likely kills its next. */
  readonly #kills = new Map<string, number>();
  /**
   * Test files that failed on the code as it is, twice, with the reason: they would kill every mutant, so they are not
   * asked any more.
   */
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
        for (let left = stage.filter(({ id }) => !this.red.has(id)); left.length > 0;) {
          const group = this.#next(left, mutant);
          left = left.filter((test) => !group.includes(test) && this.looks.mayCover(test, mutant));
          const asked = group.filter((test) => this.looks.mayCover(test, mutant));
          if (asked.length === 0) continue;
          if (asked.some(({ servers }) => servers === 'others') && !(await job.hasOthers())) continue;
          if (this.mutantMs !== null && Date.now() - started > this.mutantMs) return verdict('survived', null, true);
          ran.push(...asked.map(({ id }) => id));
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
   * The files to run next, together: what has killed before first, then what is named like the file, then what mentions
   * what is changed, then what is known to be fast, then what has not been seen yet, the slow ones last. Of these,
   * tests of a server run one at a time, so that what their processes run is known to be theirs.
   */
  #next(tests: readonly TestFile[], mutant: Mutant): readonly TestFile[] {
    const kills = (test: TestFile): number => this.#kills.get(`${mutant.file} ${test.path}`) ?? 0;
    const ms = (test: TestFile): number => this.looks.of(test)?.ms ?? 0;
    const cost = (test: TestFile): number =>
      this.looks.of(test)?.ms ?? UNSEEN_COST + (test.notedMs !== null && test.notedMs > SLOW_MS ? test.notedMs : 0);
    const name = nameOf(mutant.file);
    const promising = (test: TestFile): number =>
      kills(test) + (nameOf(test.path) === name ? 0.5 : 0) + (mentions(test, mutant) ? 0.25 : 0);
    const [first, ...others] = tests
      .filter((test) => this.looks.mayCover(test, mutant))
      .sort((a, b) => promising(b) - promising(a) || cost(a) - cost(b));
    if (first === undefined) return tests;
    if (promising(first) > 0) return [first];
    if (this.looks.of(first) === null) {
      if (first.project === 'servers') return [first];
      return tests.filter((test) => this.looks.of(test) === null).slice(0, UNSEEN_TOGETHER);
    }
    const group = [first];
    let sum = ms(first);
    for (const test of others) {
      if (this.looks.of(test) === null) break;
      sum += ms(test);
      // What needs no built program goes first; one run has one project and one set of servers.
      if (sum > TOGETHER_MS || test.runsProgram !== first.runsProgram) break;
      if (test.project !== first.project || test.servers !== first.servers) break;
      group.push(test);
    }
    return group;
  }

  /** Runs the files over the mutant; a failure that is none of the mutant's counts as passed. */
  async #ask(group: readonly TestFile[], mutant: Mutant, job: Job): Promise<RunResult> {
    for (let attempt = 1; ; attempt += 1) {
      const known = group.every((test) => this.looks.of(test) !== null);
      const limitMs = this.#limitOf(group);
      const result = await this.#run(group, job, { limitMs });
      if (result.outcome === 'passed') return result;
      await job.tidy(group[0]?.servers ?? 'none');
      const { failed } = result;
      const suspect = group.find(({ path }) => path === failed?.file);
      const seen = failed === null || suspect === undefined ? known : this.looks.hasPassed(suspect, failed.test);
      if (seen && !loadMayCause(result)) return result;
      this.looks.restore(job.tree, mutant.file);
      const alone = failed !== null && suspect !== undefined && (await this.#passesAlone(suspect, failed.test, job));
      const unchanged = alone ? 'passed' : await this.#lookAt(suspect === undefined ? group : [suspect], job);
      this.looks.mutate(job.tree, mutant);
      // What did not pass alone, or had not the time that it usually takes, must fail once more.
      const sure = alone || (failed === null && (result.outcome !== 'timed out' || limitMs >= this.#limitOf(group)));
      if (unchanged === 'passed' && sure) return result;
      if (attempt === ATTEMPTS) return { ...result, outcome: unchanged === 'passed' ? result.outcome : 'passed' };
    }
  }

  /** How long nothing of them may end until they count as hanging, ms. */
  #limitOf(group: readonly TestFile[]): number {
    const usual = group.map((test) => this.looks.of(test)?.ms ?? null);
    if (usual.includes(null)) return UNKNOWN_LIMIT_MS[group[0]?.project ?? 'unit'];
    return LEAST_LIMIT_MS + SLOWER * Math.max(...usual.map((ms) => ms ?? 0));
  }

  /** Whether one test passes on the code as it is, without the others of its file. */
  async #passesAlone(test: TestFile, name: string, job: Job): Promise<boolean> {
    const { outcome, tests } = await this.#run([test], job, { limitMs: LOOK_LIMIT_MS, name });
    if (outcome !== 'passed' || tests === 0) return false;
    this.looks.tookPass(test, name);
    return true;
  }

  /** What becomes of them on the code as it is. What has never been seen to pass has two tries. */
  async #lookAt(tests: readonly TestFile[], job: Job): Promise<RunResult['outcome']> {
    let result = await this.#run(tests, job, { limitMs: LOOK_LIMIT_MS, all: true });
    if (result.outcome !== 'passed') result = await this.#run(tests, job, { limitMs: LOOK_LIMIT_MS, all: true });
    if (result.outcome === 'passed' || tests.every((test) => this.looks.of(test) !== null)) return result.outcome;
    const { failed } = result;
    const reason = `${failed?.test ?? result.outcome}: ${failed?.message ?? endOf(result.output)}`;
    for (const { id, path } of tests) if (failed === null || failed.file === path) this.red.set(id, reason);
    return result.outcome;
  }

  async #run(tests: readonly TestFile[], job: Job, options: RunOptions): Promise<RunResult> {
    const [first] = tests;
    if (first === undefined) throw new Error('no test file to run');
    if (tests.some(({ runsProgram }) => runsProgram)) await job.tree.build();
    this.looks.clear(job.tree);
    const runner = await job.runner(first.project, first.servers);
    const result = await runner.run(
      tests.map(({ path }) => path),
      options,
    );
    if (result.outcome === 'passed' && options.name === undefined) this.looks.take(tests, job.tree, result);
    return result;
  }
}

/**
 * From what mirrors the file to what only passes through it, and one server of a sort before the others; within a
 * stage, what needs no server first, then what is named alike, then what imports the file over the fewest steps, then
 * the most specific.
 */
function stagesOf(tests: readonly TestFile[], mutant: Mutant): readonly (readonly TestFile[])[] {
  const folder = mutant.file.split('/')[1] ?? '';
  const words = wordsOf(mutant.file);
  const alike = ({ path }: TestFile): number => wordsOf(path).filter((word) => words.includes(word)).length;
  const steps = ({ imports }: TestFile): number => imports.get(mutant.file) ?? FAR;
  const may = tests.filter(({ imports, runsProgram }) => runsProgram || imports.has(mutant.file));
  const stages: readonly (readonly [pattern: RegExp, sets: readonly ServerSet[]])[] = [
    [new RegExp(`^test/unit/${folder}/`), ['none', 'first']],
    [new RegExp(`^test/(contract|integration/${folder})/`), ['none']],
    [/^test\/unit\//, ['none', 'first']],
    [new RegExp(`^test/(contract|integration/${folder})/`), ['first']],
    [/^test\/integration\//, ['none', 'first']],
    [new RegExp(`^test/(contract|integration/${folder})/`), ['others']],
    [/^test\/faults\//, ['none', 'first']],
    [/./, ['others']],
  ];
  const placed = new Set<TestFile>();
  return stages.map(([pattern, sets]) => {
    const stage = may.filter((test) => !placed.has(test) && sets.includes(test.servers) && pattern.test(test.path));
    for (const test of stage) placed.add(test);
    return stage.sort(
      (a, b) => rank(a) - rank(b) || alike(b) - alike(a) || steps(a) - steps(b) || a.imports.size - b.imports.size,
    );
  });
}

/** A contract says the most where it costs little; over every pair of servers it costs much. */
function rank({ path, servers }: TestFile): number {
  const contract = path.startsWith('test/contract/');
  return servers === 'none' ? (contract ? 0 : 1) : contract ? 3 : 2;
}

/**
 * The text that is changed, such as an event's name; or, where the test is near to the module, the function or method
 * that it is in.
 */
function mentions({ text, project, imports }: TestFile, { file, operator, change, within }: Mutant): boolean {
  const literal = operator === 'string' ? /^'([^']{4,})' -> /.exec(change)?.[1] : undefined;
  if (literal !== undefined && text.includes(literal)) return true;
  const named = /(\w{4,})$/.exec(within)?.[1];
  const near = project === 'unit' || (imports.get(file) ?? FAR) <= NEAR;
  return near && named !== undefined && new RegExp(`\\b${named}\\b`).test(text);
}

/** `src/mysql/scan/chunk-scan.ts` -> chunk, scan */
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
