/** Starts a shard's process. It is the one module that does something when it is imported. */
import process from 'node:process';
import { setFlagsFromString } from 'node:v8';
import { NO_FILES_TO_LOAD } from './process/machine-death.js';

// These flags are set here and not on the command line (see supervisor.ts). A V8 without one of them would report that
// on stderr and continue.
//
// This one makes V8 collect the old generation when it has grown by 60%, instead of several times. That saves 40 to 60
// MB for each shard, and costs no measurable time.
setFlagsFromString('--heap-growing-percent=60');
// The only WebAssembly is undici's parser of answers. Optimising it takes 100 ms of processor time. Without that, an
// answer costs some microseconds more, beside the 400 of a request.
setFlagsFromString('--no-wasm-tier-up');
setFlagsFromString('--no-wasm-dynamic-tiering');

// A terminal signals its whole process group: Ctrl-C, and SIGHUP when it is gone. The supervisor decides, and sends
// `stop`. This ignores both before the modules load, which takes as long as a person needs to press again.
for (const signal of ['SIGINT', 'SIGHUP'] as const) process.on(signal, () => undefined);
// The parent reads stderr for as long as it lives, so an error here needs no handling.
process.stderr.on('error', () => undefined);

// This loading opens dozens of files at once, so a limit of open files shows here first. Messages wait until the worker
// listens.
void import('./worker.js').then(
  ({ runWorker }) => runWorker(process),
  (error: unknown) => {
    if (!/^E[MN]FILE$/.test(String((error as { readonly code?: unknown } | null)?.code))) throw error;
    process.exitCode = NO_FILES_TO_LOAD;
    // Nothing else keeps the process running.
    if (process.connected) process.disconnect();
  },
);
