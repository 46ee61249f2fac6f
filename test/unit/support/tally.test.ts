/** bin/test believes this count, so nothing that went wrong may look like nothing. */
import { describe, expect, it } from 'vitest';
import { serverReport, tally, vitestReport, type VitestReport } from '../../support/tally.js';

const FILE = '/checkout/test/unit/a.test.ts';
const results = (...statuses: readonly string[]): VitestReport['testResults'][number] => ({
  name: FILE,
  status: statuses.includes('failed') ? 'failed' : 'passed',
  assertionResults: statuses.map((status) => ({ status })),
});
const reportOf = (...testResults: VitestReport['testResults']): VitestReport => ({
  numTotalTests: testResults.flatMap(({ assertionResults }) => assertionResults).length,
  testResults,
});
const FIVE = results('passed', 'passed', 'passed', 'skipped', 'todo');
const EMPTY_FILE = results();
const BROKEN_FILE = { ...EMPTY_FILE, status: 'failed' };
const NO_MYSQL = {
  mysql: { started: [], lacking: [{ name: 'mysql-5.6', reason: 'no network' }] },
  dynamodb: { started: ['dynalite'], lacking: [] },
  tools: { started: [], lacking: [] },
};

describe('tally', () => {
  it('tally counts tests, and skipped ones apart', () => {
    expect(tally(0, reportOf(FIVE), null, [FILE])).toEqual({ passed: 3, failed: 0, skipped: 2 });
    const red = results('passed', 'failed', 'failed', 'skipped');
    expect(tally(1, reportOf(red), null, [FILE])).toEqual({ passed: 1, failed: 2, skipped: 1 });
  });

  it('tally counts a file that could not be loaded as a failure', () => {
    expect(tally(1, reportOf(FIVE, BROKEN_FILE), NO_MYSQL, []).failed).toBe(1);
  });

  it('tally counts a file without tests as a failure, unless its servers are lacking', () => {
    expect(tally(0, reportOf(FIVE, EMPTY_FILE), null, []).failed).toBe(1);
    expect(tally(0, reportOf(FIVE, EMPTY_FILE), NO_MYSQL, []).failed).toBe(0);
  });

  it('tally counts a run that failed as a whole, ran no test, or died as a failure', () => {
    expect(tally(1, reportOf(FIVE), null, []).failed).toBe(1);
    expect(tally(0, reportOf(), null, []).failed).toBe(1);
    expect(tally(139, null, null, [])).toEqual({ passed: 0, failed: 1, skipped: 0 });
  });

  it.each([
    ['a test that was found and not run to its end', reportOf(results('passed', 'pending'))],
    ['a test of a state that nobody knows', reportOf(results('passed', 'quarantined'))],
    ['a test that the report counts and does not name', { ...reportOf(results('passed')), numTotalTests: 2 }],
    ['a file whose hook failed, which leaves its tests out', reportOf({ ...results('passed'), status: 'failed' })],
    ['a file of the lane that never ran', reportOf({ ...results('passed'), name: '/checkout/test/unit/b.test.ts' })],
  ])('tally counts %s as a failure, although vitest was content', (_, report) => {
    expect(tally(0, report, null, [FILE])).toEqual({ passed: 1, failed: 1, skipped: 0 });
  });
});

it('vitestReport takes a report whole or not at all', () => {
  const text = JSON.stringify({ ...reportOf(FIVE), success: true });
  expect(vitestReport(text).numTotalTests).toBe(5);
  for (let length = 0; length < text.length; length++) expect(() => vitestReport(text.slice(0, length))).toThrow();
  for (const other of ['null', '[]', '{}', '{"numTotalTests":0}', '{"numTotalTests":0,"testResults":[{}]}']) {
    expect(() => vitestReport(other), other).toThrow('not a JSON report');
  }
  expect(serverReport(JSON.stringify(NO_MYSQL))).toEqual(NO_MYSQL);
  for (const other of ['null', '{}', '{"mysql":{"started":[],"lacking":[]}}', '']) {
    expect(() => serverReport(other), other).toThrow();
  }
});
