/** Entry point of a shard's process: the one module that works at import. */
import process from 'node:process';
import { runWorker } from './worker.js';

runWorker(process);
