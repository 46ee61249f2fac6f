/**
 * The writer where nothing listens, or nothing is answered: what it gives up is told to each who waits, and nothing
 * waits for ever.
 */
import { randomUUID } from 'node:crypto';
import { createServer as createHttpServer } from 'node:http';
import { createServer, type AddressInfo } from 'node:net';
import { crc32 } from 'node:zlib';
import { expect, test } from 'vitest';
import { EventBus } from '../../../../src/core/event-bus.js';
import type { EventRecord } from '../../../../src/core/events.js';
import { TokenBucket } from '../../../../src/dynamodb/capacity/token-bucket.js';
import { connectTarget } from '../../../../src/dynamodb/client.js';
import { openItemWriter } from '../../../../src/dynamodb/write/writer.js';
import type { ItemWriterOptions } from '../../../../src/dynamodb/write/writer-options.js';
import { KEY_NAMES, sampleItem, sampleItems } from '../../../contract/item-writer-samples.js';
import { TEST_AWS_ENVIRONMENT } from '../../../support/aws-environment.js';
import { WatchedBudget } from '../watched-budget.js';

const signal = new AbortController().signal;
const NOBODY = 'http://127.0.0.1:9';

async function writerOf(endpoint: string, options: Partial<ItemWriterOptions> = {}) {
  Object.assign(process.env, TEST_AWS_ENVIRONMENT);
  const connection = await connectTarget({ region: null, endpoint, table: 't' });
  const emitter = new EventBus();
  const events: EventRecord[] = [];
  emitter.onAny((event) => events.push(event));
  const suspects: string[] = [];
  const writer = openItemWriter({
    ...{ connection, shard: 's01', table: 't', keyNames: KEY_NAMES, budget: new TokenBucket(10_000) },
    ...{ maxInFlightRequests: 2, retryTimeoutSeconds: 1, emitter, random: () => 0.9999 },
    onSuspects: (keyTexts) => void suspects.push(...keyTexts),
    ...options,
  });
  return {
    writer,
    suspects,
    count: (name: EventRecord['name']) => events.filter((event) => event.name === name).length,
    async [Symbol.asyncDispose]() {
      await writer.close();
      connection.close();
    },
  };
}

test('the writer acknowledges a write of nothing at once, and sends nothing for it', async () => {
  await using target = await writerOf(NOBODY);
  expect(await target.writer.write([])).toEqual({ items: 0, newer: 0, superseded: 0, units: 0 });
  expect(target.count('batch.sent')).toBe(0);
});

/** Takes connections, and never says anything. */
async function startSilent() {
  const sockets = new Set<{ destroy(): void }>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** Refuses what it is sent as invalid, so often; then it lets nobody in. */
async function startRefusing(times: number) {
  let asked = 0;
  const server = createHttpServer((request, response) => {
    request.resume().on('end', () => {
      asked += 1;
      const name = asked <= times ? 'ValidationException' : 'AccessDeniedException';
      const body = JSON.stringify({ __type: `com.amazon.coral.validate#${name}`, message: 'no' });
      // As an answer of DynamoDB is sealed; else it would be something in between that says so.
      response.writeHead(400, { 'x-amzn-requestid': randomUUID(), 'x-amz-crc32': String(crc32(body)) }).end(body);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    asked: () => asked,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

test('the writer halves a refused batch until each bad item is alone, and refuses each of them once', async () => {
  await using refusing = await startRefusing(20);
  await using opened = await writerOf(refusing.endpoint);
  await expect(opened.writer.write(sampleItems(3, 3))).rejects.toMatchObject({ code: 'E_TARGET_REQUEST' });
  // Three, then one and two, then one and one.
  expect(refusing.asked()).toBe(5);
  await opened.writer.waitForRoom(signal);
  await expect(opened.writer.write(sampleItems(1, 1))).rejects.toMatchObject({ code: 'E_TARGET_REQUEST' });
  expect([refusing.asked(), opened.count('request.retried'), opened.suspects]).toEqual([6, 0, []]);
});

test('the writer gives up an unreachable target in time, for all writes, later ones, and those that wait for room', async () => {
  await using opened = await writerOf(NOBODY);
  const { writer } = opened;
  const [first, second] = [writer.write(sampleItems(60, 3)), writer.write(sampleItems(2, 1, 'B'))];
  const fault = { code: 'E_TARGET_CONNECT' };
  expect(await Promise.allSettled([first, second])).toMatchObject([{ reason: fault }, { reason: fault }]);
  await expect(writer.waitForRoom(signal)).rejects.toMatchObject(fault);
  const sent = opened.count('batch.sent');
  await expect(writer.write(sampleItems(1, 1, 'C'))).rejects.toMatchObject(fault);
  await new Promise(setImmediate);
  expect(opened.count('batch.sent')).toBe(sent);
  expect(opened.count('request.retried')).toBeGreaterThan(0);
  // A connection that is refused has carried nothing.
  expect(opened.suspects).toEqual([]);
});

test('the writer reports a second row with the key of an item that waits, and does not block the others', async () => {
  await using opened = await writerOf(NOBODY, { retryTimeoutSeconds: 60 });
  const { writer } = opened;
  const first = writer.write([sampleItem('P', '1')]);
  first.catch(() => undefined);
  await expect.poll(() => opened.count('request.retried')).toBe(1);
  await expect(writer.write([sampleItem('P', '1')])).rejects.toMatchObject({ code: 'E_ITEM_KEY_SHARED' });
  await expect(first).rejects.toMatchObject({ code: 'E_ITEM_KEY_SHARED' });
  await writer.waitForRoom(signal);
});

test('the writer has as many requests in flight as allowed, and at its close names unanswered items as suspects', async () => {
  await using silent = await startSilent();
  const budget = new WatchedBudget(10_000);
  await using opened = await writerOf(silent.endpoint, { budget });
  const items = sampleItems(200, 7);
  const write = opened.writer.write(items);
  write.catch(() => undefined);
  await expect.poll(() => opened.count('batch.sent')).toBe(2);
  await new Promise((resolve) => setTimeout(resolve, 50));
  expect(opened.count('batch.sent')).toBe(2);
  // The budget counts them for as long as they may arrive.
  expect(budget.underWay).toBe(50);
  await opened.writer.close();
  expect(budget.underWay).toBe(0);
  await expect(write).rejects.toMatchObject({ code: 'E_INTERRUPTED' });
  expect(opened.suspects.length).toBe(50);
  expect(new Set(opened.suspects).size).toBe(50);
});

test('the writer does not write rows that waited for too long, whatever the target would say', async () => {
  await using opened = await writerOf(NOBODY, { rowLifeMs: 60_000 });
  const { writer } = opened;
  const ago = (ms: number) => ({ wall: Date.now() - ms, monotonic: performance.now() - ms });
  await expect(writer.write(sampleItems(3, 1), ago(61_000))).rejects.toMatchObject({ code: 'E_LIVE_WRITER' });
  await expect(writer.waitForRoom(signal)).rejects.toMatchObject({ code: 'E_LIVE_WRITER' });
  expect(opened.count('batch.sent')).toBe(0);
});

/** Takes one request at a time, and no body with `too large` in it; the proxy before it says so. */
async function startNarrow() {
  const server = createHttpServer((request, response) => {
    const parts: Buffer[] = [];
    request.on('data', (part: Buffer) => parts.push(part));
    request.on('end', () => {
      const sent = Buffer.concat(parts).toString();
      if (sent.includes('too large')) {
        response.writeHead(413).end('<html>413 Request Entity Too Large</html>');
        return;
      }
      const items = sent.split('PutRequest').length - 1;
      const body = JSON.stringify({
        UnprocessedItems: {},
        ConsumedCapacity: [{ TableName: 't', CapacityUnits: items }],
      });
      response.writeHead(200, { 'x-amzn-requestid': randomUUID(), 'x-amz-crc32': String(crc32(body)) }).end(body);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

test('the writer frees a key whose write failed among halves, and sends a later operation on it', async () => {
  await using narrow = await startNarrow();
  await using opened = await writerOf(narrow.endpoint, { maxInFlightRequests: 1, keyConflicts: 'supersede' });
  const { writer } = opened;
  const earlier = writer.write([sampleItem('A', '1'), sampleItem('B', '1')]);
  const later = writer.write([sampleItem('B', '1', 'later'), sampleItem('C', '1', 'too large')]);
  const fault = { code: 'E_TARGET_REQUEST' };
  expect(await Promise.allSettled([earlier, later])).toMatchObject([{ reason: fault }, { reason: fault }]);
  await expect(writer.write([sampleItem('A', '1')])).resolves.toMatchObject({ items: 1, superseded: 0 });
});
