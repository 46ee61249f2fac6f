/** What a verification must find, and what it must not take for a difference. */
import { DeleteItemCommand, PutItemCommand } from '@aws-sdk/client-dynamodb';
import { describe, expect, it } from 'vitest';
import type { CliResult } from '../../support/cli.js';
import type { Item } from '../../support/dynamodb.js';
import { startFaultProxy } from '../../support/fault-proxy.js';
import { createMigration, onePair, serverPairs, type Migration } from '../../support/migration.js';

const ROWS = 300;

interface Difference {
  readonly class: string;
  readonly keyText: string;
  readonly attributes: readonly string[];
  readonly row: string;
}

interface Outcome {
  readonly status: string;
  readonly missing: number;
  readonly differing: number;
  readonly unresolved: number;
  readonly findings: { readonly differences: readonly Difference[] };
}

function outcomeOf(result: CliResult): Outcome {
  const [outcome] = (JSON.parse(result.stdout) as { shards: Outcome[] }).shards;
  if (outcome === undefined) throw new Error('no shard in the document');
  return outcome;
}

const key = ({ pk, sk }: Item): Item => ({ ...(pk && { pk }), ...(sk && { sk }) });

/** A message item of the target, by its place in key order among those that have a price. */
async function pricedItem(migration: Migration, index: number): Promise<Item> {
  const priced = (await migration.items()).filter((item) => item['price'] !== undefined);
  const found = priced[index];
  if (found === undefined) throw new Error(`there are only ${priced.length} items with a price`);
  return found;
}

describe.each(serverPairs)('a verification of $name', { timeout: 120_000 }, (servers) => {
  it('verify finds missing and changed items and rows, names them by key and attribute, and passes once they are right', async () => {
    await using migration = await createMigration({ servers, rows: ROWS });
    const put = (Item: Item) =>
      migration.table.client.send(new PutItemCommand({ TableName: migration.table.name, Item }));
    expect(await migration.run(['backfill'])).toMatchObject({ code: 0 });
    const [missing, changed, retyped, sourced, extended] = await Promise.all(
      [10, 20, 30, 40, 50].map((index) => pricedItem(migration, index)),
    );
    if (!missing || !changed || !retyped || !sourced || !extended) throw new Error('items are lacking');

    await migration.table.client.send(new DeleteItemCommand({ TableName: migration.table.name, Key: key(missing) }));
    await put({ ...changed, status: { S: 'changed-by-hand' } });
    await put({ ...retyped, price: { S: retyped['price']?.N ?? '' } });
    await put({ ...extended, surplus: { BOOL: true } });
    const sid = sourced['sid']?.S ?? '';
    const change = 'UPDATE messages SET to_number = ?, updated_at = updated_at WHERE sid = ?';
    await migration.databases[0]?.query(change, ['+999', sid]);

    const result = await migration.run(['verify', '--json']);
    expect(result.code).toBe(1);
    const { differences } = outcomeOf(result).findings;
    expect(outcomeOf(result)).toMatchObject({ status: 'differences', missing: 1, differing: 4, unresolved: 0 });
    const of = (item: Item): Difference | undefined =>
      differences.find(({ keyText }) => keyText === JSON.stringify(key(item)));
    expect(of(missing)).toMatchObject({
      class: 'missing',
      attributes: [],
      row: expect.stringContaining(missing['sid']?.S ?? '?') as string,
    });
    expect(of(changed)).toMatchObject({ class: 'differing', attributes: ['status'] });
    expect(of(retyped)).toMatchObject({ class: 'differing', attributes: ['price'] });
    expect(of(extended)).toMatchObject({ class: 'differing', attributes: ['surplus'] });
    expect(of(sourced)).toMatchObject({ class: 'differing', attributes: ['to_number'] });

    const plain = await migration.run(['verify']);
    expect(plain.code).toBe(1);
    expect(plain.stdout).toMatch(/^s01 {2}NOT verified: 1 missing, 4 differing/m);
    expect(plain.stdout).toMatch(new RegExp(`^ {2}differing .*${changed['sid']?.S ?? '?'}.* status$`, 'm'));
    expect((await migration.run(['status'])).stdout).toMatch(/^s01 +differences +.*5 wrong/m);

    for (const item of [missing, changed, retyped, extended]) await put(item);
    await migration.databases[0]?.query(change, [sourced['to_number']?.S, sid]);
    expect(await migration.run(['verify'])).toMatchObject({ code: 0 });
    expect((await migration.run(['status'])).stdout).toMatch(/^s01 +verified +.*equal/m);
  });
});

/** How long the answer to a read waits, so that what a look sets off is done before the service is asked. */
const HELD_BACK_MS = 1_000;

describe.each(onePair)('a verification under live writes: $name', { timeout: 120_000 }, (servers) => {
  /**
   * Moves, makes one row differ from its item, and verifies. Each time the verification looks at that item (first as
   * 0), `write` happens before the service is asked.
   */
  async function verifyWhile(
    write: (look: number, row: LiveRow) => Promise<void>,
  ): Promise<{ result: CliResult; looks: number }> {
    await using migration = await createMigration({ servers, rows: ROWS });
    expect(await migration.run(['backfill'])).toMatchObject({ code: 0 });
    const row = liveRow(migration, await pricedItem(migration, 5));
    await row.changeRow('before');
    let looks = 0;
    const writes: Promise<void>[] = [];
    await using proxy = await startFaultProxy(servers.dynamodb.endpoint, ({ operation, body }) => {
      if (operation !== 'BatchGetItem' || !body.includes(row.sortKey)) return { kind: 'pass' };
      writes.push(write(looks++, row));
      return { kind: 'late', ms: HELD_BACK_MS };
    });
    const env = { AWS_ENDPOINT_URL_DYNAMODB: proxy.endpoint };
    const result = await migration.run(['verify', '--json'], { env });
    await Promise.all(writes);
    return { result, looks };
  }

  it('verify does not report an item that catches up as a difference', async () => {
    const { result, looks } = await verifyWhile(async (look, row) => {
      if (look === 1) await row.changeItem('before');
    });
    expect(outcomeOf(result)).toMatchObject({ status: 'done', missing: 0, differing: 0, unresolved: 0 });
    expect({ code: result.code, looks }).toEqual({ code: 0, looks: 2 });
  });

  it('verify does not report a row that changes, and whose item follows, as a difference', async () => {
    const { result, looks } = await verifyWhile(async (look, row) => {
      if (look === 0) await row.changeRow('meanwhile');
      if (look === 2) await row.changeItem('meanwhile');
    });
    expect(outcomeOf(result)).toMatchObject({ status: 'done', missing: 0, differing: 0, unresolved: 0 });
    expect({ code: result.code, looks }).toEqual({ code: 0, looks: 3 });
  });

  it('verify reports a row that keeps changing as unresolved: neither equal nor a difference', async () => {
    const { result } = await verifyWhile(async (look, row) => await row.changeRow(`change ${look}`));
    expect(outcomeOf(result)).toMatchObject({ status: 'unproven', missing: 0, differing: 0, unresolved: 1 });
    expect(result.code).toBe(7);
  });
});

interface LiveRow {
  readonly sortKey: string;
  changeRow(body: string): Promise<void>;
  changeItem(body: string): Promise<void>;
}

/** A row, and its item as dynaferry would write it. */
function liveRow(migration: Migration, item: Item): LiveRow {
  const sid = item['sid']?.S ?? '';
  return {
    sortKey: item['sk']?.S ?? '',
    async changeRow(body) {
      await migration.databases[0]?.query('UPDATE messages SET body = ?, updated_at = updated_at WHERE sid = ?', [
        body,
        sid,
      ]);
    },
    async changeItem(body) {
      const changed = { ...item, body: { S: body } };
      await migration.table.client.send(new PutItemCommand({ TableName: migration.table.name, Item: changed }));
    },
  };
}
