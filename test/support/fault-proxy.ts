/**
 * A DynamoDB that misbehaves as told, in front of a real one: what it lets pass is answered by the emulator, so the table
 * holds exactly what was applied. A plan decides the fate of each request; whatever is random is seeded.
 *
 *   await using proxy = await startFaultProxy(server.endpoint, inOrder({ kind: 'throttle' }, { kind: 'unprocessed', share: 0.5 }));
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';

/** What becomes of one request. `applied`: the emulator executes it although the sender gets no good answer. */
export type Fate =
  | { readonly kind: 'pass' }
  /** The service took its time. */
  | { readonly kind: 'late'; readonly ms: number }
  /** That share of the batch (at least one entry) is not executed and comes back as unprocessed. */
  | { readonly kind: 'unprocessed'; readonly share: number }
  /** As `pass`, but the answer has no ConsumedCapacity. */
  | { readonly kind: 'no capacity' }
  | {
      readonly kind: 'throttle';
      readonly name?: string;
      readonly reasons?: readonly string[];
      readonly spelling?: string;
    }
  | {
      readonly kind: 'error';
      readonly status: number;
      readonly name: string;
      readonly applied?: boolean;
      readonly date?: Date;
    }
  /** A success whose body is cut off. */
  | { readonly kind: 'garbled'; readonly applied: boolean }
  | { readonly kind: 'reset'; readonly applied: boolean }
  | { readonly kind: 'hang'; readonly applied: boolean };

export interface SeenRequest {
  /** From 0, in order of arrival. */
  readonly ordinal: number;
  /** `BatchWriteItem` */
  readonly operation: string;
  /** As sent, names in lower case. */
  readonly headers: Readonly<Record<string, unknown>>;
  readonly body: string;
  /** Items (BatchWriteItem) or keys (BatchGetItem) as DynamoDB JSON texts. */
  readonly entries: readonly string[];
  /** ms since the proxy started */
  readonly at: number;
}

/** Decides on a request of the hot operations; all others pass. */
export type FaultPlan = (request: SeenRequest) => Fate;

export interface FaultProxy extends AsyncDisposable {
  readonly endpoint: string;
  /** Requests of the hot operations, in order of arrival. */
  readonly requests: readonly SeenRequest[];
  /** The most that were under way at once. */
  readonly mostAtOnce: number;
  /** Entries that were in two requests under way at once: a writer that does so cannot know which of them wins. */
  readonly races: readonly string[];
}

const PASS: Fate = { kind: 'pass' };
const HOT_OPERATIONS = new Set(['BatchWriteItem', 'BatchGetItem']);

/** The first request meets the first fate, and so on; when they are used up, all pass. */
export function inOrder(...fates: readonly Fate[]): FaultPlan {
  return (request) => fates[request.ordinal] ?? PASS;
}

/** Each request meets one of the fates with that chance, else it passes. */
export function atRandom(random: () => number, chance: number, fates: readonly Fate[]): FaultPlan {
  return () => (random() < chance ? (fates[Math.floor(random() * fates.length)] ?? PASS) : PASS);
}

/** A small seeded generator (mulberry32), evenly in [0, 1). */
export function seededRandom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** @param target endpoint of the real DynamoDB @param random which entries of a batch stay unprocessed */
export async function startFaultProxy(target: string, plan: FaultPlan, random = seededRandom(1)): Promise<FaultProxy> {
  const requests: SeenRequest[] = [];
  const begun = performance.now();
  const races: string[] = [];
  const entriesUnderWay = new Set<string>();
  let underWay = 0;
  let mostAtOnce = 0;
  const server = createServer((incoming, response) => {
    void (async () => {
      underWay++;
      try {
        const body = await text(incoming);
        const operation = String(incoming.headers['x-amz-target']).replace(/^.*[.]/, '');
        if (!HOT_OPERATIONS.has(operation)) {
          await relay(response, await forward(target, incoming, body));
          return;
        }
        mostAtOnce = Math.max(mostAtOnce, underWay);
        const batch = parseBatch(body);
        const entries = batch.entries.map((entry) => JSON.stringify(entry));
        const at = performance.now() - begun;
        const seen = { ordinal: requests.length, operation, headers: incoming.headers, body, entries, at };
        requests.push(seen);
        races.push(...entries.filter((entry) => entriesUnderWay.has(entry)));
        for (const entry of entries) entriesUnderWay.add(entry);
        // The sender knows of the end when the answer is complete, or the connection is gone.
        const release = (): void => {
          for (const entry of entries) entriesUnderWay.delete(entry);
        };
        response.once('finish', release).once('close', release);
        await meet(plan(seen), { target, incoming, response, body, batch, operation, random });
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
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

interface Encounter {
  readonly target: string;
  readonly incoming: IncomingMessage;
  readonly response: ServerResponse;
  readonly body: string;
  readonly batch: Batch;
  readonly operation: string;
  readonly random: () => number;
}

async function meet(fate: Fate, encounter: Encounter): Promise<void> {
  const { target, incoming, response, body } = encounter;
  const apply = async (applied: boolean | undefined): Promise<void> => {
    if (applied === true) await (await forward(target, incoming, body)).text();
  };
  switch (fate.kind) {
    case 'pass':
      await relay(response, await forward(target, incoming, body));
      return;
    case 'late':
      await sleep(fate.ms);
      await relay(response, await forward(target, incoming, body));
      return;
    case 'no capacity': {
      const answer = (await (await forward(target, incoming, body)).json()) as Record<string, unknown>;
      delete answer['ConsumedCapacity'];
      send(response, 200, answer);
      return;
    }
    case 'unprocessed':
      await leaveUnprocessed(fate.share, encounter);
      return;
    case 'throttle': {
      const reasons = (fate.reasons ?? []).map((reason) => ({ reason, resource: 'arn:aws:dynamodb:::table/t' }));
      const name = fate.name ?? 'ProvisionedThroughputExceededException';
      send(response, 400, {
        ...errorBody(name),
        ...(fate.reasons && { [fate.spelling ?? 'ThrottlingReasons']: reasons }),
      });
      return;
    }
    case 'error':
      await apply(fate.applied);
      send(response, fate.status, errorBody(fate.name), fate.date);
      return;
    case 'garbled':
      await apply(fate.applied);
      response.writeHead(200, { 'content-type': 'application/x-amz-json-1.0' }).end('{"Unproc');
      return;
    case 'reset':
      await apply(fate.applied);
      incoming.socket.resetAndDestroy();
      return;
    case 'hang':
      await apply(fate.applied);
      // Nothing more: the socket stays open until one side gives up.
      await new Promise((resolve) => incoming.socket.once('close', resolve));
  }
}

/** Executes only a part of the batch, and answers the rest as the service does. */
async function leaveUnprocessed(share: number, encounter: Encounter): Promise<void> {
  const { target, incoming, response, batch, operation, random } = encounter;
  const count = Math.min(batch.entries.length, Math.max(1, Math.round(share * batch.entries.length)));
  const shuffled = batch.entries.map((entry) => ({ entry, order: random() })).sort((a, b) => a.order - b.order);
  const left = shuffled.slice(0, count).map(({ entry }) => entry);
  const done = batch.entries.filter((entry) => !left.includes(entry));
  const answer: Record<string, unknown> =
    done.length === 0
      ? operation === 'BatchGetItem'
        ? { Responses: { [batch.table]: [] } }
        : {}
      : ((await (await forward(target, incoming, batch.withEntries(done))).json()) as Record<string, unknown>);
  if (operation === 'BatchWriteItem') answer['UnprocessedItems'] = { [batch.table]: left };
  else answer['UnprocessedKeys'] = { [batch.table]: { Keys: left, ConsistentRead: true } };
  send(response, 200, answer);
}

interface Batch {
  readonly table: string;
  readonly entries: readonly unknown[];
  withEntries(entries: readonly unknown[]): string;
}

function parseBatch(body: string): Batch {
  const request = JSON.parse(body) as { RequestItems: Record<string, unknown[] | { Keys: unknown[] }> };
  const [table = '', operations = []] = Object.entries(request.RequestItems)[0] ?? [];
  const wrap = (entries: readonly unknown[]): unknown =>
    Array.isArray(operations) ? entries : { ...operations, Keys: entries };
  return {
    table,
    entries: Array.isArray(operations) ? operations : operations.Keys,
    withEntries: (entries) => JSON.stringify({ ...request, RequestItems: { [table]: wrap(entries) } }),
  };
}

async function forward(target: string, incoming: IncomingMessage, body: string): Promise<Response> {
  const headers: Record<string, string> = {};
  for (const name of ['authorization', 'content-type', 'x-amz-date', 'x-amz-target', 'x-amz-security-token']) {
    const value = incoming.headers[name];
    if (typeof value === 'string') headers[name] = value;
  }
  return await fetch(target, { method: 'POST', headers, body });
}

async function relay(response: ServerResponse, answer: Response): Promise<void> {
  const type = answer.headers.get('content-type') ?? 'application/x-amz-json-1.0';
  response.writeHead(answer.status, { 'content-type': type }).end(await answer.text());
}

function send(response: ServerResponse, status: number, body: unknown, date?: Date): void {
  const headers = { 'content-type': 'application/x-amz-json-1.0', ...(date && { date: date.toUTCString() }) };
  response.writeHead(status, headers).end(JSON.stringify(body));
}

function errorBody(name: string): Record<string, unknown> {
  return { __type: `com.amazonaws.dynamodb.v20120810#${name}`, message: 'this text may quote SECRET-VALUE' };
}
