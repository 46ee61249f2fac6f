/** What each answer of DescribeTimeToLive means to a verification; the answers come from a server of the test's own. */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { crc32 } from 'node:zlib';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { connectTarget, type TargetConnection } from '../../../../src/dynamodb/client.js';
import { describeTtl, lookAtTtl } from '../../../../src/dynamodb/table/time-to-live.js';
import { TEST_AWS_ENVIRONMENT } from '../../../support/aws-environment.js';

const signal = new AbortController().signal;
const DATE = 'Sat, 01 Feb 2025 10:00:00 GMT';

let answer: { readonly status: number; readonly body: unknown; readonly date: string | null };
let connection: TargetConnection;
const server = createServer((request, response) => {
  request.resume().on('end', () => {
    const { status, body, date } = answer;
    response.sendDate = false;
    const text = JSON.stringify(body);
    const headers = {
      ...{ 'content-type': 'application/x-amz-json-1.0', 'x-amzn-requestid': 'r' },
      'x-amz-crc32': String(crc32(text)),
    };
    response.writeHead(status, date === null ? headers : { ...headers, date }).end(text);
  });
});

beforeAll(async () => {
  Object.assign(process.env, TEST_AWS_ENVIRONMENT);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const endpoint = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  connection = await connectTarget({ region: null, endpoint, table: 't' });
});
afterAll(async () => {
  connection.close();
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
});

const on = (TimeToLiveStatus: string, AttributeName?: string) => ({
  status: 200,
  body: { TimeToLiveDescription: { TimeToLiveStatus, AttributeName } },
  date: DATE,
});
const refusal = (name: string) => ({
  status: 400,
  body: { __type: `com.amazonaws.dynamodb.v20120810#${name}`, message: 'm' },
  date: DATE,
});

test.each([
  ['on', on('ENABLED', 'at'), { attribute: 'at', status: 'ENABLED' }, 'at'],
  ['being switched on: not relied on', on('ENABLING', 'at'), { attribute: 'at', status: 'ENABLING' }, null],
  ['being switched off: it deletes still', on('DISABLING', 'at'), { attribute: 'at', status: 'DISABLING' }, 'at'],
  ['off', on('DISABLED'), null, null],
  ['off, with the attribute that it had', on('DISABLED', 'at'), null, null],
  ['unknown to the endpoint', refusal('UnknownOperationException'), 'unsupported', null],
  ['not to be asked for', refusal('AccessDeniedException'), 'denied', null],
] as const)('describeTtl reads a TTL that is %s', async (_, said, setting, deletesBy) => {
  answer = said;
  expect(await describeTtl(connection, 't', signal)).toEqual(setting);
  expect(await lookAtTtl(connection, 't', signal)).toMatchObject({ deletesBy, denied: setting === 'denied' });
});

test.each([
  ['on, by no attribute', on('ENABLED')],
  ['in a state that nobody knows', on('PAUSED', 'at')],
  ['not described', { status: 200, body: {}, date: DATE }],
])('lookAtTtl refuses an answer whose TTL is %s', async (_, said) => {
  answer = said;
  await expect(lookAtTtl(connection, 't', signal)).rejects.toMatchObject({ code: 'E_TARGET_UNAVAILABLE' });
});

test('lookAtTtl takes the time from the service’s answer, and goes on from there', async () => {
  answer = on('ENABLED', 'at');
  const said = Date.parse(DATE) / 1_000;
  const { seconds } = await lookAtTtl(connection, 't', signal);
  expect(seconds() - said).toBeGreaterThanOrEqual(0);
  expect(seconds() - said).toBeLessThan(60);
});

test.each([null, 'soon'])(
  'lookAtTtl assumes without a date (%j) that the service is as far behind this clock as signatures may be',
  async (date) => {
    answer = { ...on('ENABLED', 'at'), date };
    const behind = Date.now() / 1_000 - (await lookAtTtl(connection, 't', signal)).seconds();
    expect(Math.abs(behind - 15 * 60)).toBeLessThan(60);
  },
);
