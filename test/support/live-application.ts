/**
 * An application that writes to the target at full speed while a migration runs. It changes items, deletes them by
 * tombstone and puts them back, at random keys of its own. It knows its last write of each key, and nobody else may
 * make an item newer. So the item that each of its puts replaces shows whether somebody overwrote or revived one.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { PutItemCommand, type DynamoDBClient } from '@aws-sdk/client-dynamodb';
import type { Item } from './dynamodb.js';

export interface ApplicationTable {
  readonly client: DynamoDBClient;
  readonly name: string;
  /** The key attributes of the item of that row. */
  keyOf(id: number): Item;
}

export interface ApplicationOptions {
  /** Rows that it may touch. */
  readonly ids: readonly number[];
  /** The version that the rows in MySQL have: its own are larger. */
  readonly firstVersion: number;
  readonly random: () => number;
  /** Writes a row in MySQL as the item is now; null: it is deleted. Called for some of the writes. */
  readonly writeRow: (id: number, version: number, body: string | null) => Promise<void>;
}

export interface LiveApplication extends AsyncDisposable {
  /** What it wrote last, by row; rows that it never touched are missing. */
  readonly written: ReadonlyMap<number, Item>;
  /** Puts so far, and among them those that replaced an item which was not its own. */
  readonly puts: number;
  readonly overForeign: number;
  /** Items that were there in the place of what it had written last: none, if nobody overwrites. */
  readonly overwritten: readonly string[];
  /** Ends it once its puts under way are answered. @throws what one of them threw */
  stop(): Promise<void>;
}

const WRITERS = 6;
const SHARE_OF_DELETES = 0.3;
const SHARE_IN_MYSQL = 0.1;

export function startApplication(table: ApplicationTable, options: ApplicationOptions): LiveApplication {
  const { ids, firstVersion, random, writeRow } = options;
  const written = new Map<number, Item>();
  const overwritten: string[] = [];
  const counts = { puts: 0, overForeign: 0 };
  const state = { stopping: false };

  const write = async (id: number): Promise<void> => {
    const last = written.get(id);
    const version = Number(last?.['version']?.N ?? firstVersion) + 1;
    const body = random() < SHARE_OF_DELETES ? null : `live ${version}`;
    const inMysql = random() < SHARE_IN_MYSQL;
    const content: Item = body === null ? { deleted: { BOOL: true } } : { body: { S: body } };
    const item: Item = { ...table.keyOf(id), version: { N: String(version) }, ...content };
    // Rows first where they change, items first where they go: the migration may read the row at any moment in between.
    if (inMysql && body !== null) await writeRow(id, version, body);
    const { Attributes: before } = await table.client.send(
      new PutItemCommand({ TableName: table.name, Item: item, ReturnValues: 'ALL_OLD' }),
    );
    written.set(id, item);
    counts.puts++;
    const ownRow = body !== null && before?.['version']?.N === String(version) && before['body']?.S === body;
    if (last !== undefined && !ownRow && !sameItem(last, before)) {
      overwritten.push(`row ${id}: ${JSON.stringify(last)} had become ${JSON.stringify(before ?? null)}`);
    }
    if (last === undefined && before !== undefined) counts.overForeign++;
    if (inMysql && body === null) await writeRow(id, version, null);
  };
  const work = async (writer: number): Promise<void> => {
    const own = ids.filter((_, index) => index % WRITERS === writer);
    while (!state.stopping) {
      const id = own[Math.floor(random() * own.length)];
      if (id !== undefined) await write(id);
      // For the proxy and the table's client in this process.
      await sleep(0);
    }
  };
  const working = Promise.all(Array.from({ length: WRITERS }, async (_, writer) => await work(writer)));
  working.catch(() => undefined);
  const stop = async (): Promise<void> => {
    state.stopping = true;
    await working;
  };
  return {
    written,
    overwritten,
    get puts() {
      return counts.puts;
    },
    get overForeign() {
      return counts.overForeign;
    },
    stop,
    [Symbol.asyncDispose]: async () => {
      await stop().catch(() => undefined);
    },
  };
}

export function sameItem(a: Item, b: Item | undefined): boolean {
  const inOrder = (item: Item): string => JSON.stringify(Object.entries(item).sort(([x], [y]) => (x < y ? -1 : 1)));
  return b !== undefined && inOrder(a) === inOrder(b);
}
