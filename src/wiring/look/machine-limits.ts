/**
 * Compares what the machine allows with what the config needs, before a run reaches a limit. The needs are estimates,
 * so each finding is a warning. A real refusal has its own code (`core/machine/machine-faults.ts`).
 */
import type { Config } from '../../config/model.js';
import type { Finding } from '../../core/errors.js';
import { memoryLimit } from '../../mysql/connection/answer-limit.js';
import { NODE_THREADS, openFilesLimit, processesLeft } from './machine.js';

/** The limits of a machine; null: it does not report this one. */
export interface Allowed {
  /** Bytes. */
  readonly memory: number;
  readonly openFiles: number | null;
  /** Processes and their threads together. */
  readonly processes: number | null;
}

/**
 * Bytes of a shard's process, as MIGRATION.md says, and of the supervisor above them with hundreds of shards (`npm run
 * bench:shards`).
 */
const WORKER_BYTES = 200 * 2 ** 20;
const SUPERVISOR_BYTES = 250 * 2 ** 20;
/**
 * Files of a process apart from connections: Node's own, the state with its journal, the register of keys, and the
 * channel to other processes.
 */
const OWN_FILES = 50;
/** Connections that the preflight has open at once (AT_ONCE of side-by-side.ts). */
const LOOKED_AT = 32;

export function machineAllows(): Allowed {
  return { memory: memoryLimit(), openFiles: openFilesLimit(), processes: processesLeft() };
}

/** @param jobs shards that run at once */
export function machineFindings(config: Config, jobs: number, allowed: Allowed = machineAllows()): readonly Finding[] {
  const replicas = Math.max(0, ...config.source.shards.map((shard) => shard.replicas.length));
  const connections = config.source.limits.scansPerServer + 1 + replicas + config.target.maxInFlightRequests;
  const files = Math.max(OWN_FILES + connections, OWN_FILES + LOOKED_AT, OWN_FILES + 4 * jobs);
  const needed = { memory: SUPERVISOR_BYTES + jobs * WORKER_BYTES, files, processes: jobs * NODE_THREADS };
  const findings: Finding[] = [];
  const warn = (message: string, hint: string): void => {
    findings.push({ level: 'warning', code: 'E_MACHINE_LIMITS', message, hint });
  };
  if (allowed.memory < needed.memory) {
    warn(
      `this process may have ${mebibytes(allowed.memory)} MiB of memory, and ${shards(jobs)} at once take about ${mebibytes(needed.memory)} MiB`,
      `run fewer shards at once (\`--jobs ${Math.max(1, Math.floor((allowed.memory - SUPERVISOR_BYTES) / WORKER_BYTES))}\`), or give the machine or the container more memory`,
    );
  }
  if (allowed.openFiles !== null && allowed.openFiles < needed.files) {
    warn(
      `a process may open ${allowed.openFiles} files, and the config needs about ${needed.files}`,
      'raise the limit of open files (`ulimit -n`; `LimitNOFILE` of a service), or lower `target.maxInFlightRequests` and `source.limits.scansPerServer`',
    );
  }
  if (allowed.processes !== null && allowed.processes < needed.processes) {
    warn(
      `${allowed.processes} more processes and threads may be started, and ${shards(jobs)} at once take about ${needed.processes}`,
      'raise the limit (`ulimit -u`; `TasksMax` of a service, the pids limit of a container), or run fewer shards at once (`--jobs`)',
    );
  }
  return findings;
}

function shards(jobs: number): string {
  return jobs === 1 ? '1 shard' : `${jobs} shards`;
}

function mebibytes(bytes: number): number {
  return Math.floor(bytes / 2 ** 20);
}
