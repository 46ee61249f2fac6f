/**
 * A pooler between MySQL and its client, as hard as they come: `await using pooler = await startMysqlPooler(server, from)`. From the first
 * statement that `from` picks on, each one of a connection meets a session that was just reset (COM_RESET_CONNECTION), as if another had
 * been put under it: settings as the server presets them, no user variables. Needs MySQL 5.7.3 or MariaDB 10.2.4 at least.
 */
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';

export interface MysqlPooler extends AsyncDisposable {
  readonly port: number;
  /** Statements that met a session that was reset. */
  readonly reset: number;
}

const HEADER = 4;
const COM_QUERY = 0x03;
const RESET_CONNECTION = Buffer.from([1, 0, 0, 0, 0x1f]);

export async function startMysqlPooler(
  server: { readonly host: string; readonly port: number },
  from: (sql: string) => boolean,
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
    const asked = new Packets();
    client.on('data', (part) => {
      for (const packet of asked.take(part)) {
        const isQuery = packet[HEADER - 1] === 0 && packet[HEADER] === COM_QUERY;
        resets ||= isQuery && from(packet.toString('latin1', HEADER + 1));
        if (isQuery && resets) {
          waiting = packet;
          upstream.write(RESET_CONNECTION);
        } else {
          upstream.write(packet);
        }
      }
    });
    const answered = new Packets();
    upstream.on('data', (part) => {
      for (const packet of answered.take(part)) {
        if (waiting === null) {
          client.write(packet);
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
