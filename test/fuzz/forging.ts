/** The answers of one round: most requests pass, some are answered with what is changed in one place. */
import { sealOf } from '../support/fault-proxy/answers.js';
import type { Fate, FaultPlan, ForgedAnswer, SealedAnswer } from '../support/fault-proxy/fates.js';
import { changed, parsed, pick, type Random } from './changes.js';

export interface Forging {
  readonly plan: FaultPlan;
  /** What was done to which answer, in order. */
  readonly said: readonly string[];
  /** A changed content came under a right seal: the service itself said so, as far as anybody can tell. */
  readonly lied: boolean;
}

const STATUSES = [201, 202, 204, 206, 301, 304, 400, 403, 404, 408, 413, 429, 500, 502, 503, 504] as const;

/** @param most requests of each operation that are answered wrong; then all pass, so that a round can end well */
export function forging(random: Random, most: number, chance = 0.7): Forging {
  const said: string[] = [];
  const counts = new Map<string, number>();
  let lied = false;
  const plan: FaultPlan = ({ operation }): Fate => {
    const count = counts.get(operation) ?? 0;
    if (count >= most || random() >= chance) return { kind: 'pass' };
    counts.set(operation, count + 1);
    const executed = pick(random, ['all', 'all', 'nothing', { share: 0.5 }] as const);
    return {
      kind: 'forged',
      executed,
      forge: (truth) => {
        const { answer, what, lies } = forged(operation, truth, executed === 'all', random);
        lied ||= lies;
        said.push(`${operation} (${typeof executed === 'string' ? executed : 'half'} executed): ${what}`);
        return answer;
      },
    };
  };
  return {
    plan,
    said,
    get lied() {
      return lied;
    },
  };
}

interface Forgery {
  readonly answer: ForgedAnswer;
  readonly what: string;
  readonly lies: boolean;
}

function forged(operation: string, truth: SealedAnswer, allExecuted: boolean, random: Random): Forgery {
  const how = random();
  if (how < 0.1) {
    const delivery = pick(random, ['cut', 'bytewise'] as const);
    return { answer: { ...truth, delivery }, what: `it comes ${delivery}`, lies: false };
  }
  if (how < 0.2) {
    const [what, headers] = brokenSeal(truth, random);
    return { answer: { ...truth, headers, delivery: 'whole' }, what, lies: false };
  }
  if (how < 0.3) {
    const status = pick(random, STATUSES);
    const text = pick(random, [truth.text, '', '<html>', '{"__type":"x#AccessDeniedException"}', '{"__type":5}', '[]']);
    return {
      answer: { ...truth, status, text, delivery: 'whole' },
      what: `HTTP ${status} ${text.slice(0, 40)}`,
      lies: false,
    };
  }
  const refused = truth.status === 400 && truth.text.includes('ConditionalCheckFailed');
  // A put that was throttled, answered as one that was done.
  const status = truth.status === 400 && operation === 'PutItem' && !refused ? 200 : truth.status;
  const base = status === truth.status ? truth.text : '{"ConsumedCapacity":{"TableName":"another","CapacityUnits":1}}';
  const { what, text } = changed(refused ? 'ConditionalCheckFailedException' : operation, base, random);
  const claims = !allExecuted && claimsMore(operation, truth, text);
  const own = !claims && random() < 0.6;
  const kept = status === truth.status ? truth.headers : { ...truth.headers, 'x-amz-crc32': '1' };
  const answer: ForgedAnswer = { status, text, headers: own ? sealOf(text) : kept, delivery: 'whole' };
  // The emulators' errors may come without a checksum: then nothing tells.
  const sealed = own || truth.headers['x-amz-crc32'] === undefined;
  return { answer, what: `${what}${own ? ', sealed' : ''}`, lies: sealed && text !== truth.text };
}

function brokenSeal(truth: SealedAnswer, random: Random): readonly [string, SealedAnswer['headers']] {
  const name = pick(random, ['x-amzn-requestid', 'x-amz-crc32']);
  const value = pick(random, [undefined, '', '1', '-1', 'x', '4294967296']);
  return [`${name}: ${String(value)}`, { ...truth.headers, [name]: name === 'x-amzn-requestid' && value ? '' : value }];
}

/**
 * Whether it says, in a right shape, that more was done than was. Under a right seal nobody could tell: such an answer
 * keeps the seal of the true one. What says so in a wrong shape has to be found out by that.
 */
function claimsMore(operation: string, truth: SealedAnswer, text: string): boolean {
  if (operation === 'PutItem') {
    const { ConsumedCapacity } = (parsed(text) ?? {}) as { ConsumedCapacity?: { CapacityUnits?: unknown } | null };
    return typeof ConsumedCapacity?.CapacityUnits === 'number';
  }
  if (operation !== 'BatchWriteItem') return false;
  const [left, said] = [leftIn(truth.text), leftIn(text)];
  return said !== null && [...(left ?? [])].some((put) => !said.has(put));
}

/** The keys that it says are unprocessed; null where it says nothing of the kind. */
function leftIn(text: string): ReadonlySet<string> | null {
  try {
    const { UnprocessedItems } = JSON.parse(text) as { UnprocessedItems: Record<string, unknown> };
    if (typeof UnprocessedItems !== 'object' || Array.isArray(UnprocessedItems)) return null;
    const puts = Object.values(UnprocessedItems).flatMap((list) => {
      if (!Array.isArray(list)) throw new TypeError('no list');
      return list as { PutRequest: { Item: { pk: unknown; sk: unknown } } }[];
    });
    return new Set(puts.map(({ PutRequest: { Item } }) => JSON.stringify([Item.pk, Item.sk])));
  } catch {
    return null;
  }
}
