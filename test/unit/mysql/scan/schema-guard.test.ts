/** When a table is looked at again: a look that failed is none, and one that hangs is none for long. */
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import type { Session } from '../../../../src/mysql/connection/session.js';
import { SchemaGuard } from '../../../../src/mysql/scan/schema-guard.js';

const signal = new AbortController().signal;

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['performance'] });
});
afterEach(() => {
  vi.useRealTimers();
});

function guard(): SchemaGuard {
  const table = { database: 'd', name: 't', columns: [], uniqueKeys: [], estimatedRows: 0 };
  const none = (): Promise<never> => Promise.reject(new Error('no witness is asked for'));
  return new SchemaGuard('s01', table, { choose: none, find: none, cheap: true });
}

/** Of which every statement comes to this. */
const session = (answer: () => Promise<never>): Session => ({ rows: answer, records: answer }) as unknown as Session;
const broken = session(() => Promise.reject(new Error('the connection broke')));

test('SchemaGuard repeats a look that failed at the next scan', async () => {
  const table = guard();
  await table.checkInTime(broken, signal);
  vi.advanceTimersByTime(10_000);
  for (let scans = 0; scans < 3; scans++)
    await expect(table.checkInTime(broken, signal)).rejects.toThrow('the connection broke');
});

test('SchemaGuard lets one look serve the scans that come in the meantime, for as long as a look is good for', async () => {
  const table = guard();
  vi.advanceTimersByTime(10_000);
  void table.checkInTime(
    session(() => new Promise(() => undefined)),
    signal,
  );
  await table.checkInTime(broken, signal);
  vi.advanceTimersByTime(10_000);
  await expect(table.checkInTime(broken, signal)).rejects.toThrow('the connection broke');
});
