/**
 * Reads what a known text of an error adds to the error's name. Nothing keeps the text itself, as it may quote keys. It
 * decides only the words of a message, and whether the item or the table is to blame for an invalid request. A message
 * shows an unknown text by its known words (`service-vocabulary.ts`).
 *
 * Sources: AWS's own texts, as its documentation and public bug reports quote them, and those of DynamoDB Local and
 * dynalite. A test makes both emulators refuse items. An unknown text leaves the rule of the name in place.
 */
import type { Whose } from './service-rules.js';
import { withoutValues } from './service-vocabulary.js';

export interface ServiceWords {
  /** The IAM action that is missing, `dynamodb:PutItem`, `kms:Decrypt`; null: the text names none. */
  readonly action: string | null;
  /** The text is about the table's KMS key. */
  readonly key: boolean;
  /** Which policy denies it; null: the text does not say. */
  readonly policy: string | null;
  readonly invalid: InvalidWords | null;
  /** The words of an unknown text, without whatever may be a value; null: no word is left. */
  readonly unexplained: string | null;
}

export interface InvalidWords {
  readonly whose: Whose;
  readonly fact: string;
  readonly next: string;
}

const item = (fact: string, next: string): InvalidWords => ({ whose: 'item', fact, next });

const KEYS = "run `dynaferry check`, which compares the mapping's keys with the target's key schema";
const INDEX = 'correct the row, or let the mapping omit the attribute where an index cannot hold it';

/** The first entry that matches decides. */
const INVALID: readonly (readonly [RegExp, InvalidWords])[] = [
  [
    /item size (to update )?has exceeded/i,
    item('it is larger than 400 KB with its entries in local indexes', 'drop or shorten attributes'),
  ],
  [
    /item collection/i,
    item('its partition key has more than 10 GB', 'spread the account (mapping partitionKey.spread)'),
  ],
  [/type mismatch for index key/i, item('an attribute is the key of an index, but has another type', INDEX)],
  [
    /(secondary index key|IndexKey|index key).*(empty|not supported|not valid)/i,
    item('an attribute is the key of an index, but is empty or null', INDEX),
  ],
  [
    /(size of hashkey|partition key).*(exceeded|size limit)/i,
    item('a partition key is longer than 2,048 bytes', 'shorten it in the mapping'),
  ],
  [
    /(range keys|sort key|rangekey).*(exceeded|size limit)/i,
    item('a sort key is longer than 1,024 bytes', 'shorten it in the mapping'),
  ],
  [/key attribute.*empty/i, item('a key attribute is empty', 'correct the row, or change the key templates')],
  [/nesting levels/i, item('it nests deeper than 32 levels', 'let the mapping keep the attribute as text')],
  [
    /38 significant digits|number (overflow|underflow)|magnitude|numeric value/i,
    item(
      'a number has more digits, or is larger or smaller, than DynamoDB allows',
      'let the mapping keep the column as text',
    ),
  ],
  [
    /set\s+may not be empty|(collection|set).*duplicates/i,
    item('a set is empty or has a member twice', 'correct the row'),
  ],
  [/attribute name.*(long|length|exceed)/i, item('the name of an attribute is too long', 'shorten it in the mapping')],
  [
    /missing the key|does not match the schema|type mismatch for key/i,
    { whose: 'table', fact: 'its keys differ from those of the table', next: KEYS },
  ],
  [
    /list of item keys contains duplicates|too many items requested|must contain exactly one/i,
    { whose: 'request', fact: 'the request is malformed', next: 'report this; DynamoDB wrote nothing of the request' },
  ],
];

const POLICIES: readonly (readonly [RegExp, string])[] = [
  [/service control policy/i, 'a service control policy of the organization'],
  [/resource control policy/i, 'a resource control policy of the organization'],
  [/vpc endpoint policy/i, 'the policy of the VPC endpoint'],
  [/permissions boundary/i, 'the permissions boundary of the role'],
  [/session policy/i, 'the session policy'],
  [/resource-based policy/i, 'the resource policy of the table or key'],
  [/identity-based policy/i, 'the identity policy of the role'],
];

/** A service and an action of IAM. No part of a row that AWS quotes can be as short and as plain. */
const ACTION = /(?:perform: |the )((?:dynamodb|kms):[A-Z][A-Za-z]{2,40})\b/;

const NOTHING: ServiceWords = { action: null, key: false, policy: null, invalid: null, unexplained: null };
/** Known texts have a few hundred characters, so a longer text is not known. */
const MOST_CHARACTERS = 4_000;

/** @param text the service's text, or anything else in its place */
export function wordsIn(text: unknown): ServiceWords {
  if (typeof text !== 'string' || text.length > MOST_CHARACTERS) return NOTHING;
  const action = ACTION.exec(text)?.[1] ?? null;
  const invalid = firstOf(INVALID, text);
  return {
    action,
    key: action?.startsWith('kms:') ?? /\bKMS (key|is)\b|customer master key/.test(text),
    policy: firstOf(POLICIES, text),
    invalid,
    unexplained: invalid === null ? withoutValues(text) : null,
  };
}

function firstOf<T>(known: readonly (readonly [RegExp, T])[], text: string): T | null {
  return known.find(([pattern]) => pattern.test(text))?.[1] ?? null;
}
