/**
 * A proxy in front of a real DynamoDB that misbehaves as told. The emulator answers what the proxy lets pass, so the
 * table holds exactly what was applied. A plan decides the fate of each request; whatever is random is seeded.
 * `fault-proxy/` has the parts: fates, plans, and `throttling.ts`, a plan that throttles as a table of so much capacity
 * does.
 *
 *   await using proxy = await startFaultProxy(server.endpoint, inOrder(
 *     { kind: 'throttle' },
 *     { kind: 'unprocessed', share: 0.5 },
 *   ));
 */
import type { IncomingHttpHeaders } from 'node:http';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { type Batch, parseBatch } from './fault-proxy/batch.js';
import { type FaultPlan, PASS, type SeenRequest } from './fault-proxy/fates.js';
import { HeldRequests } from './fault-proxy/held.js';
import { meet } from './fault-proxy/meet.js';
import { seededRandom } from './fault-proxy/random.js';

export type { Fate, FaultPlan, SeenRequest } from './fault-proxy/fates.js';
export { atRandom, inOrder } from './fault-proxy/plans.js';
export { seededRandom } from './fault-proxy/random.js';

export interface FaultProxy extends AsyncDisposable {
  readonly endpoint: string;
  /** Requests of the hot operations, in order of arrival. */
  readonly requests: readonly SeenRequest[];
  /** The most that were under way at once. */
  readonly mostAtOnce: number;
  /**
   * What was in two requests under way at once, entries or their keys (`raceOf`): a writer that does so cannot know
   * which of them wins.
   */
  readonly races: readonly string[];
  /** Requests that are held back and not executed yet. */
  readonly held: number;
  /** Executes what was held back, in order. @returns how many there were */
  releaseHeld(): Promise<number>;
}

export interface FaultProxyOptions {
  /** Decides on all other operations, DescribeTable for one; they pass unless given. */
  readonly control?: FaultPlan;
  /** What two requests must not have both of an entry; all of it unless given. */
  readonly raceOf?: (entry: string) => string;
  /** Keeps no bodies and entries in `requests`: for millions of items. */
  readonly forgetful?: boolean;
}

/** A request as its sender sees it. */
interface Sent {
  /** The connection ended before the answer was complete. */
  abandoned: boolean;
}

/** @param target endpoint of the real DynamoDB @param random which entries of a batch stay unprocessed */
export async function startFaultProxy(
  target: string,
  plan: FaultPlan,
  random = seededRandom(1),
  { control = () => PASS, forgetful = false, raceOf = (entry) => entry }: FaultProxyOptions = {},
): Promise<FaultProxy> {
  const requests: SeenRequest[] = [];
  const begun = performance.now();
  const races: string[] = [];
  const entriesUnderWay = new Map<string, Sent>();
  const held = new HeldRequests();
  let controlRequests = 0;
  let underWay = 0;
  let mostAtOnce = 0;

  const see = (operation: string, headers: IncomingHttpHeaders, body: string, batch: Batch | null): SeenRequest => {
    const entries = batch?.entries.map((entry) => JSON.stringify(entry)) ?? [];
    const ordinal = batch === null ? controlRequests++ : requests.length;
    const seen = { ordinal, operation, headers, body, entries, at: performance.now() - begun };
    if (batch !== null) requests.push(forgetful ? { ...seen, headers: {}, body: '', entries: [] } : seen);
    return seen;
  };

  const server = createServer((incoming, response) => {
    void (async () => {
      underWay++;
      try {
        const body = await text(incoming);
        const operation = String(incoming.headers['x-amz-target']).replace(/^.*[.]/, '');
        const batch = parseBatch(operation, body);
        const seen = see(operation, incoming.headers, body, batch);
        const encounter = { target, incoming, response, body, batch, operation, random, held };
        if (batch === null) {
          await meet(control(seen), encounter);
          return;
        }
        mostAtOnce = Math.max(mostAtOnce, underWay);
        const sent: Sent = { abandoned: false };
        const racing = seen.entries.map(raceOf);
        for (const entry of racing) {
          const earlier = entriesUnderWay.get(entry);
          if (earlier !== undefined) afterTurns(() => !earlier.abandoned && races.push(entry));
          entriesUnderWay.set(entry, sent);
        }
        // The sender knows of the end when the answer is complete, or when it has ended the connection.
        const release = (): void => {
          for (const entry of racing) if (entriesUnderWay.get(entry) === sent) entriesUnderWay.delete(entry);
        };
        const abandon = (): void => {
          sent.abandoned ||= !response.writableFinished;
          release();
        };
        incoming.socket.once('end', abandon);
        response.once('finish', release).once('close', () => {
          incoming.socket.off('end', abandon);
          abandon();
        });
        await meet(plan(seen), encounter);
      } catch {
        incoming.socket.destroy();
      } finally {
        underWay--;
      }
    })();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    endpoint: `http://127.0.0.1:${String(port)}`,
    requests,
    races,
    get mostAtOnce() {
      return mostAtOnce;
    },
    get held() {
      return held.count;
    },
    releaseHeld: () => held.release(),
    async [Symbol.asyncDispose]() {
      held.drop();
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/**
 * Calls back once it is known whether a connection was over when a request on another one was sent. Node reads the end
 * and the request in one turn, in no order, and reports the end in the next turn.
 */
function afterTurns(callback: () => void): void {
  setImmediate(() => setImmediate(() => setImmediate(callback)));
}
