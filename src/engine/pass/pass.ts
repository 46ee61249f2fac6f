/**
 * A pass is one walk over a whole table, segment by segment and chunk by chunk, several segments at once. The segments
 * say where chunks come from: a range of a MySQL table, or a segment of a scan of the target. The handler says what the
 * pass does with a chunk. A pass commits a chunk when that chunk and all before it in its segment are done. On a fault
 * or a stop, reading ends, and chunks under way may finish. The pass commits the contiguous ones before it rejects.
 */
import { Permits } from '../../core/async/permits.js';
import { interrupted } from '../../core/errors.js';
import type { SegmentProgress } from '../../core/ports/state-records.js';
import { SegmentWalk } from './segment-walk.js';
import type { Chunk, PassWork } from './segments.js';
import type { ShardContext } from './table-job.js';

/**
 * Runs a pass to its end. @throws what a handler or a scan threw first; E_INTERRUPTED if the context's signal ended the
 * pass
 */
export async function runPass<C extends Chunk>(context: ShardContext, work: PassWork<C>): Promise<void> {
  const { pass, segments, handler } = work;
  const halt = new AbortController();
  const signal = AbortSignal.any([context.signal, halt.signal]);
  let firstFault: { readonly thrown: unknown } | null = null;
  const onFault = (thrown: unknown): void => {
    firstFault ??= { thrown };
    halt.abort();
  };
  const stopped = new Promise<void>((resolve) => {
    const stop = (): void => void handler.stop().then(resolve, resolve);
    if (signal.aborted) stop();
    else signal.addEventListener('abort', stop, { once: true });
  });

  const slots = new Permits(() => context.scans);
  // The number of scans may have grown.
  const onChunk = (): void => slots.handOut();
  const walks: Promise<void>[] = [];
  // A slow segment gives its slot to another segment, and continues beside it.
  const walk = (segment: SegmentProgress): Promise<void> =>
    new Promise((onSlow) => {
      const walk = new SegmentWalk({ context, work, segment, signal, onFault, onSlow, onChunk });
      walks.push(walk.run().catch(onFault).finally(onSlow));
    });
  const open = segments.progress.filter(({ complete }) => !complete);
  await Promise.all(
    open.map(async (segment) => {
      // The wait takes no signal: a pass that stops starts every open segment, and each of them ends at once.
      await slots.take();
      await walk(segment).finally(() => slots.give());
    }),
  );
  await Promise.all(walks);
  if (signal.aborted) await stopped;
  const fault = firstFault as { readonly thrown: unknown } | null;
  if (context.signal.aborted) throw interrupted();
  if (fault !== null) throw fault.thrown;
  await segments.confirm(context.signal);
  await handler.conclude?.(context.signal);
  context.store.passes.finish(pass);
}
