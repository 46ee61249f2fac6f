/**
 * Compares what the machine allows with what the config needs, before a run reaches a limit. The needs are estimates,
 * so each finding is a warning. A real refusal has its own code (`core/machine/machine-faults.ts`). A change of limits
 * during a run must fit too: it is refused, since the run goes on without it.
 */
import type { Config } from '../../config/model.js';
import { serverOf } from '../../config/server-of.js';
import type { Limits } from '../../config/tunables.js';
import { FerryError, type Finding } from '../../core/errors.js';
import { memoryLimit } from '../../mysql/connection/answer-limit.js';
import { NODE_THREADS, openFilesLimit, processesLeft } from '../look/machine.js';

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
/** Copies of a chunk that are in memory at once, as of a row (`mysql/connection/answer-limit.ts`). */
const CHUNK_COPIES = 8;
/** Bytes of all chunks in one process with the defaults of the limits: 4 SELECTs of 4 MiB. WORKER_BYTES has them. */
const USUAL_CHUNKS_BYTES = CHUNK_COPIES * 4 * 4 * 2 ** 20;
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

/** The limits that decide what a run needs of the machine. The others are times, rows and the load of the source. */
type Sizes = Pick<Limits, 'scansPerServer' | 'chunkBytes' | 'maxInFlightRequests'>;
type Shards = { readonly source: Pick<Config['source'], 'shards'> };

/** Returns the files of a shard's process apart from its requests to DynamoDB and its SELECTs. */
function filesBeside({ source }: Shards): number {
  return OWN_FILES + 1 + Math.max(0, ...source.shards.map((shard) => shard.replicas.length));
}

/** Returns the SELECTs at once of all shards, each of which may have one at least. */
function scansAtOnce({ source }: Shards, jobs: number, scansPerServer: number): number {
  const servers = new Set(source.shards.map(serverOf)).size;
  return Math.max(jobs, Math.min(jobs, servers) * scansPerServer);
}

/**
 * Returns the bytes that larger chunks or more SELECTs than usual take in all processes together. With fewer or smaller
 * ones, a process is not known to be smaller.
 */
function moreChunkBytes(
  config: Shards,
  jobs: number,
  { scansPerServer, chunkBytes }: Omit<Sizes, 'maxInFlightRequests'>,
): number {
  const chunks = scansAtOnce(config, jobs, scansPerServer) * chunkBytes;
  return Math.max(0, CHUNK_COPIES * chunks - jobs * USUAL_CHUNKS_BYTES);
}

/**
 * Checks that the machine allows a change of limits. A change that needs no more than before passes on any machine. No
 * limit that can change starts more processes than `--jobs`.
 * @param jobs shards that run at once
 * @throws FerryError E_LIMIT_INVALID: nothing has changed then
 */
export function checkMachineAllows(
  changes: Partial<Limits>,
  now: Limits,
  { config, jobs }: { readonly config: Shards; readonly jobs: number },
  allowed: Pick<Allowed, 'memory' | 'openFiles'> = machineAllows(),
): void {
  const next: Limits = { ...now, ...changes };
  const requests = next.maxInFlightRequests + next.scansPerServer;
  const files = filesBeside(config) + requests;
  if (
    allowed.openFiles !== null &&
    files > allowed.openFiles &&
    requests > now.maxInFlightRequests + now.scansPerServer
  )
    throw new FerryError(
      'E_LIMIT_INVALID',
      `a process may open ${allowed.openFiles} files, and with these limits a shard needs about ${files}`,
      `${NOTHING_CHANGED}: maxInFlightRequests and scansPerServer may be ${Math.max(0, allowed.openFiles - filesBeside(config))} together. For more, raise the limit of open files (\`ulimit -n\`; \`LimitNOFILE\` of a service), and start the run again`,
    );
  const more = moreChunkBytes(config, jobs, next);
  const usual = SUPERVISOR_BYTES + jobs * WORKER_BYTES;
  if (usual + more > allowed.memory && more > moreChunkBytes(config, jobs, now)) {
    const possible = Math.max(0, allowed.memory - usual) + jobs * USUAL_CHUNKS_BYTES;
    const scans = scansAtOnce(config, jobs, next.scansPerServer);
    throw new FerryError(
      'E_LIMIT_INVALID',
      `this process may have ${mebibytes(allowed.memory)} MiB of memory, and with these limits ${shards(jobs)} at once take about ${mebibytes(usual + more)} MiB`,
      `${NOTHING_CHANGED}: with scansPerServer ${next.scansPerServer}, chunkBytes may be ${Math.floor(possible / (CHUNK_COPIES * scans))}`,
    );
  }
}

const NOTHING_CHANGED = 'the run goes on with the limits that it had';

/** @param jobs shards that run at once */
export function machineFindings(config: Config, jobs: number, allowed: Allowed = machineAllows()): readonly Finding[] {
  const sizes = { ...config.source.limits, maxInFlightRequests: config.target.maxInFlightRequests };
  const ofShard = filesBeside(config) + sizes.maxInFlightRequests + sizes.scansPerServer;
  const files = Math.max(ofShard, OWN_FILES + LOOKED_AT, OWN_FILES + 4 * jobs);
  const shardBytes = WORKER_BYTES + moreChunkBytes(config, 1, sizes);
  const memory = SUPERVISOR_BYTES + jobs * WORKER_BYTES + moreChunkBytes(config, jobs, sizes);
  const needed = { memory, files, processes: jobs * NODE_THREADS };
  const findings: Finding[] = [];
  const warn = (message: string, hint: string): void => {
    findings.push({ level: 'warning', code: 'E_MACHINE_LIMITS', message, hint });
  };
  if (allowed.memory < needed.memory) {
    warn(
      `this process may have ${mebibytes(allowed.memory)} MiB of memory, and ${shards(jobs)} at once take about ${mebibytes(needed.memory)} MiB`,
      `run fewer shards at once (\`--jobs ${Math.max(1, Math.floor((allowed.memory - SUPERVISOR_BYTES) / shardBytes))}\`)${shardBytes > WORKER_BYTES ? ', lower `source.limits.chunkBytes` or `source.limits.scansPerServer`' : ''}, or give the machine or the container more memory`,
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
