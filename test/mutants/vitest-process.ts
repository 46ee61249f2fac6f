/**
 * A vitest that stays: the process that test-run.ts starts. It runs the test files that it is asked for, one at a time
 * and in that order, in a fresh worker each, and what has been transformed stays until a file is said to have changed.
 * It says what happened in that run alone, and nothing of runs before.
 */
import { Writable } from 'node:stream';
import { createVitest, type Reporter, type TestCase, type TestModule, type TestSpecification } from 'vitest/node';

export interface Request {
  /** Absolute paths of test files. */
  readonly files: readonly string[];
  /** One test alone, by its full name; null: all of each file. */
  readonly name: string | null;
  /** All failures, not the first one alone. */
  readonly all: boolean;
  /** Absolute paths of what was written since the last request. */
  readonly changed: readonly string[];
}

export interface FailedTest {
  /** From the root of the tree. */
  readonly file: string;
  readonly test: string;
  /** The first line of what was thrown. */
  readonly message: string;
}

export interface Answer {
  readonly passed: boolean;
  /** Tests that ran and passed. */
  readonly tests: number;
  /** The first one; null where nothing failed, and where the run failed outside of any test. */
  readonly failed: FailedTest | null;
  /** By test file, ms. Files that a failure kept from running are absent. */
  readonly durations: readonly (readonly [file: string, ms: number])[];
  /** The end of what it printed. */
  readonly output: string;
}

const OUTPUT_CHARACTERS = 4_000;

/** Sent whenever a test or a file has ended. */
const PROGRESS = 'progress';

/** In the order in which they were asked for: vitest would begin with what failed last. */
class AsAsked {
  shard(files: TestSpecification[]): TestSpecification[] {
    return files;
  }
  sort(files: TestSpecification[]): TestSpecification[] {
    return files;
  }
}

class Collector implements Reporter {
  readonly modules: TestModule[] = [];
  errors: readonly { readonly stack?: string; readonly message: string }[] = [];

  onTestModuleEnd(module: TestModule): void {
    this.modules.push(module);
    process.send?.(PROGRESS);
  }
  onTestCaseResult(): void {
    process.send?.(PROGRESS);
  }
  onTestRunEnd(_modules: readonly TestModule[], errors: Collector['errors']): void {
    this.errors = errors;
  }
  clear(): void {
    this.modules.length = 0;
    this.errors = [];
  }
}

async function serve(root: string, project: string): Promise<void> {
  let output = '';
  const sink = (): Writable =>
    new Writable({
      write(part: Buffer | string, _encoding, done): void {
        output = (output + part.toString()).slice(-OUTPUT_CHARACTERS);
        done();
      },
    });
  const collector = new Collector();
  const vitest = await createVitest(
    'test',
    {
      root,
      config: '.config/vitest.config.ts',
      project: [project],
      watch: false,
      maxWorkers: 1,
      bail: 1,
      reporters: [collector],
      sequence: { sequencer: AsAsked },
    },
    {},
    { stdout: sink(), stderr: sink() },
  );
  await vitest.standalone();
  const its = vitest.getProjectByName(project);

  const answerTo = async ({ files, name, all, changed }: Request): Promise<Answer> => {
    output = '';
    collector.clear();
    for (const file of changed) vitest.invalidateFile(file);
    its.config.bail = all ? 0 : 1;
    const pattern = name === null ? {} : { testNamePattern: new RegExp(`^${escaped(name)}$`) };
    await vitest.runTestSpecifications(files.map((file) => its.createSpecification(file, pattern)));
    // As they ended, hence as they were asked for.
    const ended = collector.modules.filter(({ moduleId }) => files.includes(moduleId));
    const failed = ended.map((module) => failureIn(module)).find((failure) => failure !== null) ?? null;
    const whole = files.every((file) => ended.some(({ moduleId }) => moduleId === file));
    const passed = whole && ended.every((module) => module.ok()) && collector.errors.length === 0;
    for (const error of collector.errors) output += `\n${error.stack ?? error.message}`;
    return {
      passed,
      tests: ended.flatMap((module) => [...module.children.allTests('passed')]).length,
      failed,
      durations: ended
        .filter((module) => module.state() !== 'pending' && module.state() !== 'queued')
        .map((module) => [nameOfFile(module), durationOf(module)]),
      output: output.slice(-OUTPUT_CHARACTERS),
    };
  };

  process.on('message', (request: Request) => {
    answerTo(request).then(
      (answer) => process.send?.(answer),
      (error: unknown) => {
        const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
        process.send?.({ passed: false, tests: 0, failed: null, durations: [], output: text } satisfies Answer);
      },
    );
  });
  process.send?.('ready');
}

function failureIn(module: TestModule): FailedTest | null {
  const file = nameOfFile(module);
  for (const test of module.children.allTests('failed')) {
    return { file, test: fullNameOf(test), message: firstLine(test.result().errors?.[0]) };
  }
  const [loading] = module.errors();
  if (loading !== undefined) return { file, test: '(loading)', message: firstLine(loading) };
  for (const suite of module.children.allSuites()) {
    const [hook] = suite.errors();
    if (hook !== undefined) return { file, test: '(a hook)', message: firstLine(hook) };
  }
  return null;
}

/** As a pattern of names is held against it: the suites and the test, with blanks between. */
function fullNameOf(test: TestCase): string {
  const names = [test.name];
  for (let at = test.parent; at.type === 'suite'; at = at.parent) names.unshift(at.name);
  return names.join(' ');
}

function durationOf(module: TestModule): number {
  const { environmentSetupDuration, prepareDuration, collectDuration, setupDuration, duration } = module.diagnostic();
  return Math.round(environmentSetupDuration + prepareDuration + collectDuration + setupDuration + duration);
}

/** `/tmp/tree/test/unit/a.test.ts` -> `test/unit/a.test.ts` */
function nameOfFile({ moduleId }: TestModule): string {
  return moduleId.slice(moduleId.lastIndexOf('/test/') + 1);
}

function firstLine(error: { readonly stack?: string; readonly message: string } | undefined): string {
  return (error?.stack ?? error?.message ?? '').split('\n', 1)[0]?.slice(0, 200) ?? '';
}

function escaped(text: string): string {
  return text.replace(/[\\^$.*+?()[\]{}|]/g, String.raw`\$&`);
}

// Whoever started it may die without a word.
process.once('disconnect', () => {
  process.kill(-process.pid, 'SIGKILL');
});
const [root = '', project = ''] = process.argv.slice(2);
await serve(root, project);
