/**
 * Counts the outcome of a vitest run from its JSON report, for bin/test: `tsx test/support/tally.ts EXIT-CODE LANE
 * JSON-REPORT [SERVER-REPORT]` prints `PASSED FAILED SKIPPED`. Then it prints a line `NAME<tab>REASON` for each server
 * or tool that was not available. LANE is the folder of the run's test files. A run that needs servers names
 * SERVER-REPORT, and has failed without it.
 *
 * Only a whole report counts: what is missing, cut or of another shape is a failure, never a zero. The kind of fault is
 * "a checker that fails looks like one that found nothing". We followed it through two places:
 *
 * - bin/test: this count, a report of an earlier lane, the last line on a full disk
 * - vitest's report: a file that never ran, a test that did not end, a suite whose hook failed, `.only`
 *
 * We did not follow it through test/mutants: `--within` cuts its lane short by design, and it says how many mutants
 * were not tried.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { argv, stdout } from 'node:process';
import { fileURLToPath } from 'node:url';
import type { ServerReport } from './global-setup.js';

export interface Tally {
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
}

/** The part of vitest's JSON report (Jest's format) that is read here. */
export interface VitestReport {
  /** Every test that was found, whatever became of it. */
  readonly numTotalTests: number;
  readonly testResults: readonly {
    /** Absolute path of the file. */
    readonly name: string;
    readonly status: string;
    /** `pending`: found, and not run to its end. */
    readonly assertionResults: readonly { readonly status: string }[];
  }[];
}

const ENDED = ['passed', 'failed', 'skipped', 'todo'] as const;

/**
 * Counts tests. Each of these also counts as one failure:
 *
 * - a file that has no test (it may have failed while loading)
 * - a file that failed for a reason outside its tests (a hook)
 * - a file of the lane that the report lacks
 * - a test that was found and not run to its end
 * - a run without any test
 * - a run that failed for a reason of its own (an unhandled rejection, a leak)
 *
 * Where all MySQL or all DynamoDB servers are lacking, a file may be without tests.
 *
 * @param report null where the run did not get as far as writing one
 * @param found the lane's test files, absolute paths
 */
export function tally(
  exitCode: number,
  report: VitestReport | null,
  servers: ServerReport | null,
  found: readonly string[],
): Tally {
  if (report === null) return { passed: 0, failed: 1, skipped: 0 };
  const lacking = servers !== null && (servers.mysql.started.length === 0 || servers.dynamodb.started.length === 0);
  const files = report.testResults;
  const tests = files.flatMap(({ assertionResults }) => assertionResults);
  const [passed = 0, red = 0, ...rest] = ENDED.map((status) => tests.filter((test) => test.status === status).length);
  const skipped = rest.reduce((sum, count) => sum + count, 0);
  const unfinished = Math.max(tests.length, report.numTotalTests) - passed - red - skipped;
  const fileFaults = files.filter(({ status, assertionResults }) => {
    const told = assertionResults.some((test) => test.status === 'failed');
    return status === 'failed' ? !told : assertionResults.length === 0 && !lacking;
  }).length;
  const ran = new Set(files.map(({ name }) => name));
  const neverRan = found.filter((name) => !ran.has(name)).length;
  const failed = red + unfinished + fileFaults + neverRan;
  const untold = failed === 0 && (exitCode !== 0 || passed + skipped === 0);
  return { passed, failed: untold ? 1 : failed, skipped };
}

/** @throws Error where it is no whole report of vitest's */
export function vitestReport(text: string): VitestReport {
  const read = JSON.parse(text) as Partial<VitestReport> | null;
  const whole =
    Number.isSafeInteger(read?.numTotalTests) &&
    Array.isArray(read?.testResults) &&
    read.testResults.every(
      (file: Partial<VitestReport['testResults'][number]> | null) =>
        typeof file?.name === 'string' &&
        typeof file.status === 'string' &&
        Array.isArray(file.assertionResults) &&
        file.assertionResults.every((test: { status?: unknown } | null) => typeof test?.status === 'string'),
    );
  if (!whole) throw new Error('this is not a JSON report of vitest');
  return read as VitestReport;
}

/** @throws Error where it is no whole report of the global setup's */
export function serverReport(text: string): ServerReport {
  const read = JSON.parse(text) as Partial<ServerReport> | null;
  for (const sort of [read?.mysql, read?.dynamodb, read?.tools]) {
    if (!Array.isArray(sort?.started) || !Array.isArray(sort.lacking)) {
      throw new Error('this is not a report of the servers that the tests had');
    }
  }
  return read as ServerReport;
}

/** Absolute paths of the lane's test files. */
function testFiles(lane: string): readonly string[] {
  return readdirSync(lane, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && basename(entry.name).endsWith('.test.ts'))
    .map((entry) => join(process.cwd(), entry.parentPath, entry.name));
}

if (argv[1] === fileURLToPath(import.meta.url)) {
  const [exitCode = '', lane = '', reportFile = '', serversFile] = argv.slice(2);
  const report = existsSync(reportFile) ? vitestReport(readFileSync(reportFile, 'utf8')) : null;
  // A run that ended before its servers were started has no report of either, and has failed.
  const servers = serversFile === undefined || report === null ? null : serverReport(readFileSync(serversFile, 'utf8'));
  const { passed, failed, skipped } = tally(Number(exitCode), report, servers, testFiles(lane));
  const lines = [`${passed} ${failed} ${skipped}`];
  for (const sort of servers === null ? [] : [servers.mysql, servers.dynamodb, servers.tools]) {
    for (const { name, reason } of sort.lacking) lines.push(`${name}\t${reason.replaceAll(/\s+/g, ' ')}`);
  }
  stdout.write(`${lines.join('\n')}\n`);
}
