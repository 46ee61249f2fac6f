/**
 * Ends a run in order before V8 would end it with a trace of its own, which no program can hold back: where the heap is
 * nearly full though it was just cleared up, twice in a row. What fills it at one stroke is quicker than that. A
 * shard's process has another one above it, which tells of its end.
 */
import { PerformanceObserver, constants } from 'node:perf_hooks';
import { getHeapStatistics } from 'node:v8';
import { FerryError } from '../core/errors.js';

/** Of the most that V8 takes; the rest is for an orderly end. */
const NEARLY_FULL = 0.9;
const TIMES = 2;

/** @param full called once, soon after it was found @returns a function that ends the watch */
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
