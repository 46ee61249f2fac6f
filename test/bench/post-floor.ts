/** The floor of posting: one ready-made body of 25 items, sent again and again with undici, unsigned. */
import { parseArgs } from 'node:util';
import { Pool } from 'undici';

const { values } = parseArgs({
  options: { endpoint: { type: 'string' }, body: { type: 'string' }, items: { type: 'string' } },
});
const BATCH = 25;
const IN_FLIGHT = 32;
const endpoint = values.endpoint ?? '';
const pool = new Pool(endpoint, { connections: IN_FLIGHT, pipelining: 1 });
const item = values.body ?? '{}';
const body = Buffer.from(
  `{"RequestItems":{"bench":[${Array.from({ length: BATCH }, () => `{"PutRequest":{"Item":${item}}}`).join(',')}]}}`,
);
const headers = { 'content-type': 'application/x-amz-json-1.0', 'x-amz-target': 'DynamoDB_20120810.BatchWriteItem' };
const requests = Math.ceil(Number(values.items) / BATCH);

let sent = 0;
let done = 0;
await new Promise<void>((resolve, reject) => {
  const post = (): void => {
    sent += 1;
    pool.dispatch(
      { path: '/', method: 'POST', headers, body },
      {
        onRequestStart: () => undefined,
        onResponseStart: () => undefined,
        onResponseData: () => undefined,
        onResponseEnd: () => {
          done += 1;
          if (sent < requests) post();
          else if (done === requests) resolve();
        },
        onResponseError: (_controller, error) => reject(error),
      },
    );
  };
  for (let i = 0; i < Math.min(IN_FLIGHT, requests); i += 1) post();
});
await pool.close();
process.stdout.write(`${done * BATCH}\n`);
