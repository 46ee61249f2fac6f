import { describe, expect, test } from 'vitest';
import { Threads } from '../../../../src/shards/process/threads.js';

/** A machine with so many left, and processes that took so many. */
function machine(left: number | null, taken: Readonly<Record<number, number>> = {}): Threads {
  return new Threads(
    () => left,
    (pid) => taken[pid] ?? 0,
  );
}

describe('Threads', () => {
  test('Threads refuses a start where threads are lacking, or where others that start will take them', () => {
    expect(machine(11).lacking('s01')).toMatchObject({
      code: 'E_TOO_MANY_PROCESSES',
      message:
        'the process of shard s01 was not started: only 11 more processes and threads may start, and it needs 12',
    });
    expect(machine(12).lacking('s01')).toBeNull();
    const busy = machine(20, { 7: 3, 8: 30 });
    expect(busy.lacking('s01')).toBeNull();
    // It has 3 of its 12: 9 of those 20 are to be its own.
    busy.started(7);
    expect(busy.lacking('s01')?.message).toMatch(/only 11 more/);
    busy.settled(7);
    busy.started(8);
    expect(busy.lacking('s01')).toBeNull();
  });

  test('Threads explains an end by SIGABRT before the first word with too few threads, and an end that says so', () => {
    const few = machine(5);
    few.started(7);
    expect(few.ended('s01', 7, 'SIGABRT', '')).toMatchObject({ code: 'E_TOO_MANY_PROCESSES' });
    expect(few.ended('s01', 7, 'SIGKILL', '')).toBeNull();
    few.settled(7);
    expect(few.ended('s01', 7, 'SIGABRT', '')).toBeNull();
    const words = 'node[7]: pthread_create: Resource temporarily unavailable';
    expect(few.ended('s01', 7, 'SIGABRT', words)).toMatchObject({ code: 'E_TOO_MANY_PROCESSES' });
    const enough = machine(12);
    enough.started(7);
    expect(enough.ended('s01', 7, 'SIGABRT', '')).toBeNull();
  });

  test('Threads finds a process stuck that is silent from its start on, with too few threads', () => {
    const few = machine(2, { 7: 5, 8: 10 });
    expect(few.stuck('s01', 7)).toBeNull();
    for (const pid of [7, 8, 9]) few.started(pid);
    expect(few.stuck('s01', 7)).toMatchObject({ code: 'E_TOO_MANY_PROCESSES' });
    // It has what it wants, or is gone.
    for (const pid of [8, 9]) expect(few.stuck('s01', pid)).toBeNull();
  });

  test('Threads refuses nothing on a machine that does not say how many there are', () => {
    const silent = machine(null, { 7: 1 });
    silent.started(7);
    for (const fault of [silent.lacking('s01'), silent.ended('s01', 7, 'SIGABRT', ''), silent.stuck('s01', 7)])
      expect(fault).toBeNull();
  });
});
