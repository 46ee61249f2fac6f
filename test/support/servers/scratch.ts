/**
 * Places and addresses of throwaway servers: folders under the system's temp folder, free ports on loopback, programs
 * on the PATH.
 */
import { randomBytes } from 'node:crypto';
import { constants } from 'node:fs';
import { access } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';

/** Where Debian and others keep daemons; an ordinary user's PATH lacks them. */
const DAEMON_FOLDERS = ['/usr/sbin', '/usr/local/sbin', '/usr/libexec', '/usr/local/mysql/bin'];

/** A path for a server's folder that nobody else has, not yet made. Short: a socket's path may have 107 bytes. */
export function scratchPath(name: string): string {
  return join(tmpdir(), `ferry-${name}-${randomBytes(4).toString('hex')}`);
}

/**
 * Ports below those that systems give to programs which ask for any port. So a proxy of a test cannot answer in place
 * of a server that is starting.
 */
const PORTS = { from: 15_000, to: 30_000 } as const;
const PORT_TRIES = 100;

/** Returns a TCP port that was free a moment ago. A caller that loses the race for it asks for another. */
export async function freePort(): Promise<number> {
  for (let tries = 0; tries < PORT_TRIES; tries += 1) {
    const port = PORTS.from + Math.floor(Math.random() * (PORTS.to - PORTS.from));
    if (await isFree(port)) return port;
  }
  throw new Error(`no port from ${PORTS.from} to ${PORTS.to} seems free`);
}

async function isFree(port: number): Promise<boolean> {
  const server = createServer();
  return await new Promise<boolean>((resolve) => {
    server.once('error', () => resolve(false));
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)));
  });
}

/** Returns the full path of a program on the PATH or among the system's daemons, or null. */
export async function findProgram(name: string): Promise<string | null> {
  const folders = [
    ...(process.env['PATH'] ?? '').split(delimiter).filter((folder) => folder !== ''),
    ...DAEMON_FOLDERS,
  ];
  for (const folder of folders) {
    const path = join(folder, name);
    try {
      await access(path, constants.X_OK);
      return path;
    } catch {
      continue;
    }
  }
  return null;
}
