// @ts-check
/**
 * Loaded before a program (`node --import`): what it does at intervals comes HURRY times as often, so that minutes of
 * silence are over in seconds. The processes of shards, which have a channel to their parent, keep their pace: only the
 * supervisor is in a hurry.
 */
const HURRY = 30;
const setRealInterval = globalThis.setInterval;

if (process.send === undefined) {
  globalThis.setInterval = /** @type {typeof setInterval} */ (
    (/** @type {() => void} */ run, /** @type {number} */ ms) => setRealInterval(run, ms / HURRY)
  );
}
