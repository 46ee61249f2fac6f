/**
 * Opens files until none is left, then runs the preflight of the config file CONFIG, without a target, and says what it
 * found.
 */
import { openSync, writeSync } from 'node:fs';
import { loadConfig } from '../../../../../src/config/load.js';
import { preflight } from '../../../../../src/wiring/preflight/preflight.js';

const config = loadConfig(process.env['CONFIG'] ?? '', process.env);
try {
  for (;;) openSync('/dev/null', 'r');
} catch {
  // As many as the limit allows.
}
const options = { createTable: false, target: false, restarting: ['s01'], firstWrite: null, bindings: false, jobs: 1 };
const { findings } = await preflight(config, ['s01'], options, new AbortController().signal);
writeSync(1, JSON.stringify(findings));
