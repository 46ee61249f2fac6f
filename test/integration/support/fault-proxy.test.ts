/** What the fault proxy does, fate by fate: what the sender gets, and what the table holds. */
import { connect, type Socket } from 'node:net';
import { once } from 'node:events';
import { describe, expect, test } from 'vitest';
import { CapacityModel } from '../../support/capacity/capacity-model.js';
import { createTable, dynamodbServers, type TestTable } from '../../support/dynamodb.js';
import { type Fate, type FaultPlan, inOrder, seededRandom, startFaultProxy } from '../../support/fault-proxy.js';
import {
  between,
  expiredCredentials,
  firstOf,
  refusingPartition,
  skewedClock,
  stubborn,
  tableStatus,
} from '../../support/fault-proxy/plans.js';
import { throttledBy } from '../../support/fault-proxy/throttling.js';

const KEYS = { partitionKey: { name: 'pk', type: 'S' }, sortKey: { name: 'sk', type: 'S' } } as const;

type Puts = readonly { readonly PutRequest: { readonly Item: Record<string, { readonly S: string }> } }[];
interface Answer {
  readonly status: number;
  readonly body: Record<string, unknown>;
}

const put = (pk: string, sk: number): Puts[number] => ({
  PutRequest: { Item: { pk: { S: pk }, sk: { S: String(sk) } } },
});
const puts = (count: number, pk = 'A'): Puts => Array.from({ length: count }, (_, sk) => put(pk, sk));

async function call(endpoint: string, operation: string, body: unknown, signal?: AbortSignal): Promise<Answer> {
  const date = new Date().toISOString().replace(/[-:]|[.]\d+/g, '');
  const answer = await fetch(endpoint, {
    method: 'POST',
    headers: {
      'content-type': 'application/x-amz-json-1.0',
      'x-amz-target': `DynamoDB_20120810.${operation}`,
      'x-amz-date': date,
      authorization: `AWS4-HMAC-SHA256 Credential=test/${date.slice(0, 8)}/us-east-1/dynamodb/aws4_request, SignedHeaders=host;x-amz-date, Signature=00`,
    },
    body: JSON.stringify(body),
    ...(signal && { signal }),
  });
  return { status: answer.status, body: (await answer.json()) as Record<string, unknown> };
}

// One emulator: the proxy is the same in front of each.
describe.each(dynamodbServers.slice(-1))('fault proxy in front of $name', (server) => {
  async function setUp(plan: FaultPlan, options: Parameters<typeof startFaultProxy>[3] = {}) {
    const table = await createTable(server, KEYS);
    const proxy = await startFaultProxy(server.endpoint, plan, seededRandom(7), options);
    return {
      table,
      proxy,
      write: async (batch: Puts, capacity = 'INDEXES', signal?: AbortSignal): Promise<Answer> =>
        await call(
          proxy.endpoint,
          'BatchWriteItem',
          { RequestItems: { [table.name]: batch }, ReturnConsumedCapacity: capacity },
          signal,
        ),
      stored: async (): Promise<number> => (await table.items()).length,
      async [Symbol.asyncDispose]() {
        await proxy[Symbol.asyncDispose]();
        await table[Symbol.asyncDispose]();
      },
    };
  }
  const unprocessed = (answer: Answer, table: TestTable): Puts =>
    (answer.body['UnprocessedItems'] as Record<string, Puts>)[table.name] ?? [];

  test('the fault proxy leaves entries unprocessed: a share, a number or one key, in another order each time', async () => {
    await using it = await setUp(
      firstOf(
        between(0, 1, { kind: 'unprocessed', share: 0.4 }),
        between(1, 2, { kind: 'unprocessed', count: 24 }),
        between(2, 3, { kind: 'unprocessed', where: (entry) => entry.includes('"13"') }),
      ),
    );
    const share = unprocessed(await it.write(puts(25)), it.table);
    expect(share.length).toBe(10);
    const order = share.map(({ PutRequest }) => Number(PutRequest.Item['sk']?.S));
    expect(order).not.toEqual([...order].sort((a, b) => a - b));
    expect(await it.stored()).toBe(15);
    expect(unprocessed(await it.write(puts(25)), it.table).length).toBe(24);
    expect(unprocessed(await it.write(puts(25)), it.table)).toEqual([put('A', 13)]);
    expect(unprocessed(await it.write(puts(25)), it.table)).toEqual([]);
    expect(await it.stored()).toBe(25);
  });

  test('the fault proxy leaves one partition key unprocessed while told to, and one stubborn item', async () => {
    let hot = true;
    await using it = await setUp(
      firstOf(
        refusingPartition('pk', 'hot', () => hot),
        stubborn(3),
      ),
    );
    const mixed = [...puts(3, 'cold'), ...puts(2, 'hot')];
    expect(unprocessed(await it.write(mixed), it.table).map(({ PutRequest }) => PutRequest.Item['pk']?.S)).toEqual([
      'hot',
      'hot',
    ]);
    hot = false;
    for (let round = 0; round < 3; round++) {
      expect(unprocessed(await it.write(puts(5, 'cold')), it.table)).toEqual([put('cold', 0)]);
    }
    expect(unprocessed(await it.write(puts(5, 'cold')), it.table)).toEqual([]);
  });

  test.each<[string, Fate, { readonly status?: number; readonly stored: number }]>([
    [
      '500 after it was applied',
      { kind: 'error', status: 500, name: 'InternalServerError', applied: true },
      { status: 500, stored: 5 },
    ],
    ['503', { kind: 'error', status: 503, name: 'ServiceUnavailable' }, { status: 503, stored: 0 }],
    ['no access', { kind: 'error', status: 400, name: 'AccessDeniedException' }, { status: 400, stored: 0 }],
    ['a reset after it was applied', { kind: 'reset', applied: true }, { stored: 5 }],
    ['a dropped connection', { kind: 'drop', applied: false }, { stored: 0 }],
    ['a cut answer', { kind: 'garbled', applied: true }, { stored: 5 }],
    ['a hung answer', { kind: 'hang', applied: true }, { stored: 5 }],
  ])('the fault proxy plays the fate "%s"', async (_, fate, { status, stored }) => {
    await using it = await setUp(inOrder(fate));
    const answer = it.write(puts(5), 'NONE', AbortSignal.timeout(fate.kind === 'hang' ? 300 : 10_000));
    if (status === undefined) await expect(answer).rejects.toThrow();
    else expect(await answer).toMatchObject({ status });
    expect(await it.stored()).toBe(stored);
    expect((await it.write(puts(5))).status).toBe(200);
  });

  test('the fault proxy applies a late write after its sender gave up: on command, or after its time', async () => {
    await using it = await setUp(inOrder({ kind: 'held', sender: 'hang' }, { kind: 'held', sender: 'reset', ms: 50 }));
    await expect(it.write(puts(5), 'NONE', AbortSignal.timeout(200))).rejects.toThrow();
    expect([await it.stored(), it.proxy.held]).toEqual([0, 1]);
    expect(await it.proxy.releaseHeld()).toBe(1);
    expect([await it.stored(), it.proxy.held]).toEqual([5, 0]);
    await expect(it.write(puts(3, 'B'))).rejects.toThrow();
    await expect.poll(it.stored).toBe(8);
  });

  test('the fault proxy sends a slow first byte after the write', async () => {
    await using it = await setUp(inOrder({ kind: 'slow answer', ms: 1000 }));
    let answered = false;
    const answer = it.write(puts(2)).finally(() => (answered = true));
    await expect.poll(it.stored).toBe(2);
    expect(answered).toBe(false);
    expect(await answer).toMatchObject({ status: 200 });
  });

  test('the fault proxy answers without consumed capacity, and with a total alone', async () => {
    await using it = await setUp(inOrder({ kind: 'no capacity' }, { kind: 'total capacity' }, { kind: 'pass' }));
    expect((await it.write(puts(2))).body['ConsumedCapacity']).toBeUndefined();
    expect((await it.write(puts(2))).body['ConsumedCapacity']).toEqual([
      { TableName: it.table.name, CapacityUnits: 2 },
    ]);
    expect((await it.write(puts(2))).body['ConsumedCapacity']).toMatchObject([{ Table: { CapacityUnits: 2 } }]);
  });

  test('the fault proxy plays expired credentials, a skewed clock and a table that is updated', async () => {
    let expired = false;
    let updating = true;
    let skewed = true;
    await using it = await setUp(
      firstOf(
        expiredCredentials('test', () => expired),
        (request) => (skewed ? skewedClock(40 * 60_000)(request) : { kind: 'pass' }),
      ),
      { control: tableStatus('UPDATING', () => updating) },
    );
    const describeTable = async (): Promise<unknown> =>
      (
        (await call(it.proxy.endpoint, 'DescribeTable', { TableName: it.table.name })).body['Table'] as Record<
          string,
          unknown
        >
      )['TableStatus'];
    expect((await it.write(puts(1))).body['__type']).toContain('#InvalidSignatureException');
    skewed = false;
    expect((await it.write(puts(1))).status).toBe(200);
    expired = true;
    expect((await it.write(puts(1))).body['__type']).toContain('#ExpiredTokenException');
    expect(await describeTable()).toBe('UPDATING');
    updating = false;
    expect(await describeTable()).toBe('ACTIVE');
  });

  test('the fault proxy treats PutItem as a batch of one, with its entries, fates and races', async () => {
    await using it = await setUp(({ ordinal }) =>
      ordinal === 0 ? { kind: 'late', ms: 200 } : ordinal === 2 ? { kind: 'unprocessed', share: 1 } : { kind: 'pass' },
    );
    const { Item } = put('A', 1).PutRequest;
    const one = async (): Promise<Answer> =>
      await call(it.proxy.endpoint, 'PutItem', { TableName: it.table.name, Item });
    const slow = one();
    await expect.poll(() => it.proxy.requests.length).toBe(1);
    expect((await it.write([put('A', 1)])).status).toBe(200);
    expect((await slow).status).toBe(200);
    expect(it.proxy.requests[0]?.entries).toEqual([JSON.stringify(put('A', 1))]);
    expect(it.proxy.races).toEqual([JSON.stringify(put('A', 1))]);
    expect((await one()).body['__type']).toContain('#ProvisionedThroughputExceededException');
  });

  test('the fault proxy reports no race for a sender that ends its connection and asks again on another', async () => {
    await using it = await setUp(({ ordinal }) =>
      ordinal % 2 === 0 ? { kind: 'endless', everyMs: 1 } : { kind: 'pass' },
    );
    const { hostname, port } = new URL(it.proxy.endpoint);
    const body = JSON.stringify({ TableName: it.table.name, Item: put('A', 1).PutRequest.Item });
    const request = `POST / HTTP/1.1\r\nhost: proxy\r\nx-amz-target: DynamoDB_20120810.PutItem\r\ncontent-length: ${body.length}\r\n\r\n${body}`;
    const connected = async (): Promise<Socket> => {
      const socket = connect(Number(port), hostname);
      await once(socket, 'connect');
      return socket;
    };
    for (let time = 0; time < 20; time += 1) {
      // The second is there first: a proxy reads its request before it reads the end of the other.
      const second = await connected();
      const first = await connected();
      first.write(request);
      await once(first, 'data');
      first.destroy();
      second.write(request);
      await once(second, 'data');
      second.destroy();
    }
    expect(it.proxy.races).toEqual([]);
  });

  test('the fault proxy plays a table of limited capacity: first unprocessed items, then throttles with their reasons', async () => {
    let now = 0;
    const model = new CapacityModel({
      partitionKey: 'pk',
      sortKey: 'sk',
      billing: { kind: 'provisioned', writeUnits: 10 },
      indexes: [{ name: 'by_sk', partitionKey: 'sk', billing: { kind: 'provisioned', writeUnits: 100 } }],
      now: () => now,
    });
    await using it = await setUp(throttledBy(model, seededRandom(1)));
    now = 1000;
    const partly = await it.write(puts(25));
    expect(partly.status).toBe(200);
    expect(unprocessed(partly, it.table).length).toBe(15);
    expect(partly.body['ConsumedCapacity']).toEqual([
      {
        TableName: it.table.name,
        CapacityUnits: 20,
        Table: { CapacityUnits: 10 },
        GlobalSecondaryIndexes: { by_sk: { CapacityUnits: 10 } },
      },
    ]);
    const refusals = [await it.write(puts(5)), await it.write(puts(5)), await it.write(puts(5))];
    expect(refusals.map(({ status }) => status)).toEqual([400, 400, 400]);
    const spellings = refusals.map(({ body }) => Object.keys(body).find((name) => /^throttlingreasons$/i.test(name)));
    expect(new Set(spellings)).toEqual(new Set(['ThrottlingReasons', 'throttlingReasons']));
    expect(JSON.stringify(refusals)).toContain('TableWriteProvisionedThroughputExceeded');
    expect(await it.stored()).toBe(10);
    now = 2000;
    expect(unprocessed(await it.write(puts(5), 'TOTAL'), it.table)).toEqual([]);
  });
});
