/**
 * Clocks of a machine that a test restarts, puts to sleep or sets, and the moved wall clock of a whole process tree.
 */
import type { Clocks } from '../../src/state/home/clocks.js';

export class MovedClocks implements Clocks {
  run: string | null;
  machine: string | null = 'machine 1';
  #wall: number;
  #uptime: number;
  #monotonic: number;

  constructor({ run = 'boot 1', wall = 1_800_000_000_000, uptime = 1_000_000 } = {}) {
    this.run = run;
    this.#wall = wall;
    this.#uptime = uptime;
    this.#monotonic = uptime;
  }

  wall(): number {
    return this.#wall;
  }

  uptime(): number {
    return this.#uptime;
  }

  monotonic(): number {
    return this.#monotonic;
  }

  pass(ms: number): void {
    this.#wall += ms;
    this.#uptime += ms;
    this.#monotonic += ms;
  }

  setWall(byMs: number): void {
    this.#wall += byMs;
  }

  /** The laptop's lid is closed for so long. */
  sleep(ms: number): void {
    this.#wall += ms;
    this.#uptime += ms;
  }

  restart(downMs: number, run: string | null = `${this.run ?? 'unknown'}, again`): void {
    this.#wall += downMs;
    this.#uptime = 10_000;
    this.#monotonic = 10_000;
    this.run = run;
  }

  /** The state is opened over there, which was started some time ago. */
  moveTo(machine: string | null, run = `boot of ${machine ?? 'another'}`): void {
    this.machine = machine;
    this.run = run;
    this.#uptime = 77_000_000;
    this.#monotonic = 77_000_000;
  }

  /** Starts a container as lxcfs shows it: the uptime is the container's, all else the machine's. */
  containerStarts(uptime = 0): void {
    this.#uptime = uptime;
  }

  /** Moves all clocks that a process asks the C library for, as libfaketime does. /proc/uptime is not among them. */
  fake(byMs: number): void {
    this.#wall += byMs;
    this.#monotonic += byMs;
  }
}

/** Returns the `env` of a command that moves Node's own clock of dates by so much, in every process. */
export function wallClockMoved(byMs: number): { readonly NODE_OPTIONS: string } {
  const script = `const D=Date;globalThis.Date=class extends D{constructor(...a){a.length?super(...a):super(D.now()+(${byMs}))}static now(){return D.now()+(${byMs})}}`;
  return { NODE_OPTIONS: `--import=data:text/javascript,${encodeURIComponent(script)}` };
}
