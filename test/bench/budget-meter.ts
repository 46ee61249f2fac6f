/**
 * The independent meter: a process that takes the place of the table and notes what arrives when, by a clock of its
 * own. It accepts every write, knows nothing of the tool that it measures, and counts units itself from the bytes of
 * the requests (AWS: a unit for each begun KB of an item). `GET /` answers what it saw so far.
 *
 * It tells also for how long it had no turn itself: what came meanwhile seems to come at once.
 */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setPriority } from 'node:os';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { crc32 } from 'node:zlib';
import { tableDescription } from './bench-table.js';

export interface Metered {
  /** Units of the ten seconds that had most. */
  readonly mostInTenSeconds: number;
  /** Units in all, and of each second since the first. */
  readonly units: number;
  readonly bySecond: readonly number[];
  /** The longest that the meter itself had no turn, in ms. */
  readonly stoodStillMs: number;
}

const WINDOW_MS = 10_000;
const UNIT_BYTES = 1_024;
const arrivals: { readonly at: number; readonly units: number }[] = [];
const delays = monitorEventLoopDelay({ resolution: 5 });

const DESCRIPTION = tableDescription('bench', {
  BillingModeSummary: { BillingMode: 'PROVISIONED' },
  ProvisionedThroughput: { ReadCapacityUnits: 100_000, WriteCapacityUnits: 100_000 },
});

type Item = Record<string, Record<string, string>>;

/** Names and values in UTF-8, as long as all are texts or numbers. */
function bytesOf(item: Item): number {
  return Object.entries(item).reduce(
    (sum, [name, value]) => sum + Buffer.byteLength(name) + Buffer.byteLength(Object.values(value)[0] ?? ''),
    0,
  );
}

function unitsOf(body: string): number {
  const { RequestItems } = JSON.parse(body) as { RequestItems: Record<string, { PutRequest: { Item: Item } }[]> };
  const items = Object.values(RequestItems).flat();
  return items.reduce((sum, { PutRequest }) => sum + Math.ceil(bytesOf(PutRequest.Item) / UNIT_BYTES), 0);
}

function seen(): Metered {
  let [most, sum, first, units] = [0, 0, 0, 0];
  const bySecond = new Map<number, number>();
  const start = arrivals[0]?.at ?? 0;
  for (const arrival of arrivals) {
    sum += arrival.units;
    units += arrival.units;
    const second = Math.floor((arrival.at - start) / 1_000);
    bySecond.set(second, (bySecond.get(second) ?? 0) + arrival.units);
    for (let oldest = arrivals[first]; oldest !== undefined && arrival.at - oldest.at >= WINDOW_MS;) {
      sum -= oldest.units;
      oldest = arrivals[++first];
    }
    most = Math.max(most, sum);
  }
  return {
    mostInTenSeconds: most,
    units,
    bySecond: Array.from({ length: Math.max(0, ...bySecond.keys()) + 1 }, (_, second) => bySecond.get(second) ?? 0),
    stoodStillMs: delays.max / 1e6,
  };
}

const server = createServer((request, response) => {
  const at = performance.now();
  const parts: Buffer[] = [];
  request.on('data', (part: Buffer) => parts.push(part));
  request.on('end', () => {
    const answer = (text: string): void => {
      response.writeHead(200, {
        'content-type': 'application/x-amz-json-1.0',
        'content-length': Buffer.byteLength(text),
        'x-amzn-requestid': 'METER',
        'x-amz-crc32': String(crc32(text)),
      });
      response.end(text);
    };
    switch (String(request.headers['x-amz-target']).split('.').at(-1)) {
      case 'BatchWriteItem':
        arrivals.push({ at, units: unitsOf(Buffer.concat(parts).toString('utf8')) });
        answer('{"UnprocessedItems":{}}');
        break;
      case 'DescribeTable':
        answer(DESCRIPTION);
        break;
      case 'Scan':
        answer('{"Count":0,"ScannedCount":0,"Items":[]}');
        break;
      case 'DescribeTimeToLive':
        answer('{"TimeToLiveDescription":{"TimeToLiveStatus":"DISABLED"}}');
        break;
      default:
        answer(request.method === 'GET' ? JSON.stringify(seen()) : '{}');
    }
  });
});
try {
  // What is measured must not wait for a processor because of what measures: on a busy machine, the other way round.
  setPriority(-10);
} catch {
  process.stderr.write('not root: the meter has to wait for a processor as all others do\n');
}
server.keepAliveTimeout = 60_000;
server.listen(0, '127.0.0.1', () => {
  delays.enable();
  process.stdout.write(`http://127.0.0.1:${(server.address() as AddressInfo).port}\n`);
});
process.on('SIGTERM', () => process.exit(0));
// Whoever started it is gone.
process.stdin.resume().on('end', () => process.exit(0));
