/** The writer beside a live one: what each condition does on real servers, and that faults change nothing of it. */
import { PutItemCommand, type AttributeValue } from '@aws-sdk/client-dynamodb';
import { describe, expect, test } from 'vitest';
import { thisInstant } from '../../../src/core/time/age.js';
import { canonicalItemText } from '../../../src/mapping/item/canonical.js';
import { openTarget } from '../../contract/item-writer-target.js';
import { sampleItem, sampleItems } from '../../contract/item-writer-samples.js';
import { dynamodbServers, testClient, type DynamodbServer, type Item } from '../../support/dynamodb.js';
import { type Fate, inOrder, startFaultProxy } from '../../support/fault-proxy.js';

const MINUTE_MS = 60_000;

/** An item of the application, at the key of `sampleItem('A', sort)`. */
function live(sort: string, version: AttributeValue | null): Item {
  return { pk: { S: 'A' }, sk: { S: sort }, body: { S: 'live' }, ...(version === null ? {} : { v: version }) };
}

async function put(server: DynamodbServer, table: string, ...items: readonly Item[]): Promise<void> {
  const client = testClient(server.endpoint);
  try {
    for (const Item of items) await client.send(new PutItemCommand({ TableName: table, Item }));
  } finally {
    client.destroy();
  }
}

const textsOf = (items: readonly Item[]): readonly string[] =>
  items.map((item) => canonicalItemText(item as Record<string, unknown>)).sort();

describe.each(dynamodbServers)('conditional writes: $name', (server) => {
  // dynalite knows nothing of ReturnValuesOnConditionCheckFailure: it does not say what is there.
  const tells = server.name === 'dynamodb-local';
  /** What a server cannot do is no test that was skipped. */
  const telling = tells ? [server] : [];

  test('a conditional put writes only where there is no item or an older one', async () => {
    await using target = await openTarget(server, { conditional: true });
    const kept = [
      live('newer', { N: '11' }),
      live('equal', { N: '10' }),
      live('none', null),
      live('text', { S: '09' }),
      live('null', { NULL: true }),
    ];
    // As a text, 9 would be larger than 10.
    await put(server, target.table, live('older', { N: '9' }), ...kept);
    const sorts = ['absent', 'older', 'newer', 'equal', 'none', 'text', 'null'];
    const items = sorts.map((sort) => sampleItem('A', sort, 'row', '10'));
    expect(await target.writer.write(items)).toEqual({ items: 7, newer: 5, superseded: 0, units: 7 });
    const written = items.slice(0, 2).map(({ text }) => text);
    expect([...(await target.stored())].sort()).toEqual([...textsOf(kept), ...written].sort());
    const warnings = target.events.filter(({ name }) => name === 'shard.warning');
    expect(warnings).toMatchObject(tells ? [{ payload: { code: 'E_LIVE_WRITER' } }] : []);
    expect(JSON.stringify(warnings)).not.toContain('live"');
  });

  test('a conditional put does not count an equal item in the table as newer', async () => {
    await using target = await openTarget(server, { conditional: true });
    const items = sampleItems(30, 3);
    await target.writer.write(items);
    expect(await target.writer.write(items)).toEqual({ items: 30, newer: tells ? 0 : 30, superseded: 0, units: 30 });
  });

  test.each(telling)('a refused conditional put consumes the budget by the larger of both items', async () => {
    await using target = await openTarget(server, { conditional: true });
    await put(server, target.table, { ...live('1', { N: '2' }), body: { S: 'x'.repeat(4_500) } });
    expect(await target.writer.write([sampleItem('A', '1')])).toEqual({ items: 1, newer: 1, superseded: 0, units: 5 });
  });

  test.each(telling)('the item writer learns what indexes cost from conditional puts that succeed alone', async () => {
    const index = {
      name: 'by_body',
      partitionKey: { name: 'body', type: 'S' },
      sortKey: null,
      projection: 'all',
    } as const;
    await using target = await openTarget(server, { conditional: true, indexes: [index] });
    const items = sampleItems(40, 40);
    expect(await target.writer.write(items)).toMatchObject({ units: 80 });
    expect(await target.writer.write(items)).toMatchObject({ newer: 0, units: 40 });
    const expected = target.events.flatMap(({ name, payload }) => (name === 'batch.sent' ? [payload.units] : []));
    expect(expected.at(-1)).toBeGreaterThan(1.9);
  });

  const faults: readonly (readonly [string, Fate, suspects: boolean])[] = [
    ['throttled', { kind: 'throttle' }, false],
    ['in the way of a transaction', { kind: 'error', status: 400, name: 'TransactionConflictException' }, false],
    [
      'applied and answered with a 500',
      { kind: 'error', status: 500, name: 'InternalServerError', applied: true },
      true,
    ],
    ['applied and reset', { kind: 'reset', applied: true }, true],
    ['lost', { kind: 'reset', applied: false }, true],
    ['garbled', { kind: 'garbled', applied: true }, true],
  ];
  test.each(faults)(
    'the item writer retries a conditional put that was %s, counted once',
    async (_, fate, suspects) => {
      await using proxy = await startFaultProxy(server.endpoint, inOrder(fate));
      await using target = await openTarget(server, { endpoint: proxy.endpoint, conditional: true });
      const item = sampleItem('A', '1');
      const applied = 'applied' in fate && fate.applied;
      const newer = applied && !tells ? 1 : 0;
      expect(await target.writer.write([item])).toEqual({ items: 1, newer, superseded: 0, units: 1 });
      expect(await target.stored()).toEqual([item.text]);
      expect(target.suspects).toEqual(suspects ? [item.keyText] : []);
      expect(proxy.requests.map(({ operation }) => operation)).toEqual(['PutItem', 'PutItem']);
    },
  );

  test('a conditional put that lands late changes nothing newer, also no tombstone', async () => {
    await using proxy = await startFaultProxy(
      server.endpoint,
      inOrder({ kind: 'held', sender: 'reset' }, { kind: 'held', sender: 'reset' }),
    );
    await using target = await openTarget(server, {
      endpoint: proxy.endpoint,
      conditional: true,
      maxInFlightRequests: 1,
    });
    const items = [sampleItem('A', 'changed'), sampleItem('A', 'deleted')];
    await target.writer.write(items);
    expect(proxy.held).toBe(2);
    const now = [live('changed', { N: '2' }), { ...live('deleted', { N: '2' }), deleted: { BOOL: true } }];
    await put(server, target.table, ...now);
    await proxy.releaseHeld();
    expect([...(await target.stored())].sort()).toEqual(textsOf(now));
  });

  test('the item writer refuses to write a row that was read too long ago, as its tombstone may be gone', async () => {
    await using proxy = await startFaultProxy(server.endpoint, inOrder({ kind: 'throttle' }));
    await using target = await openTarget(server, {
      endpoint: proxy.endpoint,
      conditional: true,
      maxInFlightRequests: 1,
      rowLifeMs: 2 * MINUTE_MS,
    });
    const { wall, monotonic } = thisInstant();
    await target.writer.write([sampleItem('A', 'fresh')], { wall: wall - MINUTE_MS, monotonic: monotonic - MINUTE_MS });
    // A clock that was set back makes it no younger.
    const old = target.writer.write(sampleItems(3, 1, 'STALE'), {
      wall: wall + MINUTE_MS,
      monotonic: monotonic - 3 * MINUTE_MS,
    });
    await expect(old).rejects.toMatchObject({ code: 'E_LIVE_WRITER', exitCode: 5 });
    expect(proxy.requests.some(({ body }) => body.includes('STALE'))).toBe(false);
    await expect(target.writer.waitForRoom(new AbortController().signal)).rejects.toMatchObject({
      code: 'E_LIVE_WRITER',
    });
  });
});
