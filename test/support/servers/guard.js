// @ts-check
/**
 * Runs one program for a parent and outlives it by seconds at most. `fork`ed; the first message says what to do:
 * {folder: string|null, files: {name, text}[], steps: {command, args, cwd?}[], log: string|null, graceMs}
 * (a message, not an argument: arguments are for everybody on the machine to read). The steps run one after the other,
 * the last one is the program. `folder` is made here (0700), so that at no moment nobody would remove it.
 * Messages to the parent: {type:'started', pid}, {type:'exit', code, signal, log}, {type:'gone', orphans}.
 *
 * Why a process of its own: a parent that gets SIGKILL runs no handler, but the kernel closes its end of the IPC
 * channel, and `disconnect` arrives here. So closing, crashing, Ctrl-C and SIGKILL all take this one path: end the
 * program's whole process group (SIGTERM, after `graceMs` SIGKILL), then remove the folder. It is started in a session
 * of its own, so a Ctrl-C at the terminal reaches the parent alone.
 */
import { spawn } from 'node:child_process';
import { closeSync, mkdirSync, openSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

const LOG_TAIL_CHARACTERS = 4000;

/** @type {any} */
let spec = { graceMs: 0 };
let stopping = false;
/** Process group of the running step, or null between steps. @type {number | null} */
let group = null;

/** @param {object} message */
const tell = (message) => {
  // The parent may be gone at any moment: then there is nobody to tell.
  if (process.connected) process.send?.(message, () => undefined);
};

/** @param {number} pgid @param {NodeJS.Signals | 0} signal @returns {boolean} whether the group still has a process */
const signalGroup = (pgid, signal) => {
  try {
    return process.kill(-pgid, signal);
  } catch {
    return false;
  }
};

/**
 * Whether any process of the group still runs. On Linux a dead one whose new parent, init, has not looked yet still
 * takes signals, so its state is asked for.
 * @param {number} pgid
 */
const groupRuns = (pgid) => {
  if (!signalGroup(pgid, 0)) return false;
  if (process.platform !== 'linux') return true;
  return readdirSync('/proc').some((name) => {
    if (!/^\d+$/.test(name)) return false;
    try {
      // `PID (COMMAND) STATE PPID PGRP ...`; the command may hold anything, parentheses too.
      const [state, , group] = readFileSync(`/proc/${name}/stat`, 'utf8')
        .replace(/^.*\) /s, '')
        .split(' ');
      return Number(group) === pgid && state !== 'Z' && state !== 'X';
    } catch {
      return false;
    }
  });
};

/** Waits until nothing of the group runs. @param {number} pgid @param {number} ms @returns {Promise<boolean>} */
const emptied = async (pgid, ms) => {
  const deadline = Date.now() + ms;
  while (groupRuns(pgid)) {
    if (Date.now() > deadline) return false;
    await sleep(20);
  }
  return true;
};

const stop = () => {
  stopping = true;
  const pgid = group;
  if (pgid === null) return;
  signalGroup(pgid, 'SIGTERM');
  setTimeout(() => signalGroup(pgid, 'SIGKILL'), spec.graceMs).unref();
};

process.on('disconnect', stop);
for (const signal of /** @type {const} */ (['SIGINT', 'SIGTERM', 'SIGHUP'])) process.on(signal, stop);

/**
 * @param {any} step
 * @param {boolean} last
 * @returns {Promise<{code: number | null, signal: string | null, error?: string}>}
 */
const run = (step, last) =>
  new Promise((resolve) => {
    const output = spec.log === null ? 'inherit' : openSync(spec.log, 'a', 0o600);
    const child = spawn(step.command, step.args, {
      cwd: step.cwd,
      detached: true,
      stdio: ['ignore', output, output],
    });
    if (typeof output === 'number') closeSync(output);
    child.on('error', (error) => resolve({ code: null, signal: null, error: error.message }));
    child.on('exit', (code, signal) => resolve({ code, signal }));
    group = child.pid ?? null;
    if (last && child.pid !== undefined) tell({ type: 'started', pid: child.pid });
    if (stopping) stop();
  });

/** Everything from the first step to the last trace. @returns {Promise<void>} */
const main = async () => {
  if (spec.folder !== null) mkdirSync(spec.folder, { mode: 0o700 });
  for (const { name, text } of spec.files) writeFileSync(join(spec.folder, name), text, { mode: 0o600 });
  let orphans = false;
  for (const [index, step] of spec.steps.entries()) {
    if (stopping) break;
    const last = index === spec.steps.length - 1;
    const ended = await run(step, last);
    if (last || ended.code !== 0) {
      const log = spec.log === null ? '' : readFileSync(spec.log, 'utf8').slice(-LOG_TAIL_CHARACTERS);
      tell({ type: 'exit', code: ended.code, signal: ended.signal, log: log + (ended.error ?? '') });
    }
    if (group !== null && !(await emptied(group, spec.graceMs))) {
      orphans = true;
      signalGroup(group, 'SIGKILL');
      await emptied(group, spec.graceMs);
    }
    group = null;
    if (ended.code !== 0) break;
  }
  if (spec.folder !== null) rmSync(spec.folder, { recursive: true, force: true, maxRetries: 5 });
  tell({ type: 'gone', orphans });
  if (process.connected) process.disconnect();
};

process.once('message', (message) => {
  spec = message;
  void main();
});
