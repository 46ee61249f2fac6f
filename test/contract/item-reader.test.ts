import { describe } from 'vitest';
import { dynamodbServers } from '../support/dynamodb.js';
import { itemReaderContract } from './item-reader-contract.js';
import { openTarget } from './item-writer-target.js';

describe.each(dynamodbServers)('$name', (server) => {
  itemReaderContract(server.name, async () => {
    const target = await openTarget(server);
    return {
      reader: target.reader,
      store: async (items) => {
        await target.writer.write(items);
      },
      [Symbol.asyncDispose]: async () => {
        await target[Symbol.asyncDispose]();
      },
    };
  });
});
