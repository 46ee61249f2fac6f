/**
 * One round: a seed, an operation of the adapter, a few wrong answers. No outcome may be a false success, an error of
 * ours or a hang; a fault with a code of the target's is an end in order, where the answer could be none.
 */
import { FerryError } from '../../src/core/errors.js';
import { EventBus } from '../../src/core/event-bus.js';
import { SAME } from '../../src/core/item/found-item.js';
import type { MappedItem } from '../../src/core/model.js';
import { TokenBucket } from '../../src/dynamodb/capacity/token-bucket.js';
import { connectTarget } from '../../src/dynamodb/client.js';
import { openItemReader } from '../../src/dynamodb/read/reader.js';
import { describeTargetTable, type TableFacts } from '../../src/dynamodb/table/describe-table.js';
import { openItemWriter } from '../../src/dynamodb/write/writer.js';
import { canonicalItemText } from '../../src/mapping/item/canonical.js';
import { storedBytes } from '../../src/mapping/item/stored-size.js';
import { KEY_NAMES, sampleItem } from '../contract/item-writer-samples.js';
import { seededRandom, startFaultProxy } from '../support/fault-proxy.js';
import { pick, type Random } from './changes.js';
import { forging, type Forging } from './forging.js';
import type { Stage } from './stage.js';

export interface Round {
  readonly seed: number;
  readonly kind: string;
  /** How it ended: `done`, or the code of its fault. */
  readonly end: string;
  /** What is wrong with that; empty: nothing. */
  readonly finds: readonly string[];
  readonly said: readonly string[];
}

interface Trial {
  readonly stage: Stage;
  readonly seed: number;
  readonly random: Random;
  readonly forging: Forging;
}

/** @returns what is wrong with what it ended with */
type Play = (trial: Trial, endpoint: string) => Promise<readonly string[]>;

/** A request ends within two seconds, a failing target is borne for four: far less than that is a hang. */
const TIMEOUTS = { connectTimeoutMs: 2_000, answerTimeoutMs: 2_000, wholeTimeoutMs: 2_000 };
const PATIENCE_SECONDS = 4;
const HANGS_AFTER_MS = 90_000;
const CALLS_WITHIN_MS = 2_000;

const PLAYS: Readonly<Record<string, Play>> = { write, put, read, describe };

export async function playRound(seed: number, stages: readonly Stage[]): Promise<Round> {
  const random = seededRandom(seed);
  const stage = pick(random, stages);
  const kind = pick(random, Object.keys(PLAYS));
  const trial: Trial = { stage, seed, random, forging: forging(random, 1 + Math.floor(random() * 6)) };
  const { plan } = trial.forging;
  await using proxy = await startFaultProxy(stage.server.endpoint, plan, random, { control: plan });
  const { end, finds } = await outcomeOf((PLAYS[kind] as Play)(trial, proxy.endpoint));
  const races = proxy.races.map((race) => `two requests at once for ${race}`);
  return { seed, kind: `${kind} ${stage.server.name}`, end, finds: [...finds, ...races], said: trial.forging.said };
}

async function outcomeOf(playing: Promise<readonly string[]>): Promise<Pick<Round, 'end' | 'finds'>> {
  let timer: NodeJS.Timeout | undefined;
  const hang = new Promise<'hang'>((resolve) => {
    timer = setTimeout(() => resolve('hang'), HANGS_AFTER_MS);
  });
  try {
    const finds = await Promise.race([playing, hang]);
    return finds === 'hang' ? { end: 'hang', finds: ['it hangs'] } : { end: 'done', finds };
  } catch (thrown) {
    const inOrder = thrown instanceof FerryError && /^E_TARGET_/.test(thrown.code);
    if (inOrder) return { end: thrown.code, finds: [] };
    const error = thrown instanceof Error ? thrown : new Error(String(thrown));
    return { end: 'error', finds: [`an error of ours: ${error.stack ?? error.message}${causeOf(error)}`] };
  } finally {
    clearTimeout(timer);
  }
}

function causeOf({ cause }: Error): string {
  return cause instanceof Error ? `; ${cause.stack ?? cause.message}` : '';
}

function itemsOf({ seed, random }: Trial, most: number, body: string, version = '5'): MappedItem[] {
  const count = 1 + Math.floor(random() * most);
  return Array.from({ length: count }, (_, i) =>
    sampleItem(`s${seed}#${i % 7}`, String(i).padStart(4, '0'), body, version),
  );
}

/** The same key and content, with another body or version. */
function other(item: MappedItem, body: string, version: string): MappedItem {
  const { pk, sk } = JSON.parse(item.keyText) as { pk: { S: string }; sk: { S: string } };
  return sampleItem(pk.S, sk.S, body, version);
}

async function withWriter<T>(
  { stage, random }: Trial,
  endpoint: string,
  conditional: boolean,
  work: (writer: ReturnType<typeof openItemWriter>, budget: TokenBucket) => Promise<T>,
): Promise<T> {
  const connection = await connectTarget({ region: null, endpoint, table: stage.table });
  const budget = new TokenBucket(1e6);
  const writer = openItemWriter({
    ...{ connection, shard: 's01', table: stage.table, keyNames: KEY_NAMES, budget, emitter: new EventBus() },
    maxInFlightRequests: pick(random, [1, 3]),
    retryTimeoutSeconds: PATIENCE_SECONDS,
    condition: conditional ? { attribute: 'v', canonicalText: canonicalItemText, storedBytes } : null,
    onSuspects: () => undefined,
    timeouts: TIMEOUTS,
    // No pauses between tries: what fails is over sooner.
    random: () => 0,
    indexes: 0,
  });
  try {
    return await work(writer, budget);
  } finally {
    await writer.close();
    connection.close();
  }
}

async function write(trial: Trial, endpoint: string): Promise<readonly string[]> {
  const items = itemsOf(trial, 120, 'text');
  return await withWriter(trial, endpoint, false, async (writer, budget) => {
    const receipt = await writer.write(items);
    return [
      ...missing(await trial.stage.held(items), items),
      ...unsoundUnits(receipt.units, budget, items.length * 400),
    ];
  });
}

async function put(trial: Trial, endpoint: string): Promise<readonly string[]> {
  const { stage, random } = trial;
  const items = itemsOf(trial, 12, 'row');
  const there = items.flatMap((item) =>
    pick(random, [[], [other(item, 'live', '9')], [other(item, 'old', '1')], [other(item, 'live', '5')], [item]]),
  );
  await stage.put(there);
  const kept = new Map(there.filter(({ text }) => !text.includes('"1"')).map((item) => [item.keyText, item]));
  const expected = items.map((item) => kept.get(item.keyText) ?? item);
  return await withWriter(trial, endpoint, true, async (writer, budget) => {
    const receipt = await writer.write(items);
    return [...missing(await stage.held(items), expected), ...unsoundUnits(receipt.units, budget, items.length * 400)];
  });
}

function missing(held: ReadonlyMap<string, string>, expected: readonly MappedItem[]): readonly string[] {
  const wrong = expected.filter(({ keyText, text }) => held.get(keyText) !== text);
  return wrong.length === 0 ? [] : [`a false success: ${wrong.length} of ${expected.length} items are not there`];
}

function unsoundUnits(units: number, budget: TokenBucket, most: number): readonly string[] {
  const sound = (figure: number): boolean => figure >= 0 && figure <= most;
  return sound(units) && sound(budget.consumed) ? [] : [`units that cannot be: ${units}, ${budget.consumed}`];
}

async function read(trial: Trial, endpoint: string): Promise<readonly string[]> {
  const { stage, random, forging: forged } = trial;
  const items = itemsOf(trial, 150, 'text');
  const held = items.map((item) => pick(random, [item, item, other(item, 'altered', '5'), null]));
  await stage.put(held.filter((item) => item !== null));
  const connection = await connectTarget({ region: null, endpoint, table: stage.table });
  const reader = openItemReader({
    ...{ connection, shard: 's01', table: stage.table, keyNames: KEY_NAMES, emitter: new EventBus() },
    budget: new TokenBucket(1e6),
    maxInFlightRequests: pick(random, [1, 3]),
    retryTimeoutSeconds: PATIENCE_SECONDS,
    canonicalText: canonicalItemText,
    timeouts: TIMEOUTS,
    // No pauses between tries: what fails is over sooner.
    random: () => 0,
  });
  try {
    const found = await reader.read(items, new AbortController().signal);
    const told = items.map((item, i) => (found.found[i] === SAME ? item.text : found.found[i]));
    const finds: string[] = [];
    const wrong = held.filter((item, i) => told[i] !== (item === null ? null : item.text));
    if (wrong.length > 0 && !forged.lied)
      finds.push(`${wrong.length} of ${items.length} items are not as they are there`);
    const equal = held.filter((item, i) => found.found[i] === SAME && item?.text !== items[i]?.text);
    if (equal.length > 0) finds.push(`a false success: ${equal.length} items are the same that are not`);
    if (!(found.units >= 0 && found.units <= items.length * 100)) finds.push(`units that cannot be: ${found.units}`);
    return finds;
  } finally {
    await reader.close();
    connection.close();
  }
}

async function describe(trial: Trial, endpoint: string): Promise<readonly string[]> {
  const { stage, forging: forged } = trial;
  const signal = new AbortController().signal;
  const facts = async (at: string): Promise<TableFacts | null> => {
    const connection = await connectTarget({ region: null, endpoint: at, table: stage.table }, CALLS_WITHIN_MS);
    try {
      return await describeTargetTable(connection, stage.table, signal);
    } finally {
      connection.close();
    }
  };
  // The count is an estimate, which nothing bounds or checks: any whole number may be told.
  const comparable = (found: TableFacts | null): string => JSON.stringify({ ...found, itemCount: null });
  const truth = comparable(await facts(stage.server.endpoint));
  const told = await facts(endpoint);
  if (told === null) return ['no table, it says'];
  if (!forged.lied) return comparable(told) === truth ? [] : [`other facts than there are: ${JSON.stringify(told)}`];
  const { name, status, partitionKey, indexes, provisionedWriteUnits, warmWriteUnits } = told;
  const sound =
    name === stage.table &&
    [status, partitionKey.name, ...indexes.map((index) => index.name)].every(
      (text) => typeof text === 'string' && text,
    ) &&
    [provisionedWriteUnits, warmWriteUnits].every((units) => units === null || (Number.isFinite(units) && units >= 0));
  return sound ? [] : [`facts that cannot be: ${JSON.stringify(told)}`];
}
