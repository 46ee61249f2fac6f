import { describe, expect, test } from 'vitest';
import { fromSdkError, parseErrorAnswer } from '../../../src/dynamodb/error-answer.js';
import { judge, RequestFailure, unavailable } from '../../../src/dynamodb/service-errors.js';

const failure = (reason: string, status = 400, sent = true): RequestFailure => new RequestFailure(reason, status, sent);

describe('parseErrorAnswer', () => {
  test('takes the name behind the hash, and reasons in both spellings; no text', () => {
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

  test.each(['', '<html>Bad Gateway</html>', '[]', 'null', '{"__type":7}'])('names %j by its status', (body) => {
    expect(parseErrorAnswer(502, body, null).reason).toBe('HTTP 502');
  });
});

describe('fromSdkError', () => {
  test('tells the service’s answers from broken connections', () => {
    const answered = Object.assign(new Error('SECRET'), {
      name: 'ThrottlingException',
      $metadata: { httpStatusCode: 400 },
      ThrottlingReasons: [{ reason: 'TableReadAccountLimitExceeded' }],
    });
    expect(fromSdkError(answered)).toMatchObject({ reason: 'ThrottlingException', status: 400, sent: true });
    const broken = Object.assign(new Error('connect'), { code: 'ECONNREFUSED', $metadata: {} });
    expect(fromSdkError(broken)).toMatchObject({ reason: 'ECONNREFUSED', status: 0, sent: false });
    expect(fromSdkError('what')).toMatchObject({ status: 0 });
  });
});

describe('judge', () => {
  test.each(['ProvisionedThroughputExceededException', 'ThrottlingException', 'RequestLimitExceeded'])(
    '%s is a throttle',
    (name) => {
      expect(judge(failure(name), 'BatchWriteItem', 't')).toEqual({ kind: 'throttled', hotKeyRange: false });
    },
  );

  test('a throttle is a hot key range only where nothing else is short', () => {
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
  ])('%s (%i, sent: %s) may pass; ambiguous: %s', (reason, status, sent, ambiguous) => {
    expect(judge(failure(reason, status, sent), 'BatchWriteItem', 't')).toEqual({ kind: 'unavailable', ambiguous });
  });

  test.each(['ValidationException', 'ItemCollectionSizeLimitExceededException', 'SerializationException'])(
    '%s blames the request',
    (name) => {
      expect(judge(failure(name), 'BatchWriteItem', 't')).toEqual({ kind: 'invalid' });
    },
  );

  test.each([
    ['ExpiredTokenException', 'E_TARGET_CREDENTIALS'],
    ['UnrecognizedClientException', 'E_TARGET_CREDENTIALS'],
    ['AccessDeniedException', 'E_TARGET_ACCESS'],
    ['ResourceNotFoundException', 'E_TARGET_GONE'],
    ['NobodyKnowsException', 'E_TARGET_REQUEST'],
  ])('%s is fatal: %s', (name, code) => {
    expect(judge(failure(name), 'BatchWriteItem', 'messages')).toMatchObject({ kind: 'fatal', error: { code } });
  });
});

test('patience that ran out tells unreachable from unwilling', () => {
  expect(unavailable('BatchWriteItem', 't', failure('ECONNREFUSED', 0, false), 60).code).toBe('E_TARGET_CONNECT');
  expect(unavailable('BatchWriteItem', 't', failure('ThrottlingException'), 60).code).toBe('E_TARGET_UNAVAILABLE');
  expect(unavailable('BatchWriteItem', 't', failure('ECONNRESET', 0, true), 60).code).toBe('E_TARGET_UNAVAILABLE');
});
