/** The reader where no request can even be signed: what is no failure of a request is no reason to try again. */
import { expect, test } from 'vitest';
import { EventBus } from '../../../src/core/events.js';
import { TokenBucket } from '../../../src/dynamodb/budget.js';
import { connectTarget } from '../../../src/dynamodb/client.js';
import { openItemReader } from '../../../src/dynamodb/reader.js';
import { RequestSigner } from '../../../src/dynamodb/request-signer.js';
import { KEY_NAMES, sampleItems } from '../../contract/item-writer-samples.js';
import { TEST_AWS_ENVIRONMENT } from '../../support/dynamodb.js';

test('credentials that are not to be had end a read at once, by their own name', async () => {
  Object.assign(process.env, TEST_AWS_ENVIRONMENT);
  // Nothing listens there, and nothing is sent.
  const connection = await connectTarget({ region: null, endpoint: 'http://127.0.0.1:9', table: 't' });
  const signer = new RequestSigner(() => Promise.reject(new Error('none')), 'eu-west-1', connection.endpoint);
  const emitter = new EventBus();
  const retried: unknown[] = [];
  emitter.on('request.retried', (event) => retried.push(event));
  const reader = openItemReader({
    connection: { ...connection, signer },
    shard: 's01',
    table: 't',
    keyNames: KEY_NAMES,
    budget: new TokenBucket(1_000),
    requestsInFlight: 2,
    patienceSeconds: 1,
    emitter,
    canonicalText: () => '',
  });
  try {
    const read = reader.read(sampleItems(3, 1), new AbortController().signal);
    await expect(read).rejects.toMatchObject({ code: 'E_TARGET_CREDENTIALS' });
    expect(retried).toEqual([]);
  } finally {
    await reader.close();
    connection.close();
  }
});
