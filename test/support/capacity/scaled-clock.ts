/**
 * A clock that runs so many times as fast as `now` (the machine's, in ms): half an hour in seconds.
 * @returns monotonic ms
 */
export function scaledClock(factor: number, now = (): number => performance.now()): () => number {
  const begun = now();
  return () => (now() - begun) * factor;
}
