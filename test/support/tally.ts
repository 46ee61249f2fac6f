/**
 * What a vitest run came to, from its JSON report: `tsx test/support/tally.ts EXIT-CODE JSON-REPORT [SERVER-REPORT]` prints
 * `PASSED FAILED SKIPPED` and then a line `NAME<tab>REASON` for each server, or tool, that could not be had. For bin/test.
 */
import { existsSync, readFileSync } from 'node:fs';
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
  readonly numPassedTests: number;
  readonly numFailedTests: number;
  /** Skipped, or never reached. */
  readonly numPendingTests: number;
  readonly numTodoTests: number;
  readonly testResults: readonly { readonly status: string; readonly assertionResults: readonly unknown[] }[];
}

/**
 * Besides tests, these count as one failure each: a file that has no test (it may have failed while loading), a run without any
 * test, a run that failed for a reason of its own (an unhandled rejection, a leak). Where all MySQL or all DynamoDB servers
 * are lacking, a file without tests is as it must be.
 *
 * @param report null where the run did not get as far as writing one
 */
export function tally(exitCode: number, report: VitestReport | null, servers: ServerReport | null): Tally {
  if (report === null) return { passed: 0, failed: 1, skipped: 0 };
  const lacking = servers !== null && (servers.mysql.started.length === 0 || servers.dynamodb.started.length === 0);
  const empty = report.testResults.filter(
    ({ status, assertionResults }) => assertionResults.length === 0 && (status === 'failed' || !lacking),
  ).length;
  const passed = report.numPassedTests;
  const skipped = report.numPendingTests + report.numTodoTests;
  const failed = report.numFailedTests + empty;
  const untold = failed === 0 && (exitCode !== 0 || passed + skipped === 0);
  return { passed, failed: untold ? 1 : failed, skipped };
}

function read(file: string | undefined): unknown {
  return file !== undefined && existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')) : null;
}

if (argv[1] === fileURLToPath(import.meta.url)) {
  const [exitCode, reportFile, serversFile] = argv.slice(2);
  const servers = read(serversFile) as ServerReport | null;
  const { passed, failed, skipped } = tally(Number(exitCode), read(reportFile) as VitestReport | null, servers);
  stdout.write(`${passed} ${failed} ${skipped}\n`);
  for (const sort of servers === null ? [] : [servers.mysql, servers.dynamodb, servers.tools]) {
    for (const { name, reason } of sort.lacking) stdout.write(`${name}\t${reason}\n`);
  }
}
