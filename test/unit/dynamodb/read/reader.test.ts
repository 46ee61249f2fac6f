/**
 * The reader where nothing listens, or all is refused: what is no failure of a request is no reason to try again, and
 * failures are borne so long.
 */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect, test, vi } from 'vitest';
import { EventBus } from '../../../../src/core/event-bus.js';
import { TokenBucket } from '../../../../src/dynamodb/capacity/token-bucket.js';
import { connectTarget } from '../../../../src/dynamodb/client.js';
import { openItemReader } from '../../../../src/dynamodb/read/reader.js';
import { RequestSigner } from '../../../../src/dynamodb/http/request-signer.js';
import { KEY_NAMES, sampleItems } from '../../../contract/item-writer-samples.js';
import { TEST_AWS_ENVIRONMENT } from '../../../support/aws-environment.js';
import { WatchedBudget } from '../watched-budget.js';

/** Of a target that is not there, unless told: nothing is ever answered. */
async function readerOf(
  budget: TokenBucket,
  signer?: (endpoint: URL) => RequestSigner,
  retryTimeoutSeconds = 1,
  endpoint = 'http://127.0.0.1:9',
) {
  Object.assign(process.env, TEST_AWS_ENVIRONMENT);
  const connection = await connectTarget({ region: null, endpoint, table: 't' });
  const emitter = new EventBus();
  const retried: unknown[] = [];
  emitter.on('request.retried', (event) => retried.push(event));
  const reader = openItemReader({
    connection: { ...connection, signer: signer?.(connection.endpoint) ?? connection.signer },
    shard: 's01',
    table: 't',
    keyNames: KEY_NAMES,
    budget,
    maxInFlightRequests: 2,
    retryTimeoutSeconds,
    emitter,
    canonicalText: () => '',
    random: () => 0.9999,
  });
  return {
    reader,
    retried,
    emitter,
    async [Symbol.asyncDispose]() {
      await reader.close();
      connection.close();
    },
  };
}

test('the reader ends a read without credentials at once, with E_TARGET_CREDENTIALS', async () => {
  const without = (endpoint: URL): RequestSigner =>
    new RequestSigner(() => Promise.reject(new Error('none')), 'eu-west-1', endpoint);
  await using opened = await readerOf(new TokenBucket(1_000), without);
  const read = opened.reader.read(sampleItems(3, 1), new AbortController().signal);
  await expect(read).rejects.toMatchObject({ code: 'E_TARGET_CREDENTIALS' });
  expect(opened.retried).toEqual([]);
});

test('the reader forgets a read that is over, as a run has millions of them', async () => {
  const without = (endpoint: URL): RequestSigner =>
    new RequestSigner(() => Promise.reject(new Error('none')), 'eu-west-1', endpoint);
  await using opened = await readerOf(new TokenBucket(1_000), without);
  await expect(opened.reader.read(sampleItems(3, 1), new AbortController().signal)).rejects.toThrow();
  const aborted = vi.spyOn(AbortController.prototype, 'abort');
  try {
    await opened.reader.close();
    expect(aborted).not.toHaveBeenCalled();
  } finally {
    aborted.mockRestore();
  }
});

test('the reader counts the pauses between failures as failing once the budget lets requests go', async () => {
  const budget = new TokenBucket(1_000);
  // Half a second is waited for the budget; after that nothing holds the reader back but the target.
  budget.tryTake(500);
  await using opened = await readerOf(budget);
  const read = opened.reader.read(sampleItems(1, 1), new AbortController().signal);
  await expect(read).rejects.toMatchObject({ code: 'E_TARGET_CONNECT' });
  // Pauses of 0.1, 0.2, 0.4 and 0.8 s are more than a second; on a slow machine fewer are.
  expect(opened.retried.length).toBeGreaterThan(0);
  expect(opened.retried.length).toBeLessThan(6);
});

test('the reader does not count a wait for the budget between two failures against the target', async () => {
  const budget = new TokenBucket(1_000);
  await using opened = await readerOf(budget, undefined, 2);
  const stop = new AbortController();
  // Others spend what there is for three seconds to come; once that is over, the next failure is borne as well.
  opened.emitter.on('request.retried', () => {
    if (opened.retried.length === 1) budget.tryTake(3_000);
    else stop.abort();
  });
  const read = opened.reader.read(sampleItems(1, 1), stop.signal);
  await expect(read).rejects.toMatchObject({ code: 'E_INTERRUPTED' });
  expect(opened.retried.length).toBe(2);
});

test('the reader reports the end of each request to the budget, whatever becomes of the request', async () => {
  const budget = new WatchedBudget(1_000);
  await using opened = await readerOf(budget);
  const read = opened.reader.read(sampleItems(3, 1), new AbortController().signal);
  await expect(read).rejects.toMatchObject({ code: 'E_TARGET_CONNECT' });
  expect(budget.debits.length).toBeGreaterThan(0);
  expect(Math.min(...budget.debits)).toBeGreaterThan(0);
  expect(budget.underWay).toBeCloseTo(0);
});

test('the reader does not repeat what the service refuses as invalid', async () => {
  const server = createServer((request, response) => {
    request.resume().on('end', () => {
      response.writeHead(400, { 'x-amzn-requestid': 'r' }).end('{"__type":"com.amazon.coral#ValidationException"}');
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  try {
    const endpoint = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    await using opened = await readerOf(new TokenBucket(1_000), undefined, 1, endpoint);
    const read = opened.reader.read(sampleItems(3, 1), new AbortController().signal);
    await expect(read).rejects.toMatchObject({ code: 'E_TARGET_REQUEST' });
    expect(opened.retried).toEqual([]);
  } finally {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  }
});
