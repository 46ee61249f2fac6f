/** Rows of more than the servers' usual 16 MB, which a few fixtures are. */
import type { TestDatabase } from '../../support/mysql.js';

const PACKET_BYTES = 64 * 2 ** 20;

/** Until disposal, connections that are made may send large values. */
export async function largePackets(server: TestDatabase): Promise<AsyncDisposable> {
  const [row] = await server.query('SELECT @@GLOBAL.max_allowed_packet AS bytes');
  const before = Number(row?.['bytes']);
  await server.query(`SET GLOBAL max_allowed_packet = ${Math.max(before, PACKET_BYTES)}`);
  return {
    async [Symbol.asyncDispose]() {
      await server.query(`SET GLOBAL max_allowed_packet = ${before}`);
    },
  };
}
