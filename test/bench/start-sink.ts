/** Starts a sink as a process of its own. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

export interface Sink {
  readonly endpoint: string;
  /** PEM file that its certificate is checked with, or null. */
  readonly certificate: string | null;
  close(): Promise<void>;
}

export async function startSink(options: {
  readonly keep?: boolean;
  readonly latencyMs?: number;
  readonly tls?: { readonly key: string; readonly cert: string };
}): Promise<Sink> {
  const { keep = false, latencyMs = 0, tls } = options;
  const args = ['--import', 'tsx', fileURLToPath(new URL('sink.ts', import.meta.url)), '--latency', String(latencyMs)];
  if (keep) args.push('--keep');
  if (tls !== undefined) args.push('--key', tls.key, '--cert', tls.cert);
  const child = spawn('node', args, { stdio: ['pipe', 'pipe', 'inherit'] });
  const [line] = (await once(child.stdout, 'data')) as [Buffer];
  return {
    endpoint: line.toString('utf8').trim(),
    certificate: tls?.cert ?? null,
    async close() {
      child.kill('SIGTERM');
      if (child.exitCode === null) await once(child, 'exit');
    },
  };
}
