/** bin/test believes this count, so nothing that went wrong may look like nothing. */
import { describe, expect, it } from 'vitest';
import { tally, type VitestReport } from '../../support/tally.js';

const REPORT: VitestReport = {
  numPassedTests: 5,
  numFailedTests: 0,
  numPendingTests: 1,
  numTodoTests: 1,
  testResults: [{ status: 'passed', assertionResults: [{}] }],
};
const EMPTY_FILE = { status: 'passed', assertionResults: [] };
const BROKEN_FILE = { status: 'failed', assertionResults: [] };
const NO_MYSQL = {
  mysql: { started: [], lacking: [{ name: 'mysql-5.6', reason: 'no network' }] },
  dynamodb: { started: ['dynalite'], lacking: [] },
  tools: { started: [], lacking: [] },
};

describe('tally', () => {
  it('counts tests, and skipped ones apart', () => {
    expect(tally(0, REPORT, null)).toEqual({ passed: 5, failed: 0, skipped: 2 });
    expect(tally(1, { ...REPORT, numFailedTests: 3 }, null)).toEqual({ passed: 5, failed: 3, skipped: 2 });
  });

  it('counts a file that could not be loaded', () => {
    expect(tally(1, { ...REPORT, testResults: [BROKEN_FILE] }, NO_MYSQL).failed).toBe(1);
  });

  it('counts a file without tests, unless its servers are lacking', () => {
    expect(tally(0, { ...REPORT, testResults: [EMPTY_FILE] }, null).failed).toBe(1);
    expect(tally(0, { ...REPORT, testResults: [EMPTY_FILE] }, NO_MYSQL).failed).toBe(0);
  });

  it('counts a run that failed as a whole, ran no test, or died', () => {
    expect(tally(1, REPORT, null).failed).toBe(1);
    expect(tally(0, { ...REPORT, numPassedTests: 0, numPendingTests: 0, numTodoTests: 0 }, null).failed).toBe(1);
    expect(tally(139, null, null)).toEqual({ passed: 0, failed: 1, skipped: 0 });
  });
});
