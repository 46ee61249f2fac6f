/**
 * The script that an engineer would write, and write well: mysql2 reading by keyset, DynamoDBDocumentClient with
 * BatchWriteCommand, p-limit for requests in flight, UnprocessedItems sent again. It has no budget, no state, no
 * digests and no exact values: it is what dynaferry's speed is compared with.
 */
import { parseArgs } from 'node:util';
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { BatchWriteCommand, DynamoDBDocumentClient } from '@aws-sdk/lib-dynamodb';
import { createConnection, type RowDataPacket } from 'mysql2/promise';
import pLimit from 'p-limit';

const { values } = parseArgs({
  options: {
    host: { type: 'string', default: '127.0.0.1' },
    port: { type: 'string' },
    user: { type: 'string', default: 'root' },
    database: { type: 'string' },
    table: { type: 'string', default: 'bench' },
  },
});
const CHUNK = 2_000;
const BATCH = 25;
const IN_FLIGHT = 32;
const TTL_SECONDS = 400 * 86_400;

const client = DynamoDBDocumentClient.from(new DynamoDBClient({}), {
  marshallOptions: { removeUndefinedValues: true },
});
const connection = await createConnection({
  host: values.host,
  port: Number(values.port),
  user: values.user,
  password: process.env['MYSQL_PWD'] ?? '',
  database: values.database ?? '',
  dateStrings: true,
});

function toItem(row: RowDataPacket): Record<string, unknown> {
  const created = `${String(row['created_at']).replace(' ', 'T')}Z`;
  const item: Record<string, unknown> = {
    pk: `ACCT#${String(row['account_sid'])}`,
    sk: `${created}#${String(row['sid'])}`,
    entity: 'message',
  };
  for (const [name, value] of Object.entries(row)) {
    if (value === null) continue;
    if (name === 'price') item[name] = Number(value);
    else if (name === 'flags') item[name] = (value as Buffer).readUInt8(0);
    else if (name === 'created_at') item[name] = created;
    else if (name === 'sent_at' || name === 'updated_at') item[name] = `${String(value).replace(' ', 'T')}Z`;
    else item[name] = value;
  }
  item['expires_at'] = Math.floor(Date.parse(created) / 1_000) + TTL_SECONDS;
  return item;
}

async function write(items: Record<string, unknown>[]): Promise<void> {
  let requests = { [values.table]: items.map((Item) => ({ PutRequest: { Item } })) };
  for (let attempt = 0; Object.keys(requests).length > 0; attempt += 1) {
    if (attempt > 0) await new Promise((resolve) => setTimeout(resolve, Math.random() * 50 * 2 ** attempt));
    const { UnprocessedItems } = await client.send(new BatchWriteCommand({ RequestItems: requests }));
    requests = (UnprocessedItems ?? {}) as typeof requests;
  }
}

const limit = pLimit(IN_FLIGHT);
let [account, sid] = ['', ''];
let moved = 0;
for (;;) {
  const [rows] = await connection.query<RowDataPacket[]>(
    'SELECT * FROM messages WHERE account_sid > ? OR (account_sid = ? AND sid > ?) ORDER BY account_sid, sid LIMIT ?',
    [account, account, sid, CHUNK],
  );
  const last = rows.at(-1);
  if (last === undefined) break;
  const batches: Record<string, unknown>[][] = [];
  for (let i = 0; i < rows.length; i += BATCH) batches.push(rows.slice(i, i + BATCH).map(toItem));
  await Promise.all(batches.map((batch) => limit(() => write(batch))));
  moved += rows.length;
  [account, sid] = [String(last['account_sid']), String(last['sid'])];
}
await connection.end();
process.stdout.write(`${moved}\n`);
