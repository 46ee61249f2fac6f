/**
 * The walk over a table itself: in what order things happen, what is committed, and what a stop or a fault leaves
 * behind.
 */
import { describe, expect, test } from 'vitest';
import type { Cursor } from '../../../../src/core/model.js';
import type { RowChunk } from '../../../../src/core/row-block.js';
import type { Pass } from '../../../../src/core/ports/state-records.js';
import { runPass } from '../../../../src/engine/pass/pass.js';
import { tableSegments, type ChunkHandler, type ChunkResult } from '../../../../src/engine/pass/segments.js';
import type { ShardContext, TableJob } from '../../../../src/engine/pass/table-job.js';
import { sampleChunk } from '../../../contract/state-store-samples.js';
import { cursorOf, mappingOf, openPlace, passOver, type Place, rowAtHand, scannedJob } from '../rows-at-hand.js';

const mapping = mappingOf();
const rowsOf = (...ids: readonly number[]) => ids.map((id) => rowAtHand(mapping, id));
const upTo = (count: number): readonly number[] => Array.from({ length: count }, (_, i) => i + 1);

/** One chunk a row; each is done when the test says so. */
class Handler implements ChunkHandler {
  compares = false;
  readonly chunks: RowChunk[] = [];
  readonly calls: string[] = [];
  readonly #open = new Map<string, { done: () => void; fail: (thrown: Error) => void }>();
  /** Chunks are done as soon as they are begun. */
  atOnce = true;
  begins: (id: string) => Promise<void> | void = () => undefined;

  async begin(chunk: RowChunk): Promise<{ readonly done: Promise<ChunkResult> }> {
    const id: string = chunk.last;
    this.chunks.push(chunk);
    this.calls.push(`begin ${id}`);
    await this.begins(id);
    const { segment: _range, last: _last, ...record } = sampleChunk({ rows: 1, items: 2 });
    const result = { record, differences: [] };
    if (this.atOnce) return { done: Promise.resolve(result) };
    const done = new Promise<ChunkResult>((resolve, reject) => {
      this.#open.set(id, { done: () => resolve(result), fail: reject });
    });
    return { done };
  }

  done(...ids: readonly number[]): void {
    for (const id of ids) this.#open.get(String(id))?.done();
  }

  fail(id: number, thrown: Error): void {
    this.#open.get(String(id))?.fail(thrown);
  }

  stop(): Promise<void> {
    this.calls.push('stop');
    return Promise.resolve();
  }

  conclude(): Promise<void> {
    this.calls.push('conclude');
    return Promise.resolve();
  }
}

/** Until nothing that is ready to go on has anything left to do. */
async function settled(): Promise<void> {
  for (let i = 0; i < 5; i += 1) await new Promise(setImmediate);
}

interface Running {
  readonly pass: Pass;
  /** 'running', 'done', or what it was rejected with. */
  outcome: unknown;
  readonly ended: Promise<void>;
  readonly halt: AbortController;
}

function run(
  place: Place,
  job: TableJob,
  handler: ChunkHandler,
  pass: Pass,
  changes: Partial<ShardContext> = {},
): Running {
  const halt = new AbortController();
  const context = { ...place.context, signal: halt.signal, ...changes };
  const walk = runPass(context, { pass, segments: tableSegments(context, job, pass), handler });
  const running: Running = {
    pass,
    halt,
    outcome: 'running',
    ended: walk.then(
      () => void (running.outcome = 'done'),
      (thrown: unknown) => void (running.outcome = thrown),
    ),
  };
  return running;
}

const watermarks = ({ store }: Place, pass: Pass): readonly (Cursor | null | 'complete')[] =>
  store.passes.progress(pass).map(({ watermark, complete }) => (complete ? 'complete' : watermark));
const isFinished = ({ store }: Place): boolean => store.passes.summary('backfill', 'messages')?.pass.finishedAt != null;

describe('runPass', () => {
  test('a pass reads, begins, commits and reports each chunk in this order, and is finished at its end', async () => {
    await using place = await openPlace();
    const job = scannedJob(mapping, rowsOf(1, 2, 3), 2);
    const handler = new Handler();
    const running = run(place, job, handler, passOver(place, 'backfill', 3));
    await running.ended;
    expect(running.outcome).toBe('done');
    const where = { shard: 's01', table: 'messages', segment: 0 };
    const one = (rows: number) => [
      { name: 'chunk.read', payload: { ...where, rows, bytes: 1, elapsedMs: 1 } },
      { name: 'chunk.acknowledged', payload: { ...where, rows: 1, items: 2 } },
      { name: 'watermark.advanced', payload: { ...where, chunks: 1, rows: 1 } },
    ];
    const said = place.events.map(({ name, payload }) => ({ name, payload }));
    expect(said).toEqual([...one(2), ...one(1), { name: 'segment.completed', payload: where }]);
    expect(handler.calls).toEqual(['begin 2', 'begin 3', 'conclude']);
    expect(watermarks(place, running.pass)).toEqual(['complete']);
    expect(isFinished(place)).toBe(true);
  });

  test('a pass skips complete ranges, and begins behind the watermark of the others', async () => {
    await using place = await openPlace();
    const pass = passOver(place, 'backfill', 2, 4, 6);
    place.store.checkpoints.commit(pass, [sampleChunk({ segment: 1, last: cursorOf(3) })], []);
    place.store.checkpoints.completeSegment(pass, 0);
    const handler = new Handler();
    await run(place, scannedJob(mapping, rowsOf(...upTo(6)), 1), handler, pass).ended;
    expect(handler.calls.sort()).toEqual(['begin 4', 'begin 5', 'begin 6', 'conclude']);
    expect(isFinished(place)).toBe(true);
  });

  test('a pass reads a chunk only once the one before it was taken in', async () => {
    await using place = await openPlace();
    const handler = new Handler();
    let takeIn = (): void => undefined;
    handler.begins = () => new Promise((resolve) => (takeIn = resolve));
    const running = run(place, scannedJob(mapping, rowsOf(1, 2), 1), handler, passOver(place, 'backfill', 2));
    await settled();
    expect(handler.calls).toEqual(['begin 1']);
    takeIn();
    await settled();
    expect(handler.calls).toEqual(['begin 1', 'begin 2']);
    takeIn();
    await running.ended;
  });

  test('a pass releases the rows of a committed chunk, and keeps those of a failed one for a report', async () => {
    await using place = await openPlace();
    const handler = new Handler();
    handler.atOnce = false;
    const running = run(place, scannedJob(mapping, rowsOf(1, 2), 1), handler, passOver(place, 'backfill', 2));
    await settled();
    handler.done(1);
    handler.fail(2, new Error('refused'));
    await running.ended;
    expect(handler.chunks.map(({ rows }) => rows.length)).toEqual([0, 1]);
  });

  test('a pass confirms with all cuts, once, what must still be in a table, and keeps the answer', async () => {
    await using place = await openPlace();
    const job = scannedJob(mapping, rowsOf(...upTo(4)), 1);
    const asked: Cursor[][] = [];
    const confirm = (cuts: readonly Cursor[]): Promise<string> => {
      asked.push([...cuts]);
      expect(isFinished(place)).toBe(false);
      return Promise.resolve('the same table');
    };
    await run(place, { ...job, source: { ...job.source, confirm } }, new Handler(), passOver(place, 'backfill', 2, 4))
      .ended;
    expect(asked).toEqual([['2', '4']]);
    expect(place.store.plans.identity('messages')).toBe('the same table');
  });

  test.each(['confirm', 'conclude'])('a pass is not finished where its last step throws: %s', async (last) => {
    await using place = await openPlace();
    const job = scannedJob(mapping, rowsOf(1), 1);
    const handler = new Handler();
    const fault = (): Promise<never> => Promise.reject(new Error(last));
    if (last === 'conclude') handler.conclude = fault;
    else job.source.confirm = fault;
    const running = run(place, job, handler, passOver(place, 'backfill', 1));
    await running.ended;
    expect(running.outcome).toEqual(new Error(last));
    expect([watermarks(place, running.pass), isFinished(place)]).toEqual([['complete'], false]);
  });

  test('a pass counts a range without rows as compared when its search began, not when it ended', async () => {
    await using place = await openPlace();
    await run(place, scannedJob(mapping, [], 1), new Handler(), passOver(place, 'backfill', 1)).ended;
    const job = scannedJob(mapping, [], 1);
    let now = 1_000;
    const completed: unknown[] = [];
    Object.assign(place.store.clock, { latest: () => now });
    Object.assign(place.store.checkpoints, {
      completeSegment: (...args: readonly unknown[]) => void completed.push(args),
    });
    const scan = job.source.scan.bind(job.source);
    job.source.scan = (...args) => {
      now = 9_000;
      return scan(...args);
    };
    const pass = passOver(place, 'verify', 1);
    const handler = new Handler();
    handler.compares = true;
    await run(place, job, handler, pass).ended;
    expect(completed).toEqual([[pass, 0, { at: expect.any(Number) as number, steady: 1_000 }]]);
  });
});

describe('a range with open chunks', () => {
  test('a slow range leaves its place in the pass to another one, and holds two chunks from then on', async () => {
    await using place = await openPlace();
    const handler = new Handler();
    handler.atOnce = false;
    const job = scannedJob(mapping, rowsOf(...upTo(10), 11, 12), 1);
    const running = run(place, job, handler, passOver(place, 'backfill', 10, 12), { scans: 1 });
    await settled();
    // Four of the first range make it slow; the second one has its place then.
    expect(handler.calls.sort()).toEqual(['begin 1', 'begin 11', 'begin 12', 'begin 2', 'begin 3', 'begin 4']);
    handler.done(1, 2);
    await settled();
    expect(handler.calls).not.toContain('begin 5');
    handler.done(3);
    await settled();
    expect(handler.calls).toContain('begin 5');
    expect(handler.calls).not.toContain('begin 6');
    const done = setInterval(() => handler.done(...upTo(12)), 1);
    await running.ended;
    clearInterval(done);
    expect(running.outcome).toBe('done');
    expect(watermarks(place, running.pass)).toEqual(['complete', 'complete']);
  });

  test('a range keeps its place in the pass while it is not slow', async () => {
    await using place = await openPlace();
    const handler = new Handler();
    handler.atOnce = false;
    const job = scannedJob(mapping, rowsOf(1, 2, 3, 4), 1);
    const running = run(place, job, handler, passOver(place, 'backfill', 3, 4), { scans: 1 });
    await settled();
    expect(handler.calls).toEqual(['begin 1', 'begin 2', 'begin 3']);
    handler.done(1, 2, 3);
    await settled();
    expect(handler.calls).toContain('begin 4');
    handler.done(4);
    await running.ended;
    expect(running.outcome).toBe('done');
  });

  test('a range of a pass is complete only once all its chunks are done', async () => {
    await using place = await openPlace();
    const handler = new Handler();
    handler.atOnce = false;
    const running = run(place, scannedJob(mapping, rowsOf(1, 2), 1), handler, passOver(place, 'backfill', 2));
    await settled();
    handler.done(2);
    await settled();
    expect([running.outcome, watermarks(place, running.pass)]).toEqual(['running', [null]]);
    handler.done(1);
    await running.ended;
    expect([running.outcome, watermarks(place, running.pass)]).toEqual(['done', ['complete']]);
  });
});

describe('a pass that ends early', () => {
  test('a pass that fails commits what is contiguous, completes no range, and rejects with the first fault', async () => {
    await using place = await openPlace();
    const handler = new Handler();
    handler.atOnce = false;
    const job = scannedJob(mapping, rowsOf(1, 2, 3, 11), 1);
    const running = run(place, job, handler, passOver(place, 'backfill', 10, 20), { scans: 2 });
    await settled();
    handler.fail(2, new Error('first'));
    await settled();
    // What is under way may finish.
    expect(running.outcome).toBe('running');
    handler.fail(3, new Error('second'));
    handler.done(1, 11);
    await running.ended;
    expect(running.outcome).toEqual(new Error('first'));
    expect(watermarks(place, running.pass)).toEqual(['1', '11']);
    expect(handler.calls.filter((call) => !call.startsWith('begin'))).toEqual(['stop']);
    expect(isFinished(place)).toBe(false);
  });

  test('a stopped pass is interrupted where it was stopped, whatever else went wrong then, and looks at nothing more', async () => {
    for (const thrown of [null, new Error('a socket was closed')]) {
      await using place = await openPlace();
      const handler = new Handler();
      const job = scannedJob(mapping, rowsOf(1, 2), 1);
      const pass = passOver(place, 'backfill', 2);
      const running = run(place, job, handler, pass);
      handler.begins = (id) => {
        if (id !== '2') return;
        running.halt.abort();
        if (thrown !== null) throw thrown;
      };
      await running.ended;
      expect(running.outcome).toMatchObject({ code: 'E_INTERRUPTED' });
      expect(watermarks(place, pass)).toEqual([thrown === null ? '2' : '1']);
      expect(handler.calls).toEqual(['begin 1', 'begin 2', 'stop']);
      expect(isFinished(place)).toBe(false);
    }
  });

  test('a pass waits until its handler has stopped, also where it was stopped before it began', async () => {
    await using place = await openPlace();
    const handler = new Handler();
    let stopped = (): void => undefined;
    handler.stop = () => new Promise((resolve) => (stopped = resolve));
    const pass = passOver(place, 'backfill', 1);
    const running = run(place, scannedJob(mapping, [], 1), handler, pass, { signal: AbortSignal.abort() });
    await settled();
    expect(running.outcome).toBe('running');
    stopped();
    await running.ended;
    expect(running.outcome).toMatchObject({ code: 'E_INTERRUPTED' });
    expect(watermarks(place, pass)).toEqual([null]);
  });
});
