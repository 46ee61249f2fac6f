/**
 * Lists by strace, in order, what a process asks the kernel to do with files. Tests see from it whether the process
 * synced to disk what it wrote before it reported that. Debian's `strace` needs ptrace(2).
 */
import { execFile } from 'node:child_process';
import { basename } from 'node:path';
import { promisify } from 'node:util';

/** On Linux alone; `-y` tells the file behind a descriptor, `-f` follows threads. */
export const TRACER = ['strace', '-f', '-y', '-qq', '-s', '64'] as const;
const CALLS =
  'write,pwrite64,writev,pwritev,ftruncate,fsync,fdatasync,rename,renameat,renameat2,unlink,unlinkat,mkdir,open,openat';

/** @returns true, or why no tracer is available */
export async function tracerAvailable(): Promise<true | string> {
  try {
    const [program, ...options] = TRACER;
    await promisify(execFile)(program, [...options, '-e', 'trace=write', '-o', '/dev/null', 'true']);
    return true;
  } catch (thrown) {
    const { code, stderr = '' } = thrown as { readonly code?: unknown; readonly stderr?: string };
    if (code === 'ENOENT') return 'there is no strace here';
    return `strace cannot trace a process here: ${stderr.trim().split('\n')[0] ?? ''}`;
  }
}

/** Returns a shell command after which `exec "$@"` runs its program under strace. @param log where strace writes */
export function traced(log: string): string {
  return `set -- ${TRACER.join(' ')} -e trace=${CALLS} -o '${log}' "$@"`;
}

export interface FileCall {
  readonly kind: 'write' | 'sync' | 'rename' | 'remove' | 'make' | 'create' | 'said';
  /** Name of the file without its folder; of a `said`, the line. */
  readonly file: string;
  /** Of a rename: to. */
  readonly to: string;
}

/**
 * Calls on what is in that folder, and lines that were said, in the order in which they ended; without those that
 * failed.
 */
export function fileCalls(log: string, folder: string): readonly FileCall[] {
  const begun = new Map<string, string>();
  return log.split('\n').flatMap((line): readonly FileCall[] => {
    const [, pid = '', rest = ''] = /^(\d+) +(.*)$/.exec(line) ?? [];
    const unfinished = /^(.*) <unfinished \.\.\.>$/.exec(rest);
    if (unfinished !== null) {
      begun.set(pid, unfinished[1] ?? '');
      return [];
    }
    const resumed = /^<\.\.\. \w+ resumed>(.*)$/.exec(rest);
    const whole = resumed === null ? rest : `${begun.get(pid) ?? ''}${resumed[1] ?? ''}`;
    return callOf(whole, folder);
  });
}

function callOf(text: string, folder: string): readonly FileCall[] {
  const [, name = '', args = '', result = ''] = /^(\w+)\((.*)\) += (-?\d+)/.exec(text) ?? [];
  if (name === '' || result.startsWith('-')) return [];
  const described = /^(\d+)<([^>]*)>/.exec(args);
  const said = described?.[1] === '1' ? /"step (.*?)\\n"/.exec(args)?.[1] : undefined;
  if (said !== undefined) return [{ kind: 'said', file: said, to: '' }];
  if (!args.includes(folder)) return [];
  const [path = '', to = ''] = Array.from(args.matchAll(/"((?:[^"\\]|\\.)*)"/g), ([, found = '']) => basename(found));
  if (name.startsWith('rename')) return [{ kind: 'rename', file: path, to }];
  if (name.startsWith('unlink')) return [{ kind: 'remove', file: path, to: '' }];
  if (name === 'mkdir') return [{ kind: 'make', file: path, to: '' }];
  // Of an opening, whether it made the file is known only where it had to.
  if (name.startsWith('open')) return args.includes('O_EXCL') ? [{ kind: 'create', file: path, to: '' }] : [];
  const file = basename(described?.[2] ?? '');
  return [{ kind: name.includes('sync') ? 'sync' : 'write', file, to: '' }];
}
