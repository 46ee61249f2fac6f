/**
 * Has a rule for each exception of the service: what it means for the work, whose fault it is, and what to do. Names
 * alone decide: texts change, and may quote keys (`service-words.ts` takes from them what is safe to say).
 *
 * The sources are the API's model in @aws-sdk/client-dynamodb, AWS's "Common error types" and "Error handling with
 * DynamoDB". The exceptions of KMS that DynamoDB passes on have rules too. A unit test fails if an exception of the
 * model has no rule. The rules also cover the names that gateways and older signers use (`SignatureDoesNotMatch`,
 * `Throttling`).
 */
import type { ErrorCode } from '../../core/errors.js';

/** `passing`: the fault passes by itself. `request`: the request is wrong, or the answer belongs to another one. */
export type Whose = 'item' | 'table' | 'account' | 'passing' | 'request';

export interface ServiceRule {
  readonly whose: Whose;
  /**
   * `throttled`: for lack of capacity, surely not applied. `conflict`: surely not applied, and over in a moment.
   * `unavailable`: may have been applied. `invalid`: something in the request, in a batch one of its items. `fatal`: no
   * repetition changes it.
   */
  readonly means: 'throttled' | 'conflict' | 'unavailable' | 'invalid' | 'fatal';
  /** The code of the error, where it ends the run. */
  readonly code: ErrorCode;
  readonly fact: string;
  readonly next: string;
  /** AWS denied the caller an action: the message names the action and who denied it, in place of `fact` and `next`. */
  readonly deniesAction?: true;
}

const throttle = (whose: Whose, fact: string, next: string): ServiceRule => ({
  whose,
  means: 'throttled',
  code: 'E_TARGET_UNAVAILABLE',
  fact,
  next: `${next}, then run the same command again`,
});

const passing = (means: 'conflict' | 'unavailable', fact: string, next: string): ServiceRule => ({
  whose: 'passing',
  means,
  code: 'E_TARGET_UNAVAILABLE',
  fact,
  next: `${next}, then run the same command again`,
});

const item = (fact: string, next: string): ServiceRule => ({
  whose: 'item',
  means: 'invalid',
  code: 'E_TARGET_REQUEST',
  fact,
  next,
});

const fatal = (whose: Whose, code: ErrorCode, fact: string, next: string): ServiceRule => ({
  whose,
  means: 'fatal',
  code,
  fact,
  next,
});

const credentials = (fact: string): ServiceRule =>
  fatal(
    'account',
    'E_TARGET_CREDENTIALS',
    fact,
    'renew the credentials (AWS_PROFILE, AWS_ACCESS_KEY_ID, `aws sso login`), then run the same command again',
  );

const access = (fact: string): ServiceRule =>
  fatal(
    'account',
    'E_TARGET_ACCESS',
    fact,
    'compare the IAM policy of your role with the one in MIGRATION.md, then run the same command again',
  );

const kms = (fact: string, next: string): ServiceRule =>
  fatal(
    'table',
    'E_TARGET_ACCESS',
    `DynamoDB cannot use the table's KMS key: ${fact}`,
    `${next}, then run the same command again`,
  );

const gone = (fact: string): ServiceRule =>
  fatal(
    'table',
    'E_TARGET_GONE',
    fact,
    'check the region, endpoint and table name. If somebody replaced the table, start the shard again with --restart, since its state is about the old table',
  );

const request = (fact: string): ServiceRule =>
  fatal(
    'request',
    'E_TARGET_REQUEST',
    fact,
    'check that the endpoint is DynamoDB, and that no proxy changes requests; else report this',
  );

/**
 * The rule of an exception of another operation: something in between mixed answers up, so the request may have been
 * applied.
 */
const STRAY: ServiceRule = {
  whose: 'request',
  means: 'unavailable',
  code: 'E_TARGET_UNAVAILABLE',
  fact: 'the answer belongs to another operation',
  next: 'check that the endpoint is DynamoDB, and that no proxy changes answers; then run the same command again',
};

const TOO_LONG: ServiceRule = {
  whose: 'request',
  means: 'invalid',
  code: 'E_TARGET_REQUEST',
  fact: 'the request is too large for a proxy',
  next: 'find the proxy with that limit, and raise the limit: a request has up to 16 MB',
};

/**
 * The next step for an item that was sent alone and refused with an unknown text. The cause may be the item, the table,
 * or something in between.
 */
const UNEXPLAINED =
  'run `dynaferry check`, which compares keys and indexes; if it finds nothing, inspect the row and its item with `dynaferry diff --explain`';

const CAPACITY =
  "check the table's throttling and the AWS Health dashboard; raise the table's capacity or lower target.writeCapacity";
const CONTROL_PLANE = 'wait until other changes of tables in this account have finished';
const HEALTH = 'check the AWS Health dashboard';
const CLOCK = "AWS refused the signature: this machine's clock is wrong";
const SIGNATURE = "AWS refused the signature: the secret key or this machine's clock is wrong";
const INCOMPLETE = 'AWS found the signature incomplete';
const UNSIGNED = 'AWS found no credentials in the request';
const UNKNOWN_KEY = 'AWS does not know the access key or session token';
const EXPIRED = 'the AWS credentials have expired and could not be renewed';
const DENIED: ServiceRule = { ...access('AWS denied access'), deniesAction: true };

const RULES: Readonly<Record<string, ServiceRule>> = {
  // ------------------------------------------------------------ the write and read operations' own
  ProvisionedThroughputExceededException: throttle('table', 'the table or an index has no capacity left', CAPACITY),
  ThrottlingException: throttle('table', 'the table, an index or the control plane throttles requests', CAPACITY),
  RequestLimitExceeded: throttle(
    'account',
    "the requests exceed the account's quota of throughput",
    'ask AWS Support for a higher quota, or lower target.writeCapacity',
  ),
  InternalServerError: passing('unavailable', 'DynamoDB failed inside', HEALTH),
  ResourceNotFoundException: gone('the table does not exist, or no longer exists'),
  ItemCollectionSizeLimitExceededException: item(
    'its partition key has more than 10 GB, the limit for a table with local indexes',
    'spread the account over several partition keys (mapping partitionKey.spread), or use a table without local indexes',
  ),
  ReplicatedWriteConflictException: passing(
    'conflict',
    'another region writes the same items',
    'stop the writers of the other regions, or set `liveWriter: concurrent`',
  ),
  TransactionConflictException: passing(
    'conflict',
    'a transaction of another client holds the same items',
    'stop the other writers, or set `liveWriter: concurrent`',
  ),
  InvalidEndpointException: fatal(
    'request',
    'E_TARGET_CONNECT',
    'the endpoint does not belong to this account and region',
    'check target.endpoint, AWS_ENDPOINT_URL_DYNAMODB and AWS_ACCOUNT_ID_ENDPOINT_MODE',
  ),
  // `conditional-put.ts` takes those that belong to it.
  ConditionalCheckFailedException: STRAY,

  // ------------------------------------------------------------ of tables and TTL
  ResourceInUseException: passing('conflict', 'the table is being changed', 'wait until the table is ACTIVE'),
  TableInUseException: passing('conflict', 'the table is being changed', 'wait until the table is ACTIVE'),
  LimitExceededException: passing(
    'conflict',
    'too many tables change at once, or the account has reached its quota of tables',
    CONTROL_PLANE,
  ),
  TableNotFoundException: gone('the table does not exist, or no longer exists'),
  IndexNotFoundException: gone('the index does not exist, or no longer exists'),
  ContinuousBackupsUnavailableException: STRAY,

  // ------------------------------------------------------------ of operations that dynaferry does not use
  BackupInUseException: STRAY,
  BackupNotFoundException: STRAY,
  DuplicateItemException: STRAY,
  ExportConflictException: STRAY,
  ExportNotFoundException: STRAY,
  GlobalTableAlreadyExistsException: STRAY,
  GlobalTableNotFoundException: STRAY,
  IdempotentParameterMismatchException: STRAY,
  ImportConflictException: STRAY,
  ImportNotFoundException: STRAY,
  InvalidExportTimeException: STRAY,
  InvalidRestoreTimeException: STRAY,
  PointInTimeRecoveryUnavailableException: STRAY,
  PolicyNotFoundException: STRAY,
  ReplicaAlreadyExistsException: STRAY,
  ReplicaNotFoundException: STRAY,
  TableAlreadyExistsException: STRAY,
  TransactionCanceledException: STRAY,
  TransactionInProgressException: STRAY,

  // ------------------------------------------------------------ common to all services
  ValidationException: item('the reason is unknown', UNEXPLAINED),
  SerializationException: item('DynamoDB could not read the request; the reason is unknown', UNEXPLAINED),
  // A batch that something on the way finds too long is sent again in halves.
  RequestEntityTooLargeException: TOO_LONG,
  'HTTP 413': TOO_LONG,
  Throttling: throttle('table', 'the table, an index or the control plane throttles requests', CAPACITY),
  TooManyRequestsException: throttle('account', 'AWS throttles requests', CAPACITY),
  InternalFailure: passing('unavailable', 'DynamoDB failed inside', HEALTH),
  ServiceUnavailable: passing('unavailable', 'DynamoDB is not available', HEALTH),
  ServiceUnavailableException: passing('unavailable', 'DynamoDB is not available', HEALTH),
  RequestTimeout: passing('unavailable', 'the request timed out', HEALTH),
  RequestTimeoutException: passing('unavailable', 'the request timed out', HEALTH),
  RequestAbortedException: passing('unavailable', 'the request was aborted', HEALTH),
  UnknownOperationException: request('the endpoint does not know the operation'),
  InvalidAction: request('the endpoint does not know the operation'),
  MalformedHttpRequestException: request('the request was changed on the way'),
  ExpiredToken: credentials(EXPIRED),
  ExpiredTokenException: credentials(EXPIRED),
  UnrecognizedClientException: credentials(UNKNOWN_KEY),
  InvalidClientTokenId: credentials(UNKNOWN_KEY),
  MissingAuthenticationToken: credentials(UNSIGNED),
  MissingAuthenticationTokenException: credentials(UNSIGNED),
  IncompleteSignature: credentials(INCOMPLETE),
  IncompleteSignatureException: credentials(INCOMPLETE),
  InvalidSignatureException: credentials(SIGNATURE),
  SignatureDoesNotMatch: credentials(SIGNATURE),
  RequestTimeTooSkewed: credentials(CLOCK),
  RequestTimeTooSkewedException: credentials(CLOCK),
  RequestExpired: credentials(CLOCK),
  RequestInTheFuture: credentials(CLOCK),
  CredentialsProviderError: credentials('AWS credentials are missing'),
  TokenProviderError: credentials('the AWS SSO session has expired'),
  AccessDeniedException: DENIED,
  AccessDenied: DENIED,
  UnauthorizedOperation: DENIED,
  NotAuthorized: DENIED,
  OptInRequired: access('the AWS account is not signed up for DynamoDB in this region'),
  SubscriptionRequiredException: access('the AWS account is not signed up for DynamoDB in this region'),

  // ------------------------------------------------------------ of KMS, handed on
  KMSAccessDeniedException: kms('access is denied', "allow kms:Decrypt for your role, in the key's policy too"),
  KMSDisabledException: kms('it is disabled', 'enable the key'),
  KMSInvalidStateException: kms(
    'its state does not allow it, such as a pending deletion',
    'cancel the deletion of the key',
  ),
  KMSNotFoundException: kms('it does not exist', "name another key in the table's encryption settings"),
  KMSOptInRequired: kms('the account is not signed up for KMS', 'sign up for KMS'),
  KMSInvalidKeyUsageException: kms(
    'it is not a symmetric encryption key',
    "name another key in the table's encryption settings",
  ),
  KMSThrottlingException: throttle('account', 'KMS throttles requests', "raise the account's quota of KMS requests"),
  KMSInternalException: passing('unavailable', 'KMS failed inside', HEALTH),
  DependencyTimeoutException: passing('unavailable', 'a service that DynamoDB needs did not answer', HEALTH),
};

/** @returns null for an unknown name */
export function ruleOf(reason: string): ServiceRule | null {
  return Object.hasOwn(RULES, reason) ? (RULES[reason] ?? null) : null;
}
