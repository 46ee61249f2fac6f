/**
 * A pooler between MySQL and its client, as strict as any: `await using pooler = await startMysqlPooler(server, from)`.
 * From the first statement that `from` picks, each statement of a connection meets a session that was just reset
 * (COM_RESET_CONNECTION). To the client it looks as if another session had been put under it: settings as the server
 * presets them, no user variables. That needs at least MySQL 5.7.3 or MariaDB 10.2.4. With a login, the pooler sends
 * COM_CHANGE_USER to the same user, as poolers do to older servers (mysql_native_password alone).
 */
import { createHash } from 'node:crypto';
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';

export interface MysqlPooler extends AsyncDisposable {
  readonly port: number;
  /** Statements that met a session that was reset. */
  readonly reset: number;
}

const HEADER = 4;
const COM_QUERY = 0x03;
const COM_CHANGE_USER = 0x11;
const AUTH_SWITCH = 0xfe;
const FAILED = 0xff;
const RESET_CONNECTION = Buffer.from([1, 0, 0, 0, 0x1f]);

export interface PoolerLogin {
  readonly user: string;
  readonly password: string;
  readonly database: string;
}

export async function startMysqlPooler(
  server: { readonly host: string; readonly port: number },
  from: (sql: string) => boolean,
  login: PoolerLogin | null = null,
): Promise<MysqlPooler> {
  const sockets = new Set<Socket>();
  const counted = { reset: 0 };
  const listener = createServer((client) => {
    const upstream = connect(server.port, server.host);
    const end = (): void => {
      for (const socket of [client, upstream]) {
        sockets.delete(socket);
        socket.destroy();
      }
    };
    for (const socket of [client, upstream]) {
      sockets.add(socket);
      socket.setNoDelay(true).on('error', end).on('close', end);
    }
    let resets = false;
    /** The statement that waits until the session under it is reset. */
    let waiting: Buffer | null = null;
    /** Of the server's first packet. */
    let salt: Buffer | null = null;
    const asked = new Packets();
    client.on('data', (part) => {
      for (const packet of asked.take(part)) {
        const isQuery = packet[HEADER - 1] === 0 && packet[HEADER] === COM_QUERY;
        resets ||= isQuery && from(packet.toString('latin1', HEADER + 1));
        if (isQuery && resets) {
          waiting = packet;
          upstream.write(login === null ? RESET_CONNECTION : changeUser(login, salt ?? Buffer.alloc(0)));
        } else {
          upstream.write(packet);
        }
      }
    });
    const answered = new Packets();
    upstream.on('data', (part) => {
      for (const packet of answered.take(part)) {
        salt ??= saltOf(packet);
        if (waiting === null) {
          client.write(packet);
        } else if (packet[HEADER] === FAILED) {
          end();
        } else if (packet[HEADER] === AUTH_SWITCH && login !== null) {
          upstream.write(framed(scramble(login.password, packet.subarray(-21, -1)), (packet[HEADER - 1] ?? 0) + 1));
        } else {
          counted.reset += 1;
          upstream.write(waiting);
          waiting = null;
        }
      }
    });
  });
  await new Promise<void>((resolve) => listener.listen(0, '127.0.0.1', resolve));
  return {
    port: (listener.address() as AddressInfo).port,
    get reset() {
      return counted.reset;
    },
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => listener.close(resolve));
    },
  };
}

function framed(payload: Buffer, sequence: number): Buffer {
  const header = Buffer.alloc(HEADER);
  header.writeUIntLE(payload.length, 0, 3);
  header[HEADER - 1] = sequence;
  return Buffer.concat([header, payload]);
}

/**
 * Source: MySQL, "Protocol::HandshakeV10": version in words, id, eight bytes of salt, 19 of other things, twelve more.
 */
function saltOf(handshake: Buffer): Buffer {
  const first = handshake.indexOf(0, HEADER + 1) + 1 + 4;
  return Buffer.concat([handshake.subarray(first, first + 8), handshake.subarray(first + 27, first + 39)]);
}

/** Source: MySQL, "COM_CHANGE_USER" and "Native Authentication". */
function changeUser({ user, password, database }: PoolerLogin, salt: Buffer): Buffer {
  const answer = scramble(password, salt);
  // MySQL 5.6.24 takes this number for the length of the connection's attributes too, and refuses one that is longer
  // than what follows.
  const latin1 = Buffer.from([8, 0]);
  const texts = [`${String.fromCharCode(COM_CHANGE_USER)}${user}\0`, `${database}\0`, 'mysql_native_password\0'];
  const [head = '', place = '', plugin = ''] = texts;
  return framed(
    Buffer.concat([
      Buffer.from(head),
      Buffer.from([answer.length]),
      answer,
      Buffer.from(place),
      latin1,
      Buffer.from(plugin),
      // No attributes of the connection, where mysql2 said at the login that there are some.
      Buffer.from([0]),
    ]),
    0,
  );
}

function scramble(password: string, salt: Buffer): Buffer {
  const sha1 = (...parts: readonly (Buffer | string)[]): Buffer =>
    parts.reduce((hash, part) => hash.update(part), createHash('sha1')).digest();
  const once = sha1(password);
  return Buffer.from(sha1(salt, sha1(once)).map((byte, i) => byte ^ (once[i] ?? 0)));
}

/** Cuts a stream into the protocol's packets: three bytes of length, one of sequence, and the payload. */
class Packets {
  #left: Buffer = Buffer.alloc(0);

  take(part: Buffer): readonly Buffer[] {
    this.#left = Buffer.concat([this.#left, part]);
    const packets: Buffer[] = [];
    while (this.#left.length >= HEADER) {
      const size = HEADER + this.#left.readUIntLE(0, 3);
      if (this.#left.length < size) break;
      packets.push(this.#left.subarray(0, size));
      this.#left = this.#left.subarray(size);
    }
    return packets;
  }
}
