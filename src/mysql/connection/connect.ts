/**
 * Opens a connection: TLS as configured, plain text only to loopback hosts, with a time limit. The socket belongs to
 * dynaferry, which can destroy it at once, whatever the protocol waits for.
 */
import { readFile } from 'node:fs/promises';
import { connect as connectSocket, isIP, type Socket } from 'node:net';
import mysql, { type Connection, type SslOptions } from 'mysql2';
import type { ShardConfig, TlsConfig } from '../../config/model.js';
import { FerryError, interrupted } from '../../core/errors.js';
import { isLoopback } from '../../core/machine/loopback.js';
import { machineFault } from '../../core/machine/machine-faults.js';

/** The longest time to connect and authenticate. */
const CONNECT_SECONDS = 10;

export interface Wire {
  readonly connection: Connection;
  readonly socket: Socket;
}

/** Returns whether rows travel to that host over a network on which others may listen. */
export function requiresTls(host: string): boolean {
  return !isLoopback(host);
}

/**
 * Checks two rules: no row leaves a machine in plain text, and `verify` really verifies. @returns the fault, or null
 */
export function tlsFault(shard: ShardConfig): FerryError | null {
  if (shard.tls.mode === 'off' && requiresTls(shard.host)) {
    return new FerryError(
      'E_TLS_REQUIRED',
      `shard ${shard.id}: TLS is off, and ${shard.host} is not a loopback host`,
      'set `tls.mode: verify` (with `ca` or `profile: amazon-rds` where needed), or `required` to accept any certificate',
    );
  }
  if (shard.tls.mode === 'verify' && isIP(shard.host) !== 0) {
    // mysql2 would compare the certificate with the name `localhost` (seen in 3.24).
    return new FerryError(
      'E_TLS_REQUIRED',
      `shard ${shard.id}: dynaferry cannot verify a certificate against the address ${shard.host}`,
      "use the host name in the server's certificate as `host`, or `tls.mode: required` to accept any certificate",
    );
  }
  return null;
}

/**
 * Connects and authenticates, within ten seconds, or `statementIdleTimeoutSeconds` where that is less.
 * @throws FerryError E_TLS_REQUIRED, E_INTERRUPTED, E_SOURCE_CONNECT (unreadable CA file), or the code for a fault of
 * this machine; else the driver's own error
 */
export async function connect(
  shard: ShardConfig,
  statementIdleTimeoutSeconds: number,
  signal: AbortSignal,
): Promise<Wire> {
  const refused = tlsFault(shard);
  if (refused !== null) throw refused;
  const ssl = await sslOptions(shard.id, shard.tls);
  if (signal.aborted) throw interrupted();

  const socket = connectSocket({ host: shard.host, port: shard.port, noDelay: true, keepAlive: true });
  const connection = mysql.createConnection({
    host: shard.host,
    port: shard.port,
    user: shard.user,
    password: shard.password,
    database: shard.database,
    charset: 'utf8mb4',
    connectTimeout: Math.min(CONNECT_SECONDS, statementIdleTimeoutSeconds) * 1_000,
    // A server may ask a client for its local files. This flag refuses that.
    flags: ['-LOCAL_FILES'],
    stream: () => socket,
    ...(ssl === null ? {} : { ssl }),
  });

  return await new Promise<Wire>((resolve, reject) => {
    const fail = (error: Error): void => {
      signal.removeEventListener('abort', onAbort);
      // The driver may still report errors of a connection that was given up. They no longer matter.
      connection.on('error', () => undefined);
      connection.destroy();
      socket.destroy();
      reject(error);
    };
    const onAbort = (): void => fail(interrupted());
    signal.addEventListener('abort', onAbort, { once: true });
    connection.connect((error) => {
      if (error === null) {
        signal.removeEventListener('abort', onAbort);
        resolve({ connection, socket });
      } else {
        fail(error);
      }
    });
  });
}

/**
 * Returns the TLS options. mysql2 checks the host name only if `verifyIdentity` is set, and its named profiles do not
 * set it.
 */
async function sslOptions(shard: string, tls: TlsConfig): Promise<SslOptions | null> {
  switch (tls.mode) {
    case 'off':
      return null;
    case 'required':
      return { rejectUnauthorized: false };
    case 'verify': {
      const authorities = [...(await authorityFile(shard, tls.ca)), ...profileAuthorities(tls.profile)];
      return {
        rejectUnauthorized: true,
        verifyIdentity: true,
        ...(authorities.length === 0 ? {} : { ca: authorities }),
      };
    }
  }
}

async function authorityFile(shard: string, path: string | null): Promise<readonly string[]> {
  if (path === null) return [];
  try {
    return [await readFile(path, 'utf8')];
  } catch (error) {
    const doing = `shard ${shard}: the CA file ${path}`;
    throw (
      machineFault(doing, error) ??
      new FerryError('E_SOURCE_CONNECT', `${doing} cannot be read`, 'check the path in `tls.ca`', { cause: error })
    );
  }
}

function profileAuthorities(profile: TlsConfig['profile']): readonly string[] {
  if (profile === null) return [];
  // mysql2 exports its ConnectionConfig, but types it as an interface only.
  const { ConnectionConfig } = mysql as unknown as {
    ConnectionConfig: { getSSLProfile(name: string): { readonly ca: readonly string[] } };
  };
  return ConnectionConfig.getSSLProfile('Amazon RDS').ca;
}
