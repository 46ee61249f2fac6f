/**
 * What each failure of DynamoDB means for the work: wait and try again, blame one item, or stop the run. Names decide,
 * never texts: the service's texts change, and may quote keys.
 */
import { FerryError } from '../core/errors.js';
import type { ErrorCode } from '../core/errors.js';

/** A request that got no success: the service's error answer, or what happened to the connection. */
export class RequestFailure extends Error {
  override readonly name = 'RequestFailure';

  /**
   * @param reason the service's error name (`ThrottlingException`), or the connection's error code (`ECONNRESET`)
   * @param status HTTP status; 0 where no answer came
   * @param sent the request may have reached the service
   * @param throttlingReasons as the service named them, `TableWriteKeyRangeThroughputExceeded`; empty where it did not
   * @param serverTime the answer's Date header in ms since the epoch; null where there was none
   * @param item of a write whose condition failed: the item that is there, as it was answered and unchecked. Holds values; undefined
   *   where the answer had none
   */
  constructor(
    readonly reason: string,
    readonly status: number,
    readonly sent: boolean,
    readonly throttlingReasons: readonly string[] = [],
    readonly serverTime: number | null = null,
    readonly item?: unknown,
  ) {
    super(reason);
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

interface FatalEntry {
  readonly code: ErrorCode;
  readonly fact: string;
  readonly next: string;
}

const credentials = (fact: string): FatalEntry => ({
  code: 'E_TARGET_CREDENTIALS',
  fact,
  next: 'renew the credentials (AWS_PROFILE, AWS_ACCESS_KEY_ID, `aws sso login`), then run the same command again',
});

const access = (fact: string): FatalEntry => ({
  code: 'E_TARGET_ACCESS',
  fact,
  next: 'compare the IAM policy of the role in use with the one in MIGRATION.md, then run the same command again',
});

/** Refusals for lack of capacity: the write is certainly not applied. */
const THROTTLES: ReadonlySet<string> = new Set([
  'ProvisionedThroughputExceededException',
  'ThrottlingException',
  'Throttling',
  'RequestLimitExceeded',
  'TooManyRequestsException',
]);

/** Somebody else is writing the very item, in a transaction or in another region: surely not applied, and over in a moment. */
const CONFLICTS: ReadonlySet<string> = new Set(['TransactionConflictException', 'ReplicatedWriteConflictException']);

/** Refusals of the request as it is written: for a batch, of one of its items. */
const INVALID: ReadonlySet<string> = new Set([
  'ValidationException',
  'SerializationException',
  'ItemCollectionSizeLimitExceededException',
]);

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

const FATAL: ReadonlyMap<string, FatalEntry> = new Map([
  ['ExpiredToken', credentials('the AWS credentials have expired and could not be renewed')],
  ['ExpiredTokenException', credentials('the AWS credentials have expired and could not be renewed')],
  ['UnrecognizedClientException', credentials('AWS does not know the access key or session token')],
  ['InvalidClientTokenId', credentials('AWS does not know the access key or session token')],
  ['MissingAuthenticationToken', credentials('AWS found no credentials in the request')],
  ['MissingAuthenticationTokenException', credentials('AWS found no credentials in the request')],
  ['IncompleteSignature', credentials('AWS found the signature incomplete')],
  ['IncompleteSignatureException', credentials('AWS found the signature incomplete')],
  [
    'InvalidSignatureException',
    credentials('AWS refused the signature: the secret key or this machine’s clock is wrong'),
  ],
  ['SignatureDoesNotMatch', credentials('AWS refused the signature: the secret key or this machine’s clock is wrong')],
  ['RequestTimeTooSkewed', credentials('AWS refused the signature: this machine’s clock is wrong')],
  ['RequestTimeTooSkewedException', credentials('AWS refused the signature: this machine’s clock is wrong')],
  ['RequestExpired', credentials('AWS refused the signature: this machine’s clock is wrong')],
  ['RequestInTheFuture', credentials('AWS refused the signature: this machine’s clock is wrong')],
  ['CredentialsProviderError', credentials('no AWS credentials were found')],
  ['TokenProviderError', credentials('the AWS SSO session has expired')],
  ['AccessDeniedException', access('AWS denied access')],
  ['AccessDenied', access('AWS denied access')],
  ['UnauthorizedOperation', access('AWS denied access')],
  ['NotAuthorized', access('AWS denied access')],
  ['OptInRequired', access('the AWS account is not signed up for DynamoDB in this region')],
  [
    'ResourceNotFoundException',
    {
      code: 'E_TARGET_GONE',
      fact: 'the table does not exist (any more)',
      next: 'check region, endpoint and table name; if the table was replaced, start the shard anew, as its state speaks of the old one',
    },
  ],
]);

/**
 * @param operation and `table`: for the message only
 * @returns what to do about it
 */
export function judge(failure: RequestFailure, operation: string, table: string): Verdict {
  const { reason, status } = failure;
  if (THROTTLES.has(reason)) return { kind: 'throttled', hotKeyRange: isHotKeyRange(failure.throttlingReasons) };
  if (CONFLICTS.has(reason)) return { kind: 'unavailable', ambiguous: false };
  if (INVALID.has(reason)) return { kind: 'invalid' };
  const fatal = FATAL.get(reason);
  if (fatal !== undefined) {
    const message = `${operation} on table ${table}: ${fatal.fact} (${reason})`;
    return { kind: 'fatal', error: new FerryError(fatal.code, message, fatal.next, { cause: failure }) };
  }
  // What is left of the 4xx is a refusal that no repetition will change.
  if (status >= 400 && status < 500 && status !== 408 && status !== 429) {
    return { kind: 'fatal', error: refused(operation, table, failure) };
  }
  // AWS on InternalServerError: the write may have succeeded. A gateway's 502 to 504 knows no better.
  return { kind: 'unavailable', ambiguous: failure.sent };
}

/** DynamoDB refused a request as invalid; the service's own text may quote a key and stays out. */
export function refused(
  operation: string,
  table: string,
  failure: RequestFailure,
  cause: unknown = failure,
): FerryError {
  return new FerryError(
    'E_TARGET_REQUEST',
    `DynamoDB refused ${operation} on table ${table} as invalid (${failure.reason}, HTTP ${failure.status})`,
    'compare the mapping’s keys and types with the target’s key schema and indexes: `dynaferry check` does both',
    { cause },
  );
}

/** The error of a run whose patience ran out. */
export function unavailable(operation: string, table: string, failure: RequestFailure, seconds: number): FerryError {
  const neverSent = failure.status === 0 && !failure.sent;
  // As `answer-seal.ts` and `answer-shape.ts` name them.
  const foreign = /^(unreadable answer|answer with)/.test(failure.reason);
  const fact = `${operation} on table ${table} made no progress for ${seconds} s; the last failure was ${failure.reason}`;
  return neverSent
    ? new FerryError(
        'E_TARGET_CONNECT',
        fact,
        'check endpoint, network, DNS and TLS from this machine, then run the same command again',
        {
          cause: failure,
        },
      )
    : new FerryError(
        'E_TARGET_UNAVAILABLE',
        fact,
        foreign
          ? 'something in between answers in place of DynamoDB, or changes its answers: check endpoint and proxies, then run the same command again'
          : 'look at the table’s throttling and the AWS Health dashboard; raise the table’s capacity or lower target.writeCapacity, then run the same command again',
        { cause: failure },
      );
}

/** True where every reason is a single key range's: then the table itself has room, and only those partition keys wait. */
function isHotKeyRange(reasons: readonly string[]): boolean {
  return reasons.length > 0 && reasons.every((reason) => reason.includes('KeyRangeThroughputExceeded'));
}
