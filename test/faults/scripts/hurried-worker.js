// @ts-check
/**
 * Loaded before a program (`node --import`): what a shard's process does at intervals comes HURRY times as often, so
 * that minutes in which nothing moves are over in seconds. The supervisor, which has no channel to a parent, keeps its
 * pace.
 */
const HURRY = 30;
const setRealInterval = globalThis.setInterval;

if (process.send !== undefined) {
  globalThis.setInterval = /** @type {typeof setInterval} */ (
    (/** @type {() => void} */ run, /** @type {number} */ ms) => setRealInterval(run, ms / HURRY)
  );
}
