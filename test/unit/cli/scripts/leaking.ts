/** ARGS...: the command line, in a process whose heap fills up little by little. */
import { main } from '../../../../src/cli/main.js';

const kept: number[][] = [];
const leak = setInterval(() => kept.push(Array.from({ length: 20_000 }, (_, i) => i + 0.5)), 5);
const { stdout, stderr, env } = process;
const listeners = { onSignal: () => () => undefined, cwd: process.cwd() };
process.exitCode = await main(process.argv.slice(2), { stdout, stderr, env, ...listeners });
clearInterval(leak);
