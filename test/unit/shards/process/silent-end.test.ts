/** A process that ended without an outcome: what ended it is the fact, whether it had been asked to stop or not. */
import { expect, test } from 'vitest';
import { outOfMemory, tooManyProcesses } from '../../../../src/core/machine/machine-faults.js';
import { reasonOf, STILL_THERE, type SilentEnd } from '../../../../src/shards/process/silent-end.js';

const END: SilentEnd = { shard: 's01', how: 'SIGKILL', fatal: null, stopped: false, killed: null, byMachine: null };
const HUNG = { hung: 'gave no sign of life for 5 minutes' };
const of = (end: Partial<SilentEnd>): string => {
  const { code, message } = reasonOf({ ...END, ...end }, 30);
  return `${code}: ${message}`;
};
const NOT_RECORDED = 'its unfinished work is not in the checkpoint';

test.each<readonly [Partial<SilentEnd>, string]>([
  [{ how: 'SIGABRT' }, 'E_WORKER_DIED: the process of shard s01 ended by SIGABRT before it was done'],
  [{ how: 'SIGKILL' }, 'E_WORKER_DIED: the process of shard s01 ended by SIGKILL before it was done'],
  [
    {
      byMachine: outOfMemory(
        'the process of shard s01 ended by SIGKILL, while the kernel counted another process killed for lack of memory',
      ),
    },
    'E_OUT_OF_MEMORY: the process of shard s01 ended by SIGKILL, while the kernel counted another process killed for lack of memory',
  ],
  [
    { how: 'exit code 1', fatal: 'x' },
    'E_WORKER_DIED: the process of shard s01 ended by exit code 1 before it was done: x',
  ],
])('reasonOf gives the same reason after a stop as before it: %j', (end, told) => {
  expect(of(end)).toBe(told);
  expect(of({ ...end, stopped: true })).toBe(`${told}; it had been asked to stop, and ${NOT_RECORDED}`);
});

test('reasonOf reports an end on request as an interruption, and says what it left out', () => {
  const asked = `E_INTERRUPTED: the process of shard s01 was ended at once, as asked; ${NOT_RECORDED}`;
  expect(of({ stopped: true, killed: 'at-once' })).toBe(asked);
  const slow = `E_INTERRUPTED: the process of shard s01 was asked to stop, did not stop within 30 s, and was ended; ${NOT_RECORDED}`;
  expect(of({ stopped: true, killed: 'slow' })).toBe(slow);
  for (const how of ['SIGINT', 'SIGTERM', 'SIGHUP'])
    expect(of({ how })).toBe(`E_INTERRUPTED: the process of shard s01 was ended by ${how} before it had started`);
});

test('reasonOf lets a signal that was not sent from here explain itself, though another one was on its way', () => {
  expect(of({ how: 'SIGABRT', stopped: true, killed: 'at-once' })).toMatch(/^E_WORKER_DIED: .* ended by SIGABRT /);
});

test('reasonOf explains a process that hung, and one that does not even die', () => {
  expect(of({ killed: HUNG })).toBe(
    'E_WORKER_HUNG: the process of shard s01 gave no sign of life for 5 minutes and was ended',
  );
  const byMachine = tooManyProcesses(
    'the process of shard s01 did not start, because it got too few threads, and was ended',
  );
  for (const killed of ['refused', HUNG] as const)
    expect(of({ killed, byMachine })).toBe(
      'E_TOO_MANY_PROCESSES: the process of shard s01 did not start, because it got too few threads, and was ended',
    );
  for (const killed of [HUNG, 'at-once', 'slow'] as const)
    expect(of({ how: STILL_THERE, stopped: true, killed })).toBe(
      'E_WORKER_HUNG: the process of shard s01 was sent SIGKILL, and is still there',
    );
});
