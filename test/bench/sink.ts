/**
 * A process that speaks enough of the DynamoDB protocol to be written to and read from, and costs the measured process
 * nothing but its requests: accepts every BatchWriteItem, answers BatchGetItem from what was written (with `--keep`),
 * over HTTP or TLS, at once or after a latency. Tells its endpoint on stdout.
 */
import { readFileSync } from 'node:fs';
import { createServer as createHttpServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { createServer as createHttpsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { parseArgs } from 'node:util';
import { crc32 } from 'node:zlib';
import { tableDescription } from './bench-table.js';

const { values } = parseArgs({
  options: {
    keep: { type: 'boolean', default: false },
    latency: { type: 'string', default: '0' },
    key: { type: 'string' },
    cert: { type: 'string' },
    table: { type: 'string', default: 'bench' },
  },
});
const latencyMs = Number(values.latency);
const kept = new Map<string, string>();
const counts = { requests: 0, bytes: 0 };

const DESCRIPTION = tableDescription(values.table, {
  BillingModeSummary: { BillingMode: 'PAY_PER_REQUEST' },
  ProvisionedThroughput: { ReadCapacityUnits: 0, WriteCapacityUnits: 0 },
  // So that a run does not begin slowly for the table's sake.
  WarmThroughput: { ReadUnitsPerSecond: 100_000_000, WriteUnitsPerSecond: 100_000_000, Status: 'ACTIVE' },
});

type Item = Record<string, unknown>;

/** The key's own text: both sides of a look-up make it the same way. */
function keyOf(item: Item): string {
  return JSON.stringify([item['pk'], item['sk']]);
}

function keep(body: string): void {
  const { RequestItems } = JSON.parse(body) as { RequestItems: Record<string, { PutRequest: { Item: Item } }[]> };
  for (const { PutRequest } of Object.values(RequestItems).flat())
    kept.set(keyOf(PutRequest.Item), JSON.stringify(PutRequest.Item));
}

function found(body: string): string {
  const { RequestItems } = JSON.parse(body) as { RequestItems: Record<string, { Keys: Item[] }> };
  const tables = Object.entries(RequestItems).map(([table, { Keys }]) => {
    const items = Keys.flatMap((key) => kept.get(keyOf(key)) ?? []);
    return `${JSON.stringify(table)}:[${items.join(',')}]`;
  });
  return `{"Responses":{${tables.join(',')}},"UnprocessedKeys":{}}`;
}

function answer(operation: string, body: () => string): string {
  switch (operation) {
    case 'BatchWriteItem':
      if (values.keep) keep(body());
      return '{"UnprocessedItems":{}}';
    case 'BatchGetItem':
      return found(body());
    case 'DescribeTable':
      return DESCRIPTION;
    case 'Scan':
      return '{"Count":0,"ScannedCount":0,"Items":[]}';
    case 'DescribeTimeToLive':
      return '{"TimeToLiveDescription":{"TimeToLiveStatus":"DISABLED"}}';
    default:
      return '{}';
  }
}

function serve(request: IncomingMessage, response: ServerResponse): void {
  const parts: Buffer[] = [];
  request.on('data', (part: Buffer) => {
    counts.bytes += part.length;
    if (values.keep) parts.push(part);
  });
  request.on('end', () => {
    counts.requests += 1;
    const operation = String(request.headers['x-amz-target']).split('.').at(-1) ?? '';
    const text = answer(operation, () => Buffer.concat(parts).toString('utf8'));
    const send = (): void => {
      response.writeHead(200, {
        'content-type': 'application/x-amz-json-1.0',
        'content-length': Buffer.byteLength(text),
        // As AWS and its emulators do: a client may check them.
        'x-amzn-requestid': 'SINK',
        'x-amz-crc32': String(crc32(text)),
      });
      response.end(text);
    };
    if (latencyMs > 0) setTimeout(send, latencyMs);
    else send();
  });
}

const secure = values.key !== undefined && values.cert !== undefined;
const server = secure
  ? createHttpsServer({ key: readFileSync(values.key ?? ''), cert: readFileSync(values.cert ?? '') }, serve)
  : createHttpServer(serve);
server.keepAliveTimeout = 60_000;
server.listen(0, '127.0.0.1', () => {
  const { port } = server.address() as AddressInfo;
  process.stdout.write(`${secure ? 'https://localhost' : 'http://127.0.0.1'}:${port}\n`);
});
process.on('SIGTERM', () => {
  process.stdout.write(`${JSON.stringify(counts)}\n`);
  process.exit(0);
});
// The benchmark that started it is gone.
process.stdin.resume().on('end', () => process.exit(0));
