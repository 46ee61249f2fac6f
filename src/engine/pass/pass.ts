/**
 * A pass: one walk over a whole table, range by range and chunk by chunk, several ranges at once. Backfill and verify
 * differ only in what they do with a chunk. A chunk is committed when it is done and all before it in its range are; on
 * a fault or a stop, reading ends, what is under way may finish, and what is contiguous is committed before the pass
 * rejects.
 */
import { Permits } from '../../core/async/permits.js';
import { interrupted } from '../../core/errors.js';
import type { Range } from '../../core/model.js';
import type { RowChunk } from '../../core/row-block.js';
import type { ChunkRecord, DifferenceRecord, Pass, RangeProgress } from '../../core/ports/state-ports.js';
import type { ShardContext, TableJob } from './table-job.js';
import { Watermark } from './watermark.js';

/** What a chunk came to. */
export interface ChunkResult {
  readonly record: Omit<ChunkRecord, 'range' | 'last'>;
  /** All of them; the first ones are kept, and the record counts the rest. */
  readonly differences: readonly DifferenceRecord[];
}

/** Differences that are kept of a chunk, as many as a report lists: all of it may be missing. */
const KEPT_OF_A_CHUNK = 20;

/** How a pass treats a chunk. */
export interface ChunkHandler {
  /**
   * Resolves once the chunk was taken in (this is where back-pressure waits); `done` resolves once it may be committed.
   */
  begin(chunk: RowChunk, range: Range, signal: AbortSignal): Promise<{ readonly done: Promise<ChunkResult> }>;
  /** Called once when the pass is stopping early, before what is under way is awaited. */
  stop(): Promise<void>;
  /**
   * Called once when all ranges are done and committed, before the pass is finished: what it throws leaves the pass
   * unfinished.
   */
  conclude?(signal: AbortSignal): Promise<void>;
}

/**
 * @param progress of the pass's ranges; complete ones are passed over
 * @throws what a handler or the source threw first; E_INTERRUPTED when the signal ended it
 */
export async function runPass(
  context: ShardContext,
  job: TableJob,
  pass: Pass,
  progress: readonly RangeProgress[],
  handler: ChunkHandler,
): Promise<void> {
  const ranges = progress.filter((range) => !range.complete);
  const halt = new AbortController();
  const signal = AbortSignal.any([context.signal, halt.signal]);
  let firstFault: { readonly thrown: unknown } | null = null;
  const fail = (thrown: unknown): void => {
    firstFault ??= { thrown };
    halt.abort();
  };
  const stopped = new Promise<void>((resolve) => {
    const stop = (): void => void handler.stop().then(resolve, resolve);
    if (signal.aborted) stop();
    else signal.addEventListener('abort', stop, { once: true });
  });

  const places = new Permits(() => context.scans);
  const walks: Promise<void>[] = [];
  const walk = (range: RangeProgress): Promise<void> =>
    new Promise((leave) => {
      walks.push(
        walkRange(context, job, pass, range, handler, signal, fail, { leave, onChunk: () => places.handOut() })
          .catch(fail)
          .finally(leave),
      );
    });
  await Promise.all(
    ranges.map(async (range) => {
      // Without a signal: a pass that stops goes through all ranges, and each of them ends at once.
      await places.take();
      await walk(range).finally(() => places.give());
    }),
  );
  await Promise.all(walks);
  if (signal.aborted) await stopped;
  const fault = firstFault as { readonly thrown: unknown } | null;
  if (context.signal.aborted) throw interrupted();
  if (fault !== null) throw fault.thrown;
  const cuts = context.store.progress(pass).flatMap(({ range: { after, upTo } }) => [after, upTo]);
  const identity = await job.source.confirm(
    [...new Set(cuts)].filter((cursor) => cursor !== null),
    context.signal,
  );
  if (identity !== null) context.store.setTableIdentity(pass.table, identity, false);
  await handler.conclude?.(context.signal);
  context.store.finishPass(pass);
}

/**
 * Chunks of one range under way. A range that comes to so many is slow, as one whose rows are all of one hot partition
 * key: the room that is left goes to the others. It leaves its place too, for good: an account that fills more ranges
 * than there are scans must not hold up all others, nor wait for them afterwards. How many SELECTs run at once is the
 * source's to hold.
 */
const CHUNKS_UNDER_WAY = 4;
/** Of a slow range: enough to go on with, and many such ranges still leave room. */
const CHUNKS_OF_SLOW = 2;

interface DoneChunk {
  readonly record: ChunkRecord;
  readonly differences: readonly DifferenceRecord[];
}

/**
 * One range from its watermark to its end; resolves when all its chunks are committed.
 * @param place `leave` is called when the range is slow; `onChunk` at each chunk, as there may be room for more ranges
 */
async function walkRange(
  context: ShardContext,
  job: TableJob,
  pass: Pass,
  progress: RangeProgress,
  handler: ChunkHandler,
  signal: AbortSignal,
  fail: (thrown: unknown) => void,
  place: { readonly leave: () => void; readonly onChunk: () => void },
): Promise<void> {
  const { range } = progress;
  const where = { shard: context.shard, table: pass.table, segment: range.index };
  // Where no row is found in the range, that is as old as the begin of the search.
  const since = { at: Date.now(), steady: context.store.latest() };
  const watermark = new Watermark<DoneChunk>((run) => {
    context.store.commitChunks(
      pass,
      run.map((done) => done.record),
      run.flatMap((done) => done.differences),
    );
    const rows = run.reduce((sum, done) => sum + done.record.rows, 0);
    context.emitter.emit('watermark.advanced', { ...where, chunks: run.length, rows });
  });
  const underWay = new Set<Promise<void>>();
  let slow = false;

  const finish = (chunk: RowChunk, result: ChunkResult, done: ReturnType<typeof watermark.start>): void => {
    context.emitter.emit(pass.kind === 'backfill' ? 'chunk.acknowledged' : 'chunk.compared', {
      ...where,
      rows: result.record.rows,
      items: result.record.items,
    });
    done({
      record: { ...result.record, range: range.index, last: chunk.last },
      differences: result.differences.slice(0, KEPT_OF_A_CHUNK),
    });
  };

  try {
    for await (const chunk of job.source.scan(range, progress.watermark, signal)) {
      context.emitter.emit('chunk.read', {
        ...where,
        rows: chunk.rows.length,
        bytes: chunk.bytes,
        elapsedMs: chunk.elapsedMs,
      });
      place.onChunk();
      const committable = watermark.start();
      const { done } = await handler.begin(chunk, range, signal);
      const settled: Promise<void> = done
        .then((result) => {
          finish(chunk, result, committable);
          // Nobody asks for its rows any more; of a chunk that failed, a report may.
          chunk.rows.release();
        })
        .catch(fail)
        .finally(() => underWay.delete(settled));
      underWay.add(settled);
      slow ||= underWay.size >= CHUNKS_UNDER_WAY;
      if (!slow) continue;
      place.leave();
      while (underWay.size >= CHUNKS_OF_SLOW) await Promise.race(underWay);
    }
  } finally {
    await Promise.all(underWay);
  }
  // Open chunks are those that failed, or whose commit did.
  if (watermark.open > 0 || signal.aborted) return;
  context.store.completeRange(pass, range.index, pass.kind === 'verify' ? since : undefined);
  context.emitter.emit('segment.completed', where);
}
