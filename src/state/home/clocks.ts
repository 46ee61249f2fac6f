/**
 * This machine and its clocks, as a state needs them. People read and set one clock, and nobody sets the other two. It
 * is a port, so that tests can set the clocks, restart the machine and suspend it.
 */
import { readFileSync } from 'node:fs';
import { uptime } from 'node:os';

export interface Clocks {
  /**
   * Identifies this machine, by `/etc/machine-id`; null: the machine has no id. Cloned machines may have the same id.
   */
  readonly machine: string | null;
  /**
   * Identifies the run of the two unset clocks. Each start of the machine makes another run, and so does a separate
   * time namespace. null: the system does not say (only Linux does), so readings of two processes are compared with
   * care.
   */
  readonly run: string | null;
  /** ms since the epoch */
  wall(): number;
  /**
   * ms since the machine started, including the time that it slept. In some containers (lxcfs), since the container
   * started.
   */
  uptime(): number;
  /** ms since the machine started, without the time that it slept. */
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
    // The process keeps this value, because no process outlives a boot.
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
 * Returns the id of this start of the machine. It is the same in all containers and time namespaces of the machine;
 * null: the system does not say (only Linux does).
 */
export function bootId(): string | null {
  // The process keeps this value, because no process outlives a boot.
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
 * Returns how many ms a time namespace adds to CLOCK_MONOTONIC.
 * @param offsets text as in time_namespaces(7): each line has a clock's name and its offset, in seconds and ns
 */
export function monotonicOffset(offsets: string): number {
  const [, seconds, nanoseconds] = /^monotonic\s+(-?\d+)\s+(-?\d+)\s*$/m.exec(offsets) ?? [];
  return seconds === undefined ? 0 : Number(seconds) * 1_000 + Number(nanoseconds) / 1_000_000;
}

function runOfClocks(): string | null {
  const started = bootId();
  if (started === null) return null;
  // time_namespaces(7): each line has a clock's name and its offset, in seconds and ns.
  const offsets = (read('/proc/self/timens_offsets') ?? '').replace(/\s+/g, ' ').trim();
  return /[1-9]/.test(offsets) ? `${started} ${offsets}` : started;
}

/** Returns the id of machine-id(5); null: the file is empty or missing. */
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
