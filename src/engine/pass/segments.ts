/**
 * The two sides of a pass: the segments say where chunks come from, and the handler says what the pass does with a
 * chunk.
 */
import { defect } from '../../core/defect.js';
import type { Cursor, Range } from '../../core/model.js';
import type { RowChunk } from '../../core/row-block.js';
import type { StateStore } from '../../core/ports/state-ports.js';
import type { ChunkRecord, DifferenceRecord, Pass, SegmentProgress } from '../../core/ports/state-records.js';
import type { ShardContext, TableJob } from './table-job.js';

/** The properties of a chunk that a pass needs. A chunk is never empty. */
export interface Chunk {
  /** The cursor behind which a resume continues. */
  readonly last: Cursor;
  readonly bytes: number;
  /** How long its reading took, in ms. */
  readonly elapsedMs: number;
  readonly rows: {
    readonly length: number;
    /** Frees the chunk's memory. Nobody may read its rows afterwards. */
    release(): void;
  };
}

/** The result of a chunk. */
export interface ChunkResult {
  readonly record: Omit<ChunkRecord, 'segment' | 'last'>;
  /** All differences of the chunk. */
  readonly differences: readonly DifferenceRecord[];
}

/** A chunk that the handler has taken in. */
export interface TakenChunk {
  /** Resolves once the chunk may be committed. */
  readonly done: Promise<ChunkResult>;
}

/** How a pass treats a chunk. */
export interface ChunkHandler<C extends Chunk = RowChunk> {
  /**
   * Whether the pass compares. Then an empty segment is evidence too: it was empty when its scan started. The state
   * keeps that time.
   */
  readonly compares: boolean;
  /** Takes a chunk in. Back-pressure waits here: until it resolves, the segment reads no further chunk. */
  begin(chunk: C, signal: AbortSignal): Promise<TakenChunk>;
  /** Called once when the pass stops early, before chunks under way are awaited. */
  stop(): Promise<void>;
  /**
   * Called once when all segments are done and committed, before the pass is finished. If it throws, the pass stays
   * unfinished.
   */
  conclude?(signal: AbortSignal): Promise<void>;
}

/** The segments that a pass walks over. */
export interface Segments<C extends Chunk = RowChunk> {
  /** The progress of each segment. The pass does not walk complete ones again. */
  readonly progress: readonly SegmentProgress[];
  /** Reads the chunks of a segment in order, behind its watermark. */
  scan(segment: SegmentProgress, signal: AbortSignal): AsyncIterable<C>;
  /**
   * Confirms, once all segments are committed, that they were all of one and the same table. The pass calls it once.
   * @throws FerryError E_SOURCE_CHANGED, E_TABLE_MISSING
   */
  confirm(signal: AbortSignal): Promise<void>;
}

export interface PassWork<C extends Chunk = RowChunk> {
  readonly pass: Pass;
  readonly segments: Segments<C>;
  readonly handler: ChunkHandler<C>;
}

/** A segment that is a range of the table's plan. */
export type PlannedSegment = SegmentProgress & { readonly range: Range };

/** Returns the segments of a pass that follows a plan. @throws FerryError E_INTERNAL where the pass follows none */
export function plannedSegments({ passes }: StateStore, pass: Pass): readonly PlannedSegment[] {
  return passes.progress(pass).map((segment) => {
    if (segment.range === null) throw defect(`pass ${pass.id} over ${pass.table} follows no plan`);
    return { ...segment, range: segment.range };
  });
}

/**
 * Returns the ranges of a MySQL table, from the plan that the state keeps.
 * @param progress the progress of the ranges; by default, that of the state
 */
export function tableSegments(
  context: ShardContext,
  job: TableJob,
  pass: Pass,
  progress = plannedSegments(context.store, pass),
): Segments {
  const ranges = new Map(progress.map(({ index, range }) => [index, range]));
  return {
    progress,
    scan({ index, watermark }, signal) {
      const range = ranges.get(index);
      if (range === undefined) throw defect(`the plan of ${pass.table} has no range ${index}`);
      return job.source.scan(range, watermark, signal);
    },
    async confirm(signal) {
      const cuts = plannedSegments(context.store, pass).flatMap(({ range: { after, upTo } }) => [after, upTo]);
      const identity = await job.source.confirm(
        [...new Set(cuts)].filter((cursor) => cursor !== null),
        signal,
      );
      if (identity !== null) context.store.plans.setIdentity(pass.table, identity, false);
    },
  };
}
