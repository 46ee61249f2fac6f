/**
 * Says what each failure of DynamoDB means for the work: wait and try again, blame one item, or stop the run. Names
 * decide (`service-rules.ts`), never texts, since the service's texts change and may quote keys. `service-words.ts` has
 * what is taken from texts.
 */
import { FerryError } from '../../core/errors.js';
import { machineFault } from '../../core/machine/machine-faults.js';
import { ofServer } from '../../core/text/shown-text.js';
import { CHECKSUM, REQUEST_ID, answererOf, type Answerer } from './answer-faults.js';
import { ruleOf, type ServiceRule } from './service-rules.js';
import { type InvalidWords, wordsIn, type ServiceWords } from './service-words.js';

/** A request that got no success: the service's error answer, or what happened to the connection. */
export class RequestFailure extends Error {
  override readonly name = 'RequestFailure';
  /** One line, cut where it is longer than any name is. */
  readonly reason: string;

  /**
   * @param reason the service's error name (`ThrottlingException`), or the connection's error code (`ECONNRESET`)
   * @param status HTTP status; 0 where no answer came
   * @param sent the request may have reached the service
   * @param throttlingReasons as the service named them, `TableWriteKeyRangeThroughputExceeded`; empty where it did not
   * @param serverTime the answer's Date header in ms since the epoch; null where there was none
   * @param item of a write whose condition failed: the item that is there, as it was answered and unchecked. Holds
   *   values; undefined where the answer had none
   * @param words what its text adds to the name
   */
  constructor(
    reason: string,
    readonly status: number,
    readonly sent: boolean,
    readonly throttlingReasons: readonly string[] = [],
    readonly serverTime: number | null = null,
    readonly item?: unknown,
    readonly words: ServiceWords = wordsIn(null),
  ) {
    super(ofServer(reason));
    this.reason = this.message;
  }
}

export type Verdict =
  /** Refused for lack of capacity, surely not applied. `hotKeyRange`: nothing but single partition keys is too hot. */
  | { readonly kind: 'throttled'; readonly hotKeyRange: boolean }
  /** The service or the way to it is broken for now. `ambiguous`: the request may have been, or may yet be, applied. */
  | { readonly kind: 'unavailable'; readonly ambiguous: boolean }
  /** Something in the request is not acceptable; in a batch it takes one bad item to refuse all. */
  | { readonly kind: 'invalid' }
  | { readonly kind: 'fatal'; readonly error: FerryError };

/** Signatures that the service finds too old or too new, or wrong. `request-signer.ts` corrects the clock first. */
export const CLOCK_SKEW: ReadonlySet<string> = new Set([
  'RequestTimeTooSkewed',
  'RequestTimeTooSkewedException',
  'RequestExpired',
  'RequestInTheFuture',
  'InvalidSignatureException',
  'SignatureDoesNotMatch',
]);

/** Credentials past their time. `request-signer.ts` fetches new ones first. */
export const EXPIRED_CREDENTIALS: ReadonlySet<string> = new Set(['ExpiredToken', 'ExpiredTokenException']);

/**
 * @param operation and `table`: for the message, and for the IAM action where AWS does not name it
 * @returns what to do about it
 */
export function judge(failure: RequestFailure, operation: string, table: string): Verdict {
  const { reason, status } = failure;
  const rule = ruleOf(reason);
  switch (rule?.means) {
    case 'throttled':
      return { kind: 'throttled', hotKeyRange: isHotKeyRange(failure.throttlingReasons) };
    case 'conflict':
      return { kind: 'unavailable', ambiguous: false };
    case 'invalid':
      return { kind: 'invalid' };
    case 'fatal':
      return { kind: 'fatal', error: fatal(rule, failure, operation, table) };
    default:
      // An unknown 4xx is an error that no repetition will change.
      if (rule === null && status >= 400 && status < 500 && status !== 408 && status !== 429) {
        return { kind: 'fatal', error: invalidRequest(operation, table, failure) };
      }
      // AWS on InternalServerError: the write may have succeeded. A gateway's 502 to 504 knows no better.
      return { kind: 'unavailable', ambiguous: failure.sent };
  }
}

function fatal(rule: ServiceRule, failure: RequestFailure, operation: string, table: string): FerryError {
  const { reason, words } = failure;
  const denied = rule.deniesAction === true || (rule.code === 'E_TARGET_ACCESS' && words.action !== null);
  const { fact, next } = denied ? denial(words, operation) : rule;
  return new FerryError(rule.code, `${operation} on table ${table}: ${fact} (${reason})`, next, { cause: failure });
}

/** The IAM action of an operation has its name. */
function denial(
  { action, key, policy }: ServiceWords,
  operation: string,
): { readonly fact: string; readonly next: string } {
  const missing = action ?? (key ? 'kms:Decrypt' : `dynamodb:${operation}`);
  const by = policy === null ? '' : `, by ${policy}`;
  const where = key ? "the table's KMS key, in the key's policy too" : 'the table';
  const rest = key
    ? 'check that the key is enabled'
    : 'compare the IAM policy of your role with the one in MIGRATION.md';
  return {
    fact: `AWS denied ${missing}${key ? " with the table's KMS key" : ''}${by}`,
    next: `allow ${missing} on ${where}; ${rest}; then run the same command again`,
  };
}

/** Explains why a request is invalid: by the service's text where it is known, else by the name of the error. */
export function explainInvalid(failure: RequestFailure): InvalidWords {
  const { whose, fact, next } = failure.words.invalid ?? ruleOf(failure.reason) ?? UNKNOWN;
  return { whose, fact: fact + itsWords(failure), next };
}

/** The known words of the service's text, where nothing explains why the request is invalid. */
function itsWords({ words, reason }: RequestFailure): string {
  const unexplained = ruleOf(reason)?.means === 'invalid' ? words.unexplained : null;
  return unexplained === null ? '' : `; its message without values: "${unexplained}"`;
}

/** The error of a request that DynamoDB refused as invalid. The service's own text may quote a key and stays out. */
export function invalidRequest(
  operation: string,
  table: string,
  failure: RequestFailure,
  cause: unknown = failure,
): FerryError {
  const known = failure.words.invalid;
  return new FerryError(
    'E_TARGET_REQUEST',
    `DynamoDB refused ${operation} on table ${table} as invalid (${failure.reason}, HTTP ${failure.status})${known === null ? itsWords(failure) : `: ${known.fact}`}`,
    known?.next ?? UNKNOWN.next,
    { cause },
  );
}

const UNKNOWN: InvalidWords = {
  whose: 'request',
  fact: 'DynamoDB refuses it',
  next: "run `dynaferry check`, which compares the mapping's keys and types with the target's key schema and indexes",
};

const FOREIGN =
  'another program answers instead of DynamoDB, or changes its answers: check the endpoint and proxies, then run the same command again';

/** As `answer-seal.ts` finds. ScyllaDB: issue 5039 of its repository, open in 2026, with a switch for it to come. */
const UNSEALED = `another program answers instead of DynamoDB, or the endpoint is another service. dynaferry does not support services without ${REQUEST_ID} or ${CHECKSUM}, such as ScyllaDB Alternator with its defaults. Check target.endpoint and proxies, then run the same command again`;

const WAIT =
  "check the table's throttling and the AWS Health dashboard; raise the table's capacity or lower target.writeCapacity, then run the same command again";

const NEXT_OF_ANSWERER: Readonly<Record<Answerer, string>> = { 'another service': UNSEALED, 'in between': FOREIGN };

/** The error of a run that made no progress for too long. */
export function unavailable(operation: string, table: string, failure: RequestFailure, seconds: number): FerryError {
  const neverSent = failure.status === 0 && !failure.sent;
  const answerer = answererOf(failure.reason);
  const next = answerer === null ? (ruleOf(failure.reason)?.next ?? WAIT) : NEXT_OF_ANSWERER[answerer];
  const fact = `${operation} on table ${table} made no progress for ${seconds} s; the last failure was ${failure.reason}`;
  const ofMachine = machineFault(fact, { code: failure.reason });
  if (ofMachine !== null) return ofMachine;
  return neverSent
    ? new FerryError(
        'E_TARGET_CONNECT',
        fact,
        'check the endpoint, network, DNS and TLS from this machine, then run the same command again',
        {
          cause: failure,
        },
      )
    : new FerryError('E_TARGET_UNAVAILABLE', fact, next, {
        cause: failure,
      });
}

/**
 * True where every reason is a single key range's: then the table itself has room, and only those partition keys wait.
 */
function isHotKeyRange(reasons: readonly string[]): boolean {
  return reasons.length > 0 && reasons.every((reason) => reason.includes('KeyRangeThroughputExceeded'));
}
