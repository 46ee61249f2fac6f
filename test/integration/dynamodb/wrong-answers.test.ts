/**
 * Answers that are none of DynamoDB's, or changed on their way: none of them is a success, an internal error or a wait
 * without end. `npm run fuzz:answers` finds others of their kind.
 */
import { describe, expect, test } from 'vitest';
import { SAME } from '../../../src/core/item/found-item.js';
import { connectTarget } from '../../../src/dynamodb/client.js';
import { describeTargetTable } from '../../../src/dynamodb/table/describe-table.js';
import { sampleItem, sampleItems } from '../../contract/item-writer-samples.js';
import { openTarget, type TargetUnderTest } from '../../contract/item-writer-target.js';
import { dynamodbServers } from '../../support/dynamodb.js';
import { type Fate, type FaultPlan, inOrder, startFaultProxy } from '../../support/fault-proxy.js';

const never = new AbortController().signal;
/**
 * The whole of a request, long enough for one that is answered on a busy machine; parts come more often than the limit
 * between them.
 */
const SHORT = { connectTimeoutMs: 5_000, answerTimeoutMs: 5_000, wholeTimeoutMs: 1_500 };

const instead = (text: string, applied = false): Fate => ({ kind: 'answer', applied, text });
const payloads = ({ events }: TargetUnderTest, wanted: string): readonly Record<string, unknown>[] =>
  events.flatMap(({ name, payload }) => (name === wanted ? [payload as unknown as Record<string, unknown>] : []));
const readsIn = (...fates: readonly Fate[]): FaultPlan => {
  let reads = 0;
  return ({ operation }) => (operation === 'BatchGetItem' ? fates[reads++] : undefined) ?? { kind: 'pass' };
};
type Answer = Record<string, unknown>;
/** As the service itself would say it: under a right checksum. */
const told = (change: (answer: Answer) => Answer): Fate => ({
  kind: 'rewritten',
  seal: 'own',
  rewrite: (text) => JSON.stringify(change(JSON.parse(text) as Answer)),
});
const consuming = (capacity: string): Fate => ({
  kind: 'rewritten',
  seal: 'own',
  rewrite: (text) => text.replace(/"ConsumedCapacity":(\[.*?\}\]|\{.*?\}\})/, `"ConsumedCapacity":${capacity}`),
});

const SHAPELESS = [
  '',
  '{}',
  '{"message":"ok"}',
  '[]',
  '5',
  'null',
  '[null]',
  '"ok"',
  '{"UnprocessedItems":null}',
  '{"UnprocessedItems":{"T":null}}',
  '{"UnprocessedItems":{},"ConsumedCapacity":[null]}',
  '{"UnprocessedItems":{},"ConsumedCapacity":{}}',
  '<html>signed in</html>',
] as const;

describe.each(dynamodbServers)('wrong answers: $name', (server) => {
  test('the item writer takes HTTP 200 with a body of another shape for an ambiguous answer, and writes again', async () => {
    await using proxy = await startFaultProxy(server.endpoint, inOrder(...SHAPELESS.map((text) => instead(text))));
    await using target = await openTarget(server, {
      endpoint: proxy.endpoint,
      maxInFlightRequests: 1,
      random: () => 0,
    });
    const items = sampleItems(5, 5);
    expect(await target.writer.write(items)).toEqual({ items: 5, newer: 0, superseded: 0, units: 5 });
    expect([...(await target.stored())].sort()).toEqual(items.map(({ text }) => text).sort());
    const retried = payloads(target, 'request.retried');
    expect(retried).toEqual(SHAPELESS.map(() => expect.objectContaining({ ambiguous: true }) as unknown));
    expect([...new Set(target.suspects)].sort()).toEqual(items.map(({ keyText }) => keyText).sort());
  });

  test.each<[string, Fate]>([
    [
      'without the id of a request',
      { kind: 'answer', applied: false, text: '{"UnprocessedItems":{}}', headers: { 'x-amzn-requestid': undefined } },
    ],
    [
      'without a checksum',
      { kind: 'answer', applied: false, text: '{"UnprocessedItems":{}}', headers: { 'x-amz-crc32': undefined } },
    ],
    [
      'with a wrong checksum',
      { kind: 'answer', applied: false, text: '{"UnprocessedItems":{}}', headers: { 'x-amz-crc32': '1' } },
    ],
  ])('the item writer does not believe a body of the right shape %s', async (_, fate) => {
    await using proxy = await startFaultProxy(server.endpoint, inOrder(fate));
    await using target = await openTarget(server, { endpoint: proxy.endpoint, maxInFlightRequests: 1 });
    const items = sampleItems(5, 5);
    await target.writer.write(items);
    expect(await target.stored()).toHaveLength(5);
    expect(payloads(target, 'request.retried')).toMatchObject([{ ambiguous: true }]);
    expect(target.suspects).toHaveLength(5);
  });

  test('the item writer beside a live writer puts an item again after an answer of another shape', async () => {
    const texts = SHAPELESS.filter((text) => text !== '[null]');
    await using proxy = await startFaultProxy(server.endpoint, inOrder(...texts.map((text) => instead(text))));
    await using target = await openTarget(server, {
      endpoint: proxy.endpoint,
      maxInFlightRequests: 1,
      conditional: true,
      random: () => 0,
    });
    const item = sampleItem('A', '1');
    await target.writer.write([item]);
    expect(await target.stored()).toEqual([item.text]);
    expect(payloads(target, 'request.retried')).toHaveLength(texts.length);
  });

  test.each(['1e6', '1e308', '1e999', '-5', '0'])(
    'the item writer and the item reader do not believe %s consumed units, and warn of them',
    async (figure) => {
      const capacity = (text: string) => `[{"TableName":${JSON.stringify(text)},"CapacityUnits":${figure}}]`;
      let table = '';
      await using proxy = await startFaultProxy(server.endpoint, () => consuming(capacity(table)));
      await using target = await openTarget(server, { endpoint: proxy.endpoint });
      table = target.table;
      const items = sampleItems(50, 10);
      expect(await target.writer.write(items)).toEqual({ items: 50, newer: 0, superseded: 0, units: 50 });
      expect(target.budget.consumed).toBe(50);
      expect(payloads(target, 'target.misreported')).toMatchObject([{ operation: 'BatchWriteItem' }, {}]);
      const { found: held, units } = await target.reader.read(items, never);
      expect(held).toEqual(items.map(() => SAME));
      // Nothing read costs nothing on DynamoDB Local: only what cannot be is not believed.
      expect(units).toBe(figure === '0' ? 0 : 50);
    },
  );

  test('the item writer retries where consumed units are text, or belong to another table', async () => {
    const capacities = ['[{"CapacityUnits":"5"}]', '[{"TableName":"another","CapacityUnits":5}]', '[{}]', 'null', '5'];
    await using proxy = await startFaultProxy(server.endpoint, inOrder(...capacities.map(consuming)));
    await using target = await openTarget(server, {
      endpoint: proxy.endpoint,
      maxInFlightRequests: 1,
      random: () => 0,
    });
    expect(await target.writer.write(sampleItems(5, 5))).toEqual({ items: 5, newer: 0, superseded: 0, units: 5 });
    expect(payloads(target, 'request.retried')).toHaveLength(capacities.length);
  });

  test('the item reader asks again when an answer names keys that nobody asked for, or one key twice', async () => {
    const list = (answer: Answer, of = 'Responses'): readonly [string, unknown[]] =>
      Object.entries(answer[of] as Record<string, unknown[]>)[0] as [string, unknown[]];
    const changes: readonly ((answer: Answer) => unknown)[] = [
      () => null,
      () => [null],
      () => ({}),
      () => ({ message: 'ok' }),
      ({ Responses: _, ...rest }) => rest,
      ({ UnprocessedKeys: _, ...rest }) => rest,
      (answer) => ({ ...answer, UnprocessedKeys: null }),
      (answer) => ({ ...answer, Responses: { [list(answer)[0]]: null } }),
      (answer) => ({ ...answer, Responses: { another: list(answer)[1] } }),
      (answer) => ({ ...answer, Responses: { ...(answer['Responses'] as object), another: [] } }),
      (answer) => ({ ...answer, Responses: { [list(answer)[0]]: [...list(answer)[1], list(answer)[1][0]] } }),
      (answer) => ({ ...answer, Responses: { [list(answer)[0]]: [...list(answer)[1], null] } }),
      (answer) => ({
        ...answer,
        Responses: { [list(answer)[0]]: [...list(answer)[1], { pk: { S: 'other' }, sk: { S: '1' } }] },
      }),
      (answer) => ({
        ...answer,
        UnprocessedKeys: { [list(answer)[0]]: { Keys: [{ pk: { S: 'A#0' }, sk: { S: '000000' } }] } },
      }),
      (answer) => ({ ...answer, UnprocessedKeys: { [list(answer)[0]]: { Keys: [] } } }),
      (answer) => ({ ...answer, UnprocessedKeys: { [list(answer)[0]]: null } }),
      (answer) => ({ ...answer, ConsumedCapacity: [null] }),
    ];
    const fates = changes.map((change) => told((answer) => change(answer) as Answer));
    await using proxy = await startFaultProxy(server.endpoint, readsIn(...fates));
    await using target = await openTarget(server, {
      endpoint: proxy.endpoint,
      maxInFlightRequests: 1,
      random: () => 0,
    });
    const items = sampleItems(5, 5);
    await target.writer.write(items);
    const { found: held } = await target.reader.read([...items, sampleItem('absent', '1')], never);
    expect(held).toEqual([...items.map(() => SAME), null]);
    const retried = payloads(target, 'request.retried');
    expect(retried.map(({ reason }) => reason)).toEqual(changes.map(() => 'unreadable answer'));
  });

  test('the item reader asks again for an item that was lost or changed on the way, and does not report it', async () => {
    const fates: Fate[] = [
      {
        kind: 'rewritten',
        seal: 'kept',
        rewrite: (text) => text.replace(/\[\{.*\}\]\},"Unp/, '[]},"Unp'),
      },
      { kind: 'rewritten', seal: 'kept', rewrite: (text) => text.replace('"text"', '"test"') },
    ];
    await using proxy = await startFaultProxy(server.endpoint, readsIn(...fates));
    await using target = await openTarget(server, {
      endpoint: proxy.endpoint,
      maxInFlightRequests: 1,
      random: () => 0,
    });
    const items = sampleItems(5, 5);
    await target.writer.write(items);
    expect((await target.reader.read(items, never)).found).toEqual(items.map(() => SAME));
    expect(payloads(target, 'request.retried').map(({ reason }) => reason)).toEqual(
      fates.map(() => 'answer with a wrong x-amz-crc32'),
    );
  });

  test('the item writer does not believe a batch answer whose UnprocessedItems were lost on the way', async () => {
    const left: Fate = {
      kind: 'answer',
      applied: false,
      text: '{"UnprocessedItems":{}}',
      // Of the body as it was sent: all of it unprocessed.
      headers: { 'x-amz-crc32': '123456' },
    };
    await using proxy = await startFaultProxy(server.endpoint, inOrder(left));
    await using target = await openTarget(server, { endpoint: proxy.endpoint });
    const items = sampleItems(5, 5);
    await target.writer.write(items);
    expect(await target.stored()).toHaveLength(5);
    expect(target.suspects).toHaveLength(5);
  });

  test.each<[string, Fate]>([
    ['blanks one by one', { kind: 'endless', everyMs: 50 }],
    ['blanks as many as fit', { kind: 'endless', everyMs: null }],
  ])('the writer and reader give up an endless answer of %s, and retry', { timeout: 60_000 }, async (_, endless) => {
    const fates = new Map([
      ['BatchWriteItem', [endless]],
      ['BatchGetItem', [endless]],
    ]);
    const plan: FaultPlan = ({ operation }) => fates.get(operation)?.shift() ?? { kind: 'pass' };
    await using proxy = await startFaultProxy(server.endpoint, plan);
    await using target = await openTarget(server, {
      endpoint: proxy.endpoint,
      timeouts: SHORT,
      maxInFlightRequests: 1,
    });
    const items = sampleItems(5, 5);
    await target.writer.write(items);
    expect(target.suspects).toHaveLength(5);
    expect((await target.reader.read(items, never)).found).toEqual(items.map(() => SAME));
    expect(payloads(target, 'request.retried')).toMatchObject([
      { operation: 'BatchWriteItem', ambiguous: true },
      { operation: 'BatchGetItem' },
    ]);
  });

  test(
    'close() and an aborted signal wait for no answer without end, and the keys of the write are suspects',
    { timeout: 60_000 },
    async () => {
      await using proxy = await startFaultProxy(server.endpoint, () => ({ kind: 'endless', everyMs: 50 }));
      await using target = await openTarget(server, { endpoint: proxy.endpoint });
      const write = target.writer.write(sampleItems(5, 5));
      await expect.poll(() => proxy.requests.length).toBe(1);
      const begun = performance.now();
      await Promise.all([target.writer.close(), expect(write).rejects.toMatchObject({ code: 'E_INTERRUPTED' })]);
      // Far less than the 30 s that such a request may take.
      expect(performance.now() - begun).toBeLessThan(15_000);
      expect(target.suspects).toHaveLength(5);
      const stop = new AbortController();
      const read = target.reader.read(sampleItems(5, 5), stop.signal);
      await expect.poll(() => proxy.requests.length).toBe(2);
      stop.abort();
      await expect(read).rejects.toMatchObject({ code: 'E_INTERRUPTED' });
    },
  );
});

describe.each(dynamodbServers.filter(({ name }) => name === 'dynamodb-local'))('a wrong refusal: $name', (server) => {
  const refusal = (change: (item: Answer) => unknown): Fate =>
    told((answer) => ('Item' in answer ? { ...answer, Item: change(answer['Item'] as Answer) } : answer));

  test('the item writer takes a refusal with an item that no table could hold for ambiguous, and puts again', async () => {
    const changes: readonly ((item: Answer) => unknown)[] = [
      (item) => ({ ...item, v: null }),
      (item) => ({ ...item, v: { N: 'abc' } }),
      (item) => ({ ...item, v: { N: null } }),
      (item) => ({ ...item, v: { X: '1' } }),
      (item) => [item],
      () => null,
      () => 'item',
      ({ pk: _, ...item }) => item,
      (item) => ({ ...item, pk: { S: 'another' } }),
      (item) => ({ ...item, body: { NULL: false } }),
    ];
    const passed: Fate = { kind: 'pass' };
    await using proxy = await startFaultProxy(server.endpoint, inOrder(passed, ...changes.map(refusal)));
    await using target = await openTarget(server, {
      endpoint: proxy.endpoint,
      conditional: true,
      maxInFlightRequests: 1,
      random: () => 0,
    });
    await target.writer.write([sampleItem('A', '1', 'live', '2')]);
    expect(await target.writer.write([sampleItem('A', '1', 'row', '1')])).toEqual({
      items: 1,
      newer: 1,
      superseded: 0,
      units: 1,
    });
    expect(payloads(target, 'request.retried')).toEqual(
      changes.map(() => expect.objectContaining({ reason: 'unreadable answer', ambiguous: true }) as unknown),
    );
  });
});

describe.each(dynamodbServers.slice(-1))('wrong answers to the SDK: $name', (server) => {
  async function described(fates: readonly Fate[], signal = never, withinMs = 1_000) {
    await using table = await openTarget(server);
    let calls = 0;
    const control: FaultPlan = ({ operation }) =>
      (operation === 'DescribeTable' ? fates[calls++] : undefined) ?? { kind: 'pass' };
    await using proxy = await startFaultProxy(server.endpoint, inOrder(), undefined, { control });
    const connection = await connectTarget({ region: null, endpoint: proxy.endpoint, table: table.table }, withinMs);
    try {
      return { facts: await describeTargetTable(connection, table.table, signal), calls: () => calls };
    } finally {
      connection.close();
    }
  }

  const changed = (change: (description: Answer) => unknown): Fate =>
    told((answer) => ({ Table: change(answer['Table'] as Answer) }));

  test.each<[string, readonly Fate[]]>([
    ['shapeless', [instead(''), instead('{}'), instead('null')]],
    ['no JSON', [instead('<html>'), instead('[]'), instead('{"Table":null}')]],
    [
      'of another table',
      [
        changed((table) => ({ ...table, TableName: 'another' })),
        changed((table) => ({ ...table, KeySchema: [null] })),
        changed((table) => ({ ...table, AttributeDefinitions: [] })),
      ],
    ],
    [
      'not the one that was sent',
      [
        { kind: 'rewritten', seal: 'kept', rewrite: (text) => text.replace('ACTIVE', 'INACTIVE') },
        { kind: 'answer', applied: false, text: '{"Table":{}}', headers: { 'x-amzn-requestid': undefined } },
        { kind: 'answer', applied: false, text: '{"Table":{}}', headers: { 'x-amz-crc32': undefined } },
      ],
    ],
    [
      'of shapes that no table has',
      [
        changed((table) => ({ ...table, Replicas: [null] })),
        changed((table) => ({ ...table, Replicas: [{ RegionName: 'eu-west-1', ReplicaStatus: '\u001b[2J' }] })),
        changed((table) => ({ ...table, TableStatus: 'x'.repeat(65) })),
      ],
    ],
    [
      'without end',
      [
        { kind: 'endless', everyMs: 30 },
        { kind: 'endless', everyMs: null },
      ],
    ],
  ])('describeTargetTable() asks again after a description that is %s', { timeout: 60_000 }, async (_, fates) => {
    const { facts, calls } = await described(fates);
    expect(facts).toMatchObject({ status: 'ACTIVE', partitionKey: { name: 'pk', type: 'S' } });
    expect(calls()).toBe(fates.length + 1);
  });

  test('describeTargetTable() fails with E_TARGET_UNAVAILABLE after four unreadable answers', async () => {
    const fates = [1, 2, 3, 4].map(() => instead('{}'));
    await expect(described(fates)).rejects.toMatchObject({
      code: 'E_TARGET_UNAVAILABLE',
      message: expect.stringContaining('unreadable answer') as unknown,
      hint: expect.stringContaining('another program answers instead of DynamoDB, or changes its answers') as unknown,
    });
  });

  test('an aborted signal ends describeTargetTable() that gets an endless answer', { timeout: 60_000 }, async () => {
    const endless: Fate = { kind: 'endless', everyMs: 30 };
    const begun = performance.now();
    const asked = described([endless], AbortSignal.timeout(300), 60_000);
    await expect(asked).rejects.toMatchObject({ code: 'E_INTERRUPTED' });
    expect(performance.now() - begun).toBeLessThan(30_000);
  });
});
