/** The common part of the DynamoDB emulators: an endpoint on loopback, and how to see that it answers. */
import type { DynamodbServer, Running } from './server.js';
import { startServer, type Place, type ServerProgram } from './start.js';

const REQUEST_TIMEOUT_MS = 2_000;

export async function startDynamodbDaemon(program: Omit<ServerProgram, 'answers'>): Promise<Running<DynamodbServer>> {
  const endpointOf = ({ port }: Pick<Place, 'port'>) => `http://127.0.0.1:${port}`;
  const started = await startServer({ ...program, answers: (place) => pingEndpoint(endpointOf(place)) });
  return { name: program.name, endpoint: endpointOf(started), close: started.close };
}

/** Resolves where something speaks HTTP; emulators refuse a request without a signature, which is answer enough. */
export async function pingEndpoint(endpoint: string): Promise<void> {
  const response = await fetch(endpoint, { method: 'POST', signal: AbortSignal.timeout(REQUEST_TIMEOUT_MS) });
  await response.arrayBuffer();
}
