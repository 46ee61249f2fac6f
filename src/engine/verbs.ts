/** The registry of verbs: what a run can do with a shard. A new verb is one line here. */
import { BACKFILL } from './backfill.js';
import { RETRY_BAD } from './retry-bad.js';
import type { Verb } from './verb/verb.js';
import { VERIFY } from './verify.js';

const REGISTRY = {
  backfill: BACKFILL,
  'retry-bad': RETRY_BAD,
  verify: VERIFY,
};

export type VerbName = keyof typeof REGISTRY;

type OfVerb<Name extends VerbName> =
  (typeof REGISTRY)[Name] extends Verb<infer Options, infer Result>
    ? { readonly options: Options; readonly result: Result }
    : never;

/** What a run of the verb is asked for, as plain data. */
export type OptionsOf<Name extends VerbName> = OfVerb<Name>['options'];

/** What a run of the verb reports of one shard, as plain data. */
export type ResultOf<Name extends VerbName> = OfVerb<Name>['result'];

export const VERBS: { readonly [Name in VerbName]: Verb<OptionsOf<Name>, ResultOf<Name>> } = REGISTRY;
