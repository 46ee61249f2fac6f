import { describe, expect, test } from 'vitest';
import { fromSdkError, parseErrorAnswer } from '../../../../src/dynamodb/http/error-answer.js';
import { comparesNothing, refusedItem, rowsTooOld, sharedKey } from '../../../../src/dynamodb/write/item-faults.js';
import {
  CLOCK_SKEW,
  EXPIRED_CREDENTIALS,
  judge,
  invalidRequest,
  RequestFailure,
  unavailable,
} from '../../../../src/dynamodb/failures/service-errors.js';

const failure = (reason: string, status = 400, sent = true): RequestFailure => new RequestFailure(reason, status, sent);

describe('parseErrorAnswer', () => {
  test('parseErrorAnswer takes the name behind the hash, and reasons in both spellings, but no text', () => {
    for (const spelling of ['ThrottlingReasons', 'throttlingReasons']) {
      const body = JSON.stringify({
        __type: 'com.amazonaws.dynamodb.v20120810#ThrottlingException',
        message: 'quotes SECRET',
        [spelling]: [{ reason: 'IndexWriteAccountLimitExceeded', resource: 'arn' }, { resource: 'arn' }, null],
      });
      const parsed = parseErrorAnswer(400, body, 7);
      expect(parsed).toMatchObject({ reason: 'ThrottlingException', status: 400, sent: true, serverTime: 7 });
      expect(parsed.throttlingReasons).toEqual(['IndexWriteAccountLimitExceeded']);
      expect(JSON.stringify(parsed) + parsed.message).not.toContain('SECRET');
    }
  });

  test('parseErrorAnswer takes the item that a failed condition met, and nothing else', () => {
    const body = (item: unknown) => JSON.stringify({ __type: 'x#ConditionalCheckFailedException', Item: item });
    expect(parseErrorAnswer(400, body({ pk: { S: 'a' } }), null).item).toEqual({ pk: { S: 'a' } });
    for (const item of [undefined, null, 7]) expect(parseErrorAnswer(400, body(item), null).item).toBe(item);
    expect(parseErrorAnswer(400, body(undefined), null)).toMatchObject({ serverTime: null, throttlingReasons: [] });
  });

  test('parseErrorAnswer reads a name with an address behind it, or without a hash before it', () => {
    const reason = (type: string) => parseErrorAnswer(400, JSON.stringify({ __type: type }), null).reason;
    expect(reason('ThrottlingException:http://internal.amazon.com/')).toBe('ThrottlingException');
    expect(reason('ThrottlingException')).toBe('ThrottlingException');
    expect(reason('')).toBe('HTTP 400');
  });

  test.each(['', '<html>Bad Gateway</html>', '[]', 'null', '{"__type":7}'])(
    'parseErrorAnswer names an answer with the body %j by its status',
    (body) => {
      expect(parseErrorAnswer(502, body, null).reason).toBe('HTTP 502');
    },
  );
});

describe('shown text of a service', () => {
  const hostile = `\u001b[2JException\r\nerror E_INTERNAL \u202e${'x'.repeat(100_000)}`;
  const isShown = (text: string): void => {
    expect(text.length).toBeLessThanOrEqual(200);
    expect(text).not.toMatch(/[\p{Cc}\u202e]/u);
  };

  test('RequestFailure shows the name of an error and the reasons of throttling as one line, and cuts them', () => {
    const raw = parseErrorAnswer(
      400,
      JSON.stringify({ __type: hostile, ThrottlingReasons: [{ reason: hostile }] }),
      null,
    );
    const thrown = { name: hostile, $metadata: { httpStatusCode: 400 }, throttlingReasons: [{ reason: hostile }] };
    const sdk = fromSdkError(Object.assign(new Error('x'), thrown));
    const broken = fromSdkError(Object.assign(new Error('x'), { code: hostile }));
    for (const { reason, message, throttlingReasons } of [raw, sdk, broken])
      for (const text of [reason, message, ...throttlingReasons]) isShown(text);
    expect([raw, sdk].map(({ throttlingReasons }) => throttlingReasons.length)).toEqual([1, 1]);
    for (const error of [invalidRequest('PutItem', 't', raw), unavailable('PutItem', 't', raw, 60)])
      expect(error.message.length).toBeLessThan(400);
  });
});

describe('fromSdkError', () => {
  test('fromSdkError distinguishes the service’s answers from broken connections', () => {
    const answered = Object.assign(new Error('SECRET'), {
      name: 'ThrottlingException',
      $metadata: { httpStatusCode: 400 },
      ThrottlingReasons: [{ reason: 'TableReadAccountLimitExceeded' }],
    });
    expect(fromSdkError(answered)).toMatchObject({ reason: 'ThrottlingException', status: 400, sent: true });
    const broken = Object.assign(new Error('connect'), { code: 'ECONNREFUSED', $metadata: {} });
    expect(fromSdkError(broken)).toMatchObject({ reason: 'ECONNREFUSED', status: 0, sent: false });
    expect(fromSdkError('what')).toMatchObject({ reason: 'unknown error', status: 0, sent: true });
    // The SDK's own complaint, with a code of its own beside the answer.
    const both = Object.assign(new Error('x'), { name: 'a#Odd', code: 'E', $metadata: { httpStatusCode: 500 } });
    expect(fromSdkError(both)).toMatchObject({ reason: 'Odd', status: 500, sent: true });
    const own = Object.assign(new Error('x'), { name: 'CredentialsProviderError' });
    expect(fromSdkError(own)).toMatchObject({ reason: 'CredentialsProviderError', status: 0, sent: false });
    expect(fromSdkError(answered).throttlingReasons).toEqual(['TableReadAccountLimitExceeded']);
  });
});

describe('judge', () => {
  test.each([
    'ProvisionedThroughputExceededException',
    'ThrottlingException',
    'Throttling',
    'RequestLimitExceeded',
    'TooManyRequestsException',
  ])('judge takes %s as a throttle', (name) => {
    expect(judge(failure(name), 'BatchWriteItem', 't')).toEqual({ kind: 'throttled', hotKeyRange: false });
  });

  test('judge takes a throttle as a hot key range only where nothing else is short', () => {
    const range = 'TableWriteKeyRangeThroughputExceeded';
    const verdict = (reasons: readonly string[]) =>
      judge(new RequestFailure('ThrottlingException', 400, true, reasons), 'BatchWriteItem', 't');
    expect(verdict([range])).toMatchObject({ hotKeyRange: true });
    expect(verdict([range, 'IndexWriteKeyRangeThroughputExceeded'])).toMatchObject({ hotKeyRange: true });
    expect(verdict([range, 'TableWriteAccountLimitExceeded'])).toMatchObject({ hotKeyRange: false });
  });

  test.each([
    ['InternalServerError', 500, true, true],
    ['ServiceUnavailable', 503, true, true],
    ['HTTP 502', 502, true, true],
    ['ECONNRESET', 0, true, true],
    ['UND_ERR_HEADERS_TIMEOUT', 0, true, true],
    ['ECONNREFUSED', 0, false, false],
    ['HTTP 408', 408, true, true],
    ['HTTP 429', 429, true, true],
    ['HTTP 399', 399, true, true],
    ['HTTP 500', 500, true, true],
    // Somebody else writes the item: surely not applied.
    ['TransactionConflictException', 400, true, false],
    ['ReplicatedWriteConflictException', 400, true, false],
  ])('judge says that %s (%i, sent: %s) may pass; ambiguous: %s', (reason, status, sent, ambiguous) => {
    expect(judge(failure(reason, status, sent), 'BatchWriteItem', 't')).toEqual({ kind: 'unavailable', ambiguous });
  });

  test.each(['ValidationException', 'ItemCollectionSizeLimitExceededException', 'SerializationException'])(
    'judge says that %s blames the request',
    (name) => {
      expect(judge(failure(name), 'BatchWriteItem', 't')).toEqual({ kind: 'invalid' });
    },
  );

  test.each([
    ...[
      'ExpiredToken',
      'ExpiredTokenException',
      'UnrecognizedClientException',
      'InvalidClientTokenId',
      'MissingAuthenticationToken',
      'MissingAuthenticationTokenException',
      'IncompleteSignature',
      'IncompleteSignatureException',
      'InvalidSignatureException',
      'SignatureDoesNotMatch',
      'RequestTimeTooSkewed',
      'RequestTimeTooSkewedException',
      'RequestExpired',
      'RequestInTheFuture',
      'CredentialsProviderError',
      'TokenProviderError',
    ].map((name) => [name, 'E_TARGET_CREDENTIALS'] as const),
    ...['AccessDeniedException', 'AccessDenied', 'UnauthorizedOperation', 'NotAuthorized', 'OptInRequired'].map(
      (name) => [name, 'E_TARGET_ACCESS'] as const,
    ),
    ['ResourceNotFoundException', 'E_TARGET_GONE'],
    ['NobodyKnowsException', 'E_TARGET_REQUEST'],
  ] as const)('judge says that %s is fatal: %s', (name, code) => {
    const verdict = judge(failure(name), 'BatchWriteItem', 'messages');
    expect(verdict).toMatchObject({ kind: 'fatal', error: { code, cause: { reason: name } } });
    const { message } = (verdict as { error: Error }).error;
    for (const part of ['BatchWriteItem', 'messages', name]) expect(message).toContain(part);
    // By name alone: a gateway may answer with any status.
    expect(judge(failure(name, 403), 'BatchWriteItem', 'messages').kind).toBe('fatal');
  });

  test.each([400, 404, 499])(
    'judge says that HTTP %i without a known name is fatal, as no repetition changes it',
    (status) => {
      expect(judge(failure(`HTTP ${status}`, status), 'PutItem', 't')).toMatchObject({
        kind: 'fatal',
        error: { code: 'E_TARGET_REQUEST' },
      });
    },
  );
});

test('EXPIRED_CREDENTIALS and CLOCK_SKEW name the errors that the request signer mends', () => {
  expect([...EXPIRED_CREDENTIALS].sort()).toEqual(['ExpiredToken', 'ExpiredTokenException']);
  expect([...CLOCK_SKEW].sort()).toEqual([
    'InvalidSignatureException',
    'RequestExpired',
    'RequestInTheFuture',
    'RequestTimeTooSkewed',
    'RequestTimeTooSkewedException',
    'SignatureDoesNotMatch',
  ]);
});

test('invalidRequest says what the service refused, where, and with which status', () => {
  const cause = failure('ValidationException');
  const error = invalidRequest('PutItem', 'messages', cause);
  expect(error).toMatchObject({ code: 'E_TARGET_REQUEST', cause });
  expect(error.message).toBe('DynamoDB refused PutItem on table messages as invalid (ValidationException, HTTP 400)');
});

test('refusedItem and sharedKey bring the rows of their items, and name no value', () => {
  const row = ['SECRET'];
  const cause = failure('ValidationException');
  expect(refusedItem('PutItem', 'messages', { row, failure: cause })).toMatchObject({
    code: 'E_TARGET_REQUEST',
    cause: { row, failure: cause },
  });
  const [one, two] = [
    sharedKey('s01', 'messages', { first: row, second: row }),
    sharedKey('s01', 'messages', { first: row, second: ['SECRET'] }),
  ];
  expect([one.code, two.code]).toEqual(['E_ITEM_KEY_SHARED', 'E_ITEM_KEY_SHARED']);
  expect(one.message).toContain('two item rules');
  expect(two.message).toContain('two rows');
  expect(rowsTooOld('s01', 'messages').code).toBe('E_LIVE_WRITER');
  expect(comparesNothing('messages', 'ver').code).toBe('E_LIVE_WRITER');
  for (const { message } of [one, two, rowsTooOld('s01', 'messages'), comparesNothing('messages', 'ver')]) {
    expect(message).toContain('messages');
    expect(message).not.toContain('SECRET');
  }
});

test('unavailable distinguishes a target that nobody can reach from one that refuses for too long', () => {
  expect(unavailable('BatchWriteItem', 't', failure('ECONNREFUSED', 0, false), 60).code).toBe('E_TARGET_CONNECT');
  expect(unavailable('BatchWriteItem', 't', failure('ThrottlingException'), 60).code).toBe('E_TARGET_UNAVAILABLE');
  const reset = unavailable('BatchWriteItem', 't', failure('ECONNRESET', 0, true), 60);
  expect(reset.code).toBe('E_TARGET_UNAVAILABLE');
  expect(reset.message).toBe('BatchWriteItem on table t made no progress for 60 s; the last failure was ECONNRESET');
  expect(unavailable('BatchWriteItem', 't', failure('HTTP 503', 503, false), 60).code).toBe('E_TARGET_UNAVAILABLE');
  const hint = (reason: string): string => unavailable('DescribeTable', 't', failure(reason, 0, true), 60).hint;
  for (const header of ['x-amzn-requestid', 'x-amz-crc32'])
    expect(hint(`answer without ${header}`)).toMatch(
      /another service\. dynaferry does not support services without .*ScyllaDB Alternator/,
    );
  for (const reason of ['answer with a wrong x-amz-crc32', 'unreadable answer', 'answer without end'])
    expect(hint(reason)).toMatch(/^another program answers instead/);
});
