/** Entry point of a shard's process: the one module that works at import. */
import process from 'node:process';
import { setFlagsFromString } from 'node:v8';
import { runWorker } from './worker.js';

// Collects the old generation when it has grown by 60%, where V8 would let it grow to several times its size: 40 to 60 MB less for
// each shard, and no time that could be measured. A V8 without the flag would say so on stderr and go on.
setFlagsFromString('--heap-growing-percent=60');

runWorker(process);
