import { describe } from 'vitest';
import { dynamodbServers } from '../support/dynamodb.js';
import { itemWriterContract } from './item-writer-contract.js';
import { openTarget } from './item-writer-target.js';

describe.each(dynamodbServers)('$name', (server) => {
  itemWriterContract(server.name, async () => await openTarget(server));
});
