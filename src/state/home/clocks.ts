/**
 * This machine and its clocks, as a state needs them: one clock that people read and can set, and two that nobody sets.
 * It is a port, so that tests can turn the hands, restart the machine and put it to sleep.
 */
import { readFileSync } from 'node:fs';
import { uptime } from 'node:os';

export interface Clocks {
  /**
   * Which machine this is, as `/etc/machine-id` says; null: it says nothing. Cloned machines may say the same.
   */
  readonly machine: string | null;
  /**
   * Which run of the two unset clocks this is. Each start of the machine makes another run, and so does a time
   * namespace of its own. null: the system does not say (only Linux does), so readings of two processes are compared
   * with care.
   */
  readonly run: string | null;
  /** ms since the epoch */
  wall(): number;
  /** ms since the machine started; goes on while it sleeps. In some containers (lxcfs), since the container did. */
  uptime(): number;
  /** ms since the machine started; stands still while it sleeps. */
  monotonic(): number;
}

let run: string | null | undefined;
let machine: string | null | undefined;

export const SYSTEM_CLOCKS: Clocks = {
  get machine() {
    if (machine === undefined) machine = machineId();
    return machine;
  },
  get run() {
    // No process outlives its boot.
    if (run === undefined) run = runOfClocks();
    return run;
  },
  wall: () => Date.now(),
  uptime: () => Math.round(uptime() * 1_000),
  monotonic: () => Number(process.hrtime.bigint() / 1_000_000n),
};

let boot: string | null | undefined;
let offset: number | undefined;

/**
 * Returns which start of the machine this is, the same in all its containers and time namespaces; null: the system does
 * not say (only Linux does).
 */
export function bootId(): string | null {
  // No process outlives its boot.
  if (boot === undefined) boot = read('/proc/sys/kernel/random/boot_id');
  return boot;
}

/**
 * Returns ms since the machine started, without the time that it slept. It is the same in all processes of a machine,
 * and nobody sets it.
 */
export function bootMonotonic(): number {
  offset ??= monotonicOffset(read('/proc/self/timens_offsets') ?? '');
  return Number(process.hrtime.bigint() / 1_000n) / 1_000 - offset;
}

/**
 * Returns what a time namespace adds to CLOCK_MONOTONIC, in ms.
 * @param offsets time_namespaces(7): a line a clock, of its name and what is added to it, in seconds and ns
 */
export function monotonicOffset(offsets: string): number {
  const [, seconds, nanoseconds] = /^monotonic\s+(-?\d+)\s+(-?\d+)\s*$/m.exec(offsets) ?? [];
  return seconds === undefined ? 0 : Number(seconds) * 1_000 + Number(nanoseconds) / 1_000_000;
}

function runOfClocks(): string | null {
  const started = bootId();
  if (started === null) return null;
  // time_namespaces(7): lines of a clock's name and what is added to it, in seconds and ns.
  const offsets = (read('/proc/self/timens_offsets') ?? '').replace(/\s+/g, ' ').trim();
  return /[1-9]/.test(offsets) ? `${started} ${offsets}` : started;
}

/** Returns machine-id(5); null: it is empty, or not made yet. */
function machineId(): string | null {
  const id = read('/etc/machine-id') ?? read('/var/lib/dbus/machine-id');
  return id !== null && /^[0-9a-f]{32}$/.test(id) ? id : null;
}

function read(file: string): string | null {
  try {
    return readFileSync(file, 'utf8').trim();
  } catch {
    return null;
  }
}
