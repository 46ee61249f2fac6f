/**
 * dynalite, a DynamoDB in pure JavaScript: runs wherever Node does. Its tables are ready at once.
 */
import { createRequire } from 'node:module';
import { startDynamodbDaemon } from './dynamodb-daemon.js';
import { reasonOf, type DynamodbServer, type ServerKind } from './server.js';

export const dynalite: ServerKind<DynamodbServer> = {
  name: 'dynalite',

  available() {
    try {
      program();
      return Promise.resolve(true);
    } catch (error) {
      return Promise.resolve(reasonOf(error));
    }
  },

  async start() {
    const instantly = ['--createTableMs', '0', '--deleteTableMs', '0', '--updateTableMs', '0'];
    return await startDynamodbDaemon({
      name: this.name,
      steps: ({ port }) => [
        {
          command: process.execPath,
          args: [program(), '--host', '127.0.0.1', '--port', String(port), ...instantly],
        },
      ],
    });
  },
};

function program(): string {
  return createRequire(import.meta.url).resolve('dynalite/cli.js');
}
