/**
 * This machine and its clocks, as far as a state needs them: one that people read and anybody may set, and two that nobody sets. A port, so
 * that tests can turn the hands, restart the machine and put it to sleep.
 */
import { readFileSync } from 'node:fs';
import { uptime } from 'node:os';

export interface Clocks {
  /** Which machine this is, as `/etc/machine-id` says; null: it says nothing. Machines that were cloned may say the same. */
  readonly machine: string | null;
  /**
   * Which run of the two unset clocks this is: another one after each start of the machine, and in a time namespace of its own. null:
   * nobody tells (Linux alone does); then readings of two processes are compared with more care.
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

function runOfClocks(): string | null {
  const boot = read('/proc/sys/kernel/random/boot_id');
  if (boot === null) return null;
  // time_namespaces(7): lines of a clock's name and what is added to it, in seconds and ns.
  const offsets = (read('/proc/self/timens_offsets') ?? '').replace(/\s+/g, ' ').trim();
  return /[1-9]/.test(offsets) ? `${boot} ${offsets}` : boot;
}

/** machine-id(5); one that is empty or not made yet is none. */
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
