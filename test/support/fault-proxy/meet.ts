/** Carries out the fate of one request. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { errorBody, forward, relay, sealIn, sealOf, send, sendGarbled, sendText, throttleBody } from './answers.js';
import type { Batch } from './batch.js';
import { PASS, type Fate, type ForgedAnswer, type SealedAnswer, type Selection } from './fates.js';
import type { HeldRequests } from './held.js';
import { shuffled } from './random.js';

export interface Encounter {
  readonly target: string;
  readonly incoming: IncomingMessage;
  readonly response: ServerResponse;
  readonly body: string;
  /** null for an operation that is not a hot one: fates about batches let it pass. */
  readonly batch: Batch | null;
  readonly operation: string;
  readonly random: () => number;
  readonly held: HeldRequests;
}

export async function meet(fate: Fate, encounter: Encounter): Promise<void> {
  const { target, incoming, response, body } = encounter;
  const apply = async (applied: boolean | undefined): Promise<void> => {
    if (applied === true) await (await forward(target, incoming, body)).text();
  };
  switch (fate.kind) {
    case 'pass':
      await relay(response, await forward(target, incoming, body));
      return;
    case 'after':
      await fate.done;
      await meet(fate.then ?? PASS, encounter);
      return;
    case 'late':
      await sleep(fate.ms);
      await relay(response, await forward(target, incoming, body));
      return;
    case 'slow answer': {
      const answer = await forward(target, incoming, body);
      await sleep(fate.ms);
      await relay(response, answer);
      return;
    }
    case 'no capacity':
      await passAltered(encounter, withoutCapacity);
      return;
    case 'total capacity':
      await passAltered(encounter, totalCapacity);
      return;
    case 'altered':
      await passAltered(encounter, fate.alter);
      return;
    case 'unprocessed':
      await leaveUnprocessed(selected(fate, encounter), encounter);
      return;
    case 'metered':
      await leaveUnprocessed(new Set(fate.refused), encounter, fate.consumed);
      return;
    case 'throttle': {
      const { name = 'ProvisionedThroughputExceededException', reasons, spelling = 'ThrottlingReasons' } = fate;
      send(response, 400, throttleBody(name, reasons, spelling));
      return;
    }
    case 'error':
      await apply(fate.applied);
      send(response, fate.status, errorBody(fate.name, fate.text), fate.date);
      return;
    case 'answer':
      await apply(fate.applied);
      sendText(response, fate.status ?? 200, fate.text, fate.headers);
      return;
    case 'rewritten': {
      const answer = await forward(target, incoming, body);
      const text = fate.rewrite(await answer.text(), answer.status);
      sendText(response, answer.status, text, fate.seal === 'kept' ? sealIn(answer) : {});
      return;
    }
    case 'forged':
      await deliver(response, fate.forge(await truth(fate.executed, encounter)));
      return;
    case 'endless':
      await apply(true);
      await endlessly(response, fate.everyMs);
      return;
    case 'garbled':
      await apply(fate.applied);
      sendGarbled(response);
      return;
    case 'reset':
      await apply(fate.applied);
      incoming.socket.resetAndDestroy();
      return;
    case 'drop':
      await apply(fate.applied);
      incoming.socket.end();
      return;
    case 'hang':
      await apply(fate.applied);
      await silence(incoming);
      return;
    case 'held':
      encounter.held.hold(() => apply(true), fate.ms);
      if (fate.sender === 'reset') incoming.socket.resetAndDestroy();
      else await silence(incoming);
  }
}

/** Sends blanks until the other side gives up. */
async function endlessly(response: ServerResponse, everyMs: number | null): Promise<void> {
  response.writeHead(200, { 'content-type': 'application/x-amz-json-1.0', ...sealOf('') });
  const blanks = everyMs === null ? ' '.repeat(64 * 1024) : ' ';
  while (!response.destroyed) {
    response.write(blanks);
    await sleep(everyMs ?? 1);
  }
}

/** Nothing more: the socket stays open until one side gives up. */
async function silence(incoming: IncomingMessage): Promise<void> {
  await new Promise((resolve) => incoming.socket.once('close', resolve));
}

async function passAltered(
  { target, incoming, response, body }: Encounter,
  alter: (answer: Record<string, unknown>) => Record<string, unknown>,
): Promise<void> {
  const answer = await forward(target, incoming, body);
  const json = (await answer.json()) as Record<string, unknown>;
  send(response, answer.status, answer.ok ? alter(json) : json);
}

function withoutCapacity({ ConsumedCapacity: _, ...rest }: Record<string, unknown>): Record<string, unknown> {
  return rest;
}

function totalCapacity(answer: Record<string, unknown>): Record<string, unknown> {
  const total = ({ TableName, CapacityUnits }: Record<string, unknown>): unknown => ({ TableName, CapacityUnits });
  const consumed = answer['ConsumedCapacity'];
  if (consumed === undefined) return answer;
  const ConsumedCapacity = Array.isArray(consumed)
    ? consumed.map((each) => total(each as Record<string, unknown>))
    : total(consumed as Record<string, unknown>);
  return { ...answer, ConsumedCapacity };
}

/** The entries that come back, by index. */
function selected(selection: Selection, { batch, random }: Encounter): ReadonlySet<number> {
  const entries = batch?.entries ?? [];
  const indexes = entries.map((_, index) => index);
  if ('where' in selection) {
    return new Set(indexes.filter((index) => selection.where(JSON.stringify(entries[index]), index)));
  }
  const wanted = 'share' in selection ? Math.round(selection.share * entries.length) : selection.count;
  return new Set(shuffled(indexes, random).slice(0, Math.min(entries.length, Math.max(1, wanted))));
}

/** Executes only a part of the batch, and answers the rest as the service does. */
async function leaveUnprocessed(left: ReadonlySet<number>, encounter: Encounter, consumed?: unknown): Promise<void> {
  const { status, text, headers } = await partlyDone(left, encounter, consumed);
  sendText(encounter.response, status, text, headers);
}

async function truth(executed: 'all' | 'nothing' | Selection, encounter: Encounter): Promise<SealedAnswer> {
  if (executed === 'all' || encounter.batch === null) return await partlyDone(new Set(), encounter);
  const selection = executed === 'nothing' ? { share: 1 } : executed;
  return await partlyDone(selected(selection, encounter), encounter);
}

async function partlyDone(
  left: ReadonlySet<number>,
  { target, incoming, body, batch, operation, random }: Encounter,
  consumed?: unknown,
): Promise<SealedAnswer> {
  const done = batch?.entries.filter((_, index) => !left.has(index)) ?? [];
  if (batch === null || (left.size === 0 && consumed === undefined))
    return await asSent(await forward(target, incoming, body));
  if (operation === 'PutItem' && left.size > 0) {
    // One item alone has no "unprocessed".
    const refusal = throttleBody('ProvisionedThroughputExceededException', undefined, 'ThrottlingReasons');
    return sealed(400, JSON.stringify(refusal));
  }
  let answer: Record<string, unknown> = operation === 'BatchGetItem' ? { Responses: { [batch.table]: [] } } : {};
  if (done.length > 0) {
    const real = await forward(target, incoming, batch.withEntries(done));
    if (!real.ok) return await asSent(real);
    answer = (await real.json()) as Record<string, unknown>;
  }
  if (consumed !== undefined) answer['ConsumedCapacity'] = consumed;
  const returned = shuffled(
    batch.entries.filter((_, index) => left.has(index)),
    random,
  );
  if (operation === 'BatchWriteItem') answer['UnprocessedItems'] = left.size === 0 ? {} : { [batch.table]: returned };
  else if (operation === 'BatchGetItem') {
    answer['UnprocessedKeys'] = { [batch.table]: { Keys: returned, ConsistentRead: true } };
  }
  return sealed(200, JSON.stringify(answer));
}

async function asSent(answer: Response): Promise<SealedAnswer> {
  return { status: answer.status, text: await answer.text(), headers: sealIn(answer) };
}

function sealed(status: number, text: string): SealedAnswer {
  return { status, text, headers: sealOf(text) };
}

async function deliver(response: ServerResponse, { status, text, headers, delivery }: ForgedAnswer): Promise<void> {
  if (delivery === 'whole') {
    sendText(response, status, text, headers);
    return;
  }
  const bytes = Buffer.from(text);
  const given = Object.entries(headers).flatMap(([name, value]) => (value === undefined ? [] : [[name, value]]));
  response.writeHead(status, {
    ...(Object.fromEntries(given) as Record<string, string>),
    'content-length': bytes.length,
  });
  if (delivery === 'cut') {
    response.write(bytes.subarray(0, bytes.length >> 1), () => response.destroy());
    return;
  }
  for (const byte of bytes) {
    response.write(Buffer.of(byte));
    await sleep(1);
  }
  response.end();
}
