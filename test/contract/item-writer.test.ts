import { describe } from 'vitest';
import { dynamodbServers } from '../support/dynamodb.js';
import { itemWriterContract } from './item-writer-contract.js';
import { openTarget } from './item-writer-target.js';

describe.each(dynamodbServers)('$name', (server) => {
  itemWriterContract(`${server.name}, in batches`, async () => await openTarget(server));
});

// What the condition itself does is in `test/integration/dynamodb/conditional-writes.test.ts`, on each server.
describe.each(dynamodbServers.slice(-1))('$name', (server) => {
  itemWriterContract(`${server.name}, on a condition`, async () => await openTarget(server, { conditional: true }));
});
