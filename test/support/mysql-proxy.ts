/**
 * A network between MySQL and its client that fails as told: `await using proxy = await startMysqlProxy(server)`. It
 * passes everything else from the real server on.
 */
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';

interface Address {
  readonly host: string;
  readonly port: number;
}

export interface MysqlProxy extends AsyncDisposable {
  readonly port: number;
  /** Connections to come are to that server, as where a name leads elsewhere after a failover. */
  leadTo(server: Address): void;
  /** Those that are open, oldest first. */
  readonly connections: readonly ProxiedConnection[];
  /** Resets so many of the next connections at once. */
  refuse(count: number): void;
  /** Breaks a connection, from now on, as soon as one answer exceeds so many bytes; Infinity: no connection. */
  breakAnswersOver(bytes: number): void;
  /** Holds, from now on and for ever, what an answer has beyond so many bytes; Infinity: all of it arrives. */
  holdAnswersOver(bytes: number): void;
  /**
   * Sends answers, from now on, one byte at a time, each so many ms after the last: never silent, and never at an end.
   * null: as they are.
   */
  dribble(everyMs: number | null): void;
  /** Delays each part of an answer, from now on, by so many ms: a server that far away, there and back. */
  delay(ms: number): void;
  /**
   * The next statement with this text is answered by this error, and its connection stays open: as a proxy does whose
   * server is gone.
   */
  failNext(errno: number, text: string): void;
  /** Connections that were opened so far. */
  readonly opened: number;
  /** Statements that were sent so far, over all of them. */
  readonly statements: number;
  /** Bytes that came back for one of them at most. */
  readonly largestAnswer: number;
}

export interface ProxiedConnection {
  /** Both sides see a reset, whatever is still on its way. */
  reset(): void;
}

const SEQUENCE_AT = 3;
const COMMAND_AT = 4;
const COM_QUERY = 0x03;

export async function startMysqlProxy(first: Address): Promise<MysqlProxy> {
  let server = first;
  const connections = new Set<ProxiedConnection>();
  const faults = {
    refused: 0,
    answerBytes: Infinity,
    passedBytes: Infinity,
    dribbleMs: null as number | null,
    delayMs: 0,
    failing: null as { readonly errno: number; readonly text: string } | null,
  };
  let opened = 0;
  let statements = 0;
  let largestAnswer = 0;
  const listener = createServer((client) => {
    if (faults.refused > 0) {
      faults.refused -= 1;
      client.on('error', () => undefined).resetAndDestroy();
      return;
    }
    opened += 1;
    const upstream = connect(server.port, server.host);
    const connection: ProxiedConnection = {
      reset() {
        client.resetAndDestroy();
        upstream.resetAndDestroy();
      },
    };
    connections.add(connection);
    const end = (): void => {
      connections.delete(connection);
      client.destroy();
      upstream.destroy();
    };
    for (const socket of [client, upstream]) socket.setNoDelay(true).on('error', end).on('close', end);
    // No more is taken from the server than the client takes: what it asked for in vain stays there.
    const passOn = (part: Buffer): void => {
      if (client.write(part)) return;
      upstream.pause();
      client.once('drain', () => upstream.resume());
    };
    let answered = 0;
    client.on('data', (part) => {
      answered = 0;
      const { failing } = faults;
      const isStatement = part[SEQUENCE_AT] === 0 && part[COMMAND_AT] === COM_QUERY;
      if (isStatement) statements += 1;
      if (failing !== null && isStatement && part.includes(failing.text)) {
        faults.failing = null;
        client.write(errorPacket(failing.errno));
        return;
      }
      upstream.write(part);
    });
    upstream.on('data', (part) => {
      answered += part.length;
      largestAnswer = Math.max(largestAnswer, answered);
      if (answered > faults.answerBytes) end();
      else if (answered > faults.passedBytes)
        client.write(part.subarray(0, Math.max(0, faults.passedBytes - answered + part.length)));
      else if (faults.delayMs > 0) setTimeout(() => client.write(part), faults.delayMs);
      else if (faults.dribbleMs === null) passOn(part);
      else void trickle(upstream, client, part, () => faults.dribbleMs);
    });
  });
  await new Promise<void>((resolve) => listener.listen(0, '127.0.0.1', resolve));
  return {
    port: (listener.address() as AddressInfo).port,
    get connections() {
      return [...connections];
    },
    leadTo(other) {
      server = other;
    },
    refuse(count) {
      faults.refused = count;
    },
    breakAnswersOver(bytes) {
      faults.answerBytes = bytes;
    },
    holdAnswersOver(bytes) {
      faults.passedBytes = bytes;
    },
    dribble(everyMs) {
      faults.dribbleMs = everyMs;
    },
    delay(ms) {
      faults.delayMs = ms;
    },
    failNext(errno, text) {
      faults.failing = { errno, text };
    },
    get opened() {
      return opened;
    },
    get statements() {
      return statements;
    },
    get largestAnswer() {
      return largestAnswer;
    },
    async [Symbol.asyncDispose]() {
      faults.dribbleMs = null;
      for (const connection of connections) connection.reset();
      await new Promise((resolve) => listener.close(resolve));
    },
  };
}

/** The first answer to a statement; source of the format: MySQL, "Protocol::ERR_Packet". */
function errorPacket(errno: number): Buffer {
  const payload = Buffer.concat([Buffer.from([0xff, errno & 0xff, errno >> 8]), Buffer.from('#HY000gone')]);
  return Buffer.concat([Buffer.from([payload.length, 0, 0, 1]), payload]);
}

async function trickle(from: Socket, to: Socket, part: Buffer, everyMs: () => number | null): Promise<void> {
  from.pause();
  for (let at = 0; at < part.length && !to.destroyed; at += 1) {
    const ms = everyMs();
    if (ms === null) {
      to.write(part.subarray(at));
      break;
    }
    to.write(part.subarray(at, at + 1));
    await new Promise((resolve) => setTimeout(resolve, ms));
  }
  from.resume();
}
