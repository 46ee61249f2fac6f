/**
 * Walks one segment of a pass from its watermark to its end. The walk is over when all its chunks are committed.
 */
import type { ComparisonTime } from '../../core/evidence.js';
import type { ChunkRecord, DifferenceRecord, SegmentProgress } from '../../core/ports/state-records.js';
import { type Chunk, type ChunkResult, type PassWork } from './segments.js';
import type { ShardContext } from './table-job.js';
import { Watermark } from './watermark.js';

/**
 * Maximum number of differences in done chunks that wait for an earlier chunk to be done. All items of a table may be
 * missing. Beyond that, the segment reads no further chunk, so that they take some megabytes of memory at most.
 */
const WAITING_DIFFERENCES = 10_000;

/**
 * Number of chunks under way at which a segment counts as slow, for example because all its rows have one hot partition
 * key. The remaining room then goes to the other segments. The segment also gives up its slot for good. An account that
 * fills more segments than there are scans must not hold up the others, nor wait for them afterwards. The source limits
 * how many SELECTs run at once.
 */
const CHUNKS_UNDER_WAY = 4;
/**
 * Maximum number of chunks under way in a slow segment: enough for it to go on, and few enough that many such segments
 * leave room.
 */
const CHUNKS_OF_SLOW = 2;

export interface SegmentWalkOptions<C extends Chunk> {
  readonly context: ShardContext;
  readonly work: PassWork<C>;
  readonly segment: SegmentProgress;
  /** Ends the reading. */
  readonly signal: AbortSignal;
  /** Called with what a chunk's handler or its commit threw. */
  readonly onFault: (thrown: unknown) => void;
  /** Called once the segment is slow. */
  readonly onSlow: () => void;
  /** Called after each chunk that the scan has read. */
  readonly onChunk: () => void;
}

interface DoneChunk {
  readonly record: ChunkRecord;
  readonly differences: readonly DifferenceRecord[];
}

export class SegmentWalk<C extends Chunk> {
  readonly #options: SegmentWalkOptions<C>;
  readonly #where: { readonly shard: string; readonly table: string; readonly segment: number };
  readonly #watermark: Watermark<DoneChunk>;
  readonly #underWay = new Set<Promise<void>>();
  #slow = false;
  #waitingDifferences = 0;

  constructor(options: SegmentWalkOptions<C>) {
    const { context, work, segment } = options;
    this.#options = options;
    this.#where = { shard: context.shard, table: work.pass.table, segment: segment.index };
    this.#watermark = new Watermark((run) => this.#commit(run));
  }

  /** Walks the segment to its end. @throws what the scan or the handler threw, after the chunks under way have ended */
  async run(): Promise<void> {
    const { context, work, segment, signal } = this.#options;
    // An empty segment was empty at the earliest when its scan started.
    const startedAt = { at: Date.now(), steady: context.store.clock.latest() };
    try {
      for await (const chunk of work.segments.scan(segment, signal)) await this.#take(chunk);
    } finally {
      await Promise.all(this.#underWay);
    }
    // Chunks are still open where they failed, or where their commit failed.
    if (this.#watermark.open > 0 || signal.aborted) return;
    this.#complete(startedAt);
  }

  async #take(chunk: C): Promise<void> {
    const { context, work, signal, onFault, onSlow, onChunk } = this.#options;
    const { rows, bytes, elapsedMs } = chunk;
    context.emitter.emit('chunk.read', { ...this.#where, rows: rows.length, bytes, elapsedMs });
    onChunk();
    const committable = this.#watermark.start();
    const { done } = await work.handler.begin(chunk, signal);
    const settled: Promise<void> = done
      .then((result) => {
        this.#finish(chunk, result, committable);
        // Released only on success, because a report may still need the rows of a failed chunk.
        rows.release();
      })
      .catch(onFault)
      .finally(() => this.#underWay.delete(settled));
    this.#underWay.add(settled);
    while (this.#waitingDifferences > WAITING_DIFFERENCES && this.#underWay.size > 0)
      await Promise.race(this.#underWay);
    this.#slow ||= this.#underWay.size >= CHUNKS_UNDER_WAY;
    if (!this.#slow) return;
    onSlow();
    while (this.#underWay.size >= CHUNKS_OF_SLOW) await Promise.race(this.#underWay);
  }

  #finish(chunk: C, { record, differences }: ChunkResult, committable: (done: DoneChunk) => void): void {
    const { context, work, segment } = this.#options;
    const { rows, items } = record;
    context.emitter.emit(work.handler.compares ? 'chunk.compared' : 'chunk.acknowledged', {
      ...this.#where,
      rows,
      items,
    });
    this.#waitingDifferences += differences.length;
    committable({ record: { ...record, segment: segment.index, last: chunk.last }, differences });
  }

  #commit(run: readonly DoneChunk[]): void {
    const { context, work } = this.#options;
    const records = run.map((done) => done.record);
    const differences = run.flatMap((done) => done.differences);
    context.store.checkpoints.commit(work.pass, records, differences);
    this.#waitingDifferences -= differences.length;
    const rows = records.reduce((sum, record) => sum + record.rows, 0);
    context.emitter.emit('watermark.advanced', { ...this.#where, chunks: run.length, rows });
  }

  #complete(startedAt: ComparisonTime): void {
    const { context, work, segment } = this.#options;
    context.store.checkpoints.completeSegment(work.pass, segment.index, work.handler.compares ? startedAt : undefined);
    context.emitter.emit('segment.completed', this.#where);
  }
}
