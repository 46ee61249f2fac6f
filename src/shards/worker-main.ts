/** Starts a shard's process: it is the one module that does something when it is imported. */
import process from 'node:process';
import { setFlagsFromString } from 'node:v8';
import { NO_FILES_TO_LOAD } from './process/machine-death.js';

// Set here and not on the command line (see supervisor.ts). A V8 without one of them would say so on stderr and go on.
//
// Collects the old generation when it has grown by 60%, where V8 would let it grow to several times its size: 40 to 60
// MB less for each shard, and no time that could be measured.
setFlagsFromString('--heap-growing-percent=60');
// The only WebAssembly is undici's parser of answers. Optimising it takes 100 ms of processor time; what an answer
// costs without it differs by some microseconds, beside the 400 of a request.
setFlagsFromString('--no-wasm-tier-up');
setFlagsFromString('--no-wasm-dynamic-tiering');

// A terminal signals its whole process group: Ctrl-C, and SIGHUP when it is gone. The supervisor decides, and says
// `stop`. Held back before the modules are loaded, which takes as long as a person at the keyboard.
for (const signal of ['SIGINT', 'SIGHUP'] as const) process.on(signal, () => undefined);
// What the parent reads of stderr, it reads for as long as it lives.
process.stderr.on('error', () => undefined);

// Dozens of files are opened at once while it loads: that is where a limit of open files shows first. Messages wait
// until it listens.
void import('./worker.js').then(
  ({ runWorker }) => runWorker(process),
  (error: unknown) => {
    if (!/^E[MN]FILE$/.test(String((error as { readonly code?: unknown } | null)?.code))) throw error;
    process.exitCode = NO_FILES_TO_LOAD;
    // Nothing else keeps it.
    if (process.connected) process.disconnect();
  },
);
