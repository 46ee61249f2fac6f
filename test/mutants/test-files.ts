/**
 * The test files that there are, and what can be known of each without running it: what it imports, whether it needs
 * the built program.
 */
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import ts from 'typescript';

/**
 * The servers that a test file runs against: one of a sort, or all that there are besides. A test over every pair of
 * servers takes many times as long, and what one pair shows the others rarely do not.
 */
export type ServerSet = 'none' | 'first' | 'others';

export interface TestFile {
  /**
   * The path, and the servers where they are not the first ones: what is known of a file is known of it with these
   * servers.
   */
  readonly id: string;
  /** From the root of the checkout. */
  readonly path: string;
  readonly project: 'unit' | 'servers';
  /** Starts the built program, so that it may run any source file. */
  readonly runsProgram: boolean;
  readonly servers: ServerSet;
  /** How long it took when the checkout's own tests ran last, as vitest noted it; null where it has no note. */
  readonly notedMs: number | null;
  /** Files of src/ that it imports, and over how many steps: 1 is directly. */
  readonly imports: ReadonlyMap<string, number>;
  /** Its own, without what it imports. */
  readonly text: string;
  /** Of its own text and of all that it imports under test/. */
  readonly hash: string;
}

/** They test the tests, the documentation and the layers. */
const LEFT_OUT =
  /^test\/(unit\/(architecture\.test\.ts|docs|support|mutants|fixtures|types)|integration\/(support|demo|docs))/;
/** What is imported by whatever starts the built program. */
const STARTS_PROGRAM = new Set(['test/support/cli.ts']);
/** What is imported by whatever asks for a server of the run. */
const ASKS_SERVERS = new Set(['test/support/mysql.ts', 'test/support/dynamodb.ts', 'test/support/own-mysql.ts']);
/** These start scripts, whose imports are not theirs. */
const STARTS_SCRIPTS = 'test/integration/state/';

/** Each file that needs MySQL or DynamoDB twice: with the first servers, and with the others. */
export function testFiles(root: string): readonly TestFile[] {
  const found = readdirSync(join(root, 'test'), { recursive: true, encoding: 'utf8' })
    .map((name) => `test/${name}`)
    .filter((path) => /^test\/(unit|contract|integration|faults)\/.*\.test\.ts$/.test(path) && !LEFT_OUT.test(path));
  const direct = new Map<string, readonly string[]>();
  const noted = notedDurations(root);
  return found.sort().flatMap((path) => {
    const closure = closureOf(root, path, direct);
    const scripts = path.startsWith(STARTS_SCRIPTS) ? scriptsClosure(root, direct) : [];
    const all = new Map([...scripts, ...closure]);
    const hash = createHash('sha256');
    for (const file of [...all.keys()].sort()) {
      if (file.startsWith('test/')) hash.update(file).update(readFileSync(join(root, file)));
    }
    const file: TestFile = {
      id: path,
      path,
      project: path.startsWith('test/unit/') ? 'unit' : 'servers',
      runsProgram: [...all.keys()].some((imported) => STARTS_PROGRAM.has(imported)),
      servers: [...all.keys()].some((imported) => ASKS_SERVERS.has(imported)) ? 'first' : 'none',
      notedMs: noted.get(path) ?? null,
      text: readFileSync(join(root, path), 'utf8'),
      imports: new Map([...all].filter(([imported]) => imported.startsWith('src/'))),
      hash: hash.digest('hex'),
    };
    return file.servers === 'none' ? [file] : [file, { ...file, id: `${path} (other servers)`, servers: 'others' }];
  });
}

/** By path, ms, from vitest's cache; a hint for the order alone, so that whatever cannot be read there is no note. */
function notedDurations(root: string): ReadonlyMap<string, number> {
  const folder = join(root, 'node_modules/.vite/vitest');
  const noted = new Map<string, number>();
  if (!existsSync(folder)) return noted;
  for (const name of readdirSync(folder)) {
    try {
      const { results } = JSON.parse(readFileSync(join(folder, name, 'results.json'), 'utf8')) as {
        readonly results: readonly (readonly [name: string, result: { readonly duration: number }])[];
      };
      for (const [file, { duration }] of results) noted.set(file.slice(file.indexOf(':') + 1), duration);
    } catch {
      // Of another version of vitest.
    }
  }
  return noted;
}

function scriptsClosure(root: string, direct: Map<string, readonly string[]>): readonly (readonly [string, number])[] {
  const folder = join(root, STARTS_SCRIPTS, 'scripts');
  if (!existsSync(folder)) return [];
  return readdirSync(folder).flatMap((name) => [...closureOf(root, `${STARTS_SCRIPTS}scripts/${name}`, direct)]);
}

/** What it imports, with the steps to it, and itself. */
function closureOf(root: string, path: string, direct: Map<string, readonly string[]>): ReadonlyMap<string, number> {
  const closure = new Map([[path, 0]]);
  // A map grows while it is walked, so that the nearest come first.
  for (const [file, steps] of closure) {
    let imports = direct.get(file);
    if (imports === undefined) {
      imports = importsOf(root, file);
      direct.set(file, imports);
    }
    for (const imported of imports) if (!closure.has(imported)) closure.set(imported, steps + 1);
  }
  return closure;
}

function importsOf(root: string, file: string): readonly string[] {
  const { importedFiles } = ts.preProcessFile(readFileSync(join(root, file), 'utf8'), true, true);
  return importedFiles
    .filter(({ fileName }) => fileName.startsWith('.'))
    .map(({ fileName }) => relative(root, resolve(root, dirname(file), fileName.replace(/\.js$/, '.ts'))))
    .filter((path) => path.endsWith('.ts') && existsSync(join(root, path)));
}
