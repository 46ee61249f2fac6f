/**
 * Ends a run in order when its heap is nearly full right after a full garbage collection, twice in a row. Otherwise V8
 * would end it with its own trace, which no program can hold back. If something fills the heap all at once, V8 is
 * quicker than this watch. For a shard's process, the supervisor above it reports the end.
 */
import { PerformanceObserver, constants } from 'node:perf_hooks';
import { getHeapStatistics } from 'node:v8';
import { FerryError } from '../core/errors.js';

/** This part of V8's heap limit. The rest is for an orderly end. */
const NEARLY_FULL = 0.9;
/** Full collections in a row after which the heap has to be nearly full. */
const TIMES = 2;

/**
 * @param full is called once, soon after the heap was found nearly full
 * @returns a function that ends the watch
 */
export function watchHeap(full: (fault: FerryError) => void): () => void {
  let times = 0;
  const observer = new PerformanceObserver((list) => {
    if (!list.getEntries().some(isFullCollection)) return;
    const { used_heap_size: used, heap_size_limit: most } = getHeapStatistics();
    times = used > NEARLY_FULL * most ? times + 1 : 0;
    if (times < TIMES) return;
    observer.disconnect();
    full(nearlyFull(most));
  });
  observer.observe({ entryTypes: ['gc'] });
  return () => observer.disconnect();
}

function isFullCollection(entry: object): boolean {
  const { detail } = entry as { readonly detail?: { readonly kind?: number } };
  return detail?.kind === constants.NODE_PERFORMANCE_GC_MAJOR;
}

function nearlyFull(most: number): FerryError {
  return new FerryError(
    'E_OUT_OF_MEMORY',
    `the main process of dynaferry has nearly used up its heap of ${Math.floor(most / 2 ** 20)} MiB, and stops`,
    'raise the limit (`NODE_OPTIONS=--max-old-space-size=4096`), or name fewer shards in a run (`--shard`). The report says how to resume. Report this: a run should not need so much memory',
  );
}
