/** A command that reads a few items beside a run which gives up nothing of the budget, as one that is stopped. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, expect, test, vi } from 'vitest';
import type { Config } from '../../../src/config/model.js';
import type { Fault } from '../../../src/core/errors.js';
import { joinBudget, openReadBudget } from '../../../src/wiring/shared-budget.js';

const state = mkdtempSync(join(tmpdir(), 'shared-budget-'));
afterEach(() => {
  vi.useRealTimers();
  rmSync(state, { recursive: true });
});

test('openReadBudget says once whom it waits for, and reads when that one is gone', async () => {
  const config = { state, target: { table: 'messages', readCapacity: 100 } } as Pick<Config, 'state' | 'target'>;
  const stopped = joinBudget(config, 'read');
  expect(stopped.look(1)).toBe(1);
  vi.useFakeTimers();
  const told: Fault[] = [];
  const reads = openReadBudget(config, (fault) => told.push(fault));
  await vi.advanceTimersByTimeAsync(60_000);
  expect(reads.bucket.limit).toBe(0);
  expect(told.map(({ code, message }) => `${code}: ${message}`)).toEqual([
    `E_STATE_LOCKED: the run of process ${process.pid} has the whole read budget of table messages, and has not shared it for 10 s; this run waits for it`,
  ]);
  stopped.leave();
  await vi.advanceTimersByTimeAsync(5_000);
  expect([reads.bucket.limit, told.length]).toEqual([100, 1]);
  reads.end();
});

test('openReadBudget reports once that a damaged ledger was made new, and gives its budget', async () => {
  mkdirSync(state, { recursive: true });
  const config = { state, target: { table: 'messages', readCapacity: 100 } } as Pick<Config, 'state' | 'target'>;
  writeFileSync(join(state, 'budget.ledger'), 'not a ledger at all, but long enough to be looked at');
  const told: Fault[] = [];
  const reads = openReadBudget(config, (fault) => told.push(fault));
  await vi.waitFor(() => expect(reads.bucket.limit).toBe(100));
  reads.end();
  expect(told.map(({ code, message }) => `${code}: ${message}`)).toEqual([
    expect.stringMatching(
      /^E_STATE_CORRUPT: the file of the shared capacity budget was damaged, .*renamed it to .*damaged-\S+, and made a new/,
    ),
  ]);
});

test('joinBudget does not say that a run waits for its part while that run is paused as a whole', () => {
  const config = { state, target: { table: 'messages' } } as Config;
  const other = joinBudget(config, 'write');
  expect(other.look(1)).toBe(1);
  const paused = joinBudget(config, 'write');
  for (let look = 0; look < 50; look++) {
    expect(paused.look(0, false)).toBe(0);
    expect(paused.warning()).toBeNull();
  }
  paused.leave();
  other.leave();
});
