import * as sdk from '@aws-sdk/client-dynamodb';
import { describe, expect, test } from 'vitest';
import { ERROR_CODES } from '../../../../src/core/errors.js';
import { fromSdkError, parseErrorAnswer } from '../../../../src/dynamodb/http/error-answer.js';
import { refusedItem } from '../../../../src/dynamodb/write/item-faults.js';
import {
  judge,
  invalidRequest,
  type RequestFailure,
  unavailable,
} from '../../../../src/dynamodb/failures/service-errors.js';
import { ruleOf } from '../../../../src/dynamodb/failures/service-rules.js';
import { wordsIn } from '../../../../src/dynamodb/failures/service-words.js';

/** Every exception that the installed version of the API's model has. */
const MODEL = Object.entries(sdk)
  .filter(
    ([, value]) =>
      typeof value === 'function' &&
      (value as { prototype: unknown }).prototype instanceof sdk.DynamoDBServiceException,
  )
  .map(([name]) => name);

/** AWS, "Common error types", "Error handling with DynamoDB", and what KMS may say through DynamoDB. */
const COMMON = [
  'AccessDeniedException',
  'DependencyTimeoutException',
  'ExpiredTokenException',
  'IncompleteSignature',
  'IncompleteSignatureException',
  'InternalFailure',
  'InvalidClientTokenId',
  'InvalidSignatureException',
  'KMSAccessDeniedException',
  'KMSDisabledException',
  'KMSInternalException',
  'KMSInvalidKeyUsageException',
  'KMSInvalidStateException',
  'KMSNotFoundException',
  'KMSOptInRequired',
  'KMSThrottlingException',
  'MalformedHttpRequestException',
  'MissingAuthenticationToken',
  'MissingAuthenticationTokenException',
  'NotAuthorized',
  'OptInRequired',
  'RequestAbortedException',
  'RequestEntityTooLargeException',
  'RequestExpired',
  'RequestTimeoutException',
  'SerializationException',
  'ServiceUnavailable',
  'UnknownOperationException',
  'UnrecognizedClientException',
  'ValidationException',
];

const failure = (reason: string, text?: string, status = 400): RequestFailure =>
  parseErrorAnswer(status, JSON.stringify({ __type: `x#${reason}`, message: text }), null);
const verdict = (reason: string, text?: string, operation = 'BatchWriteItem') =>
  judge(failure(reason, text), operation, 'messages');
const fatal = (reason: string, text?: string, operation?: string): string => {
  const judged = verdict(reason, text, operation);
  return judged.kind === 'fatal' ? `${judged.error.code} ${judged.error.message} | ${judged.error.hint}` : judged.kind;
};

describe('ruleOf', () => {
  test('the API model of DynamoDB is found, with all its exceptions', () => {
    expect(MODEL.length).toBeGreaterThan(30);
    expect(MODEL).toContain('ReplicatedWriteConflictException');
  });

  test.each([...MODEL, ...COMMON])(
    'ruleOf knows for %s whose fault it is, its code, the fact and the next step',
    (name) => {
      const rule = ruleOf(name);
      expect(rule, `add a rule for ${name} to service-rules.ts`).not.toBeNull();
      expect(['item', 'table', 'account', 'passing', 'request']).toContain(rule?.whose);
      expect(Object.keys(ERROR_CODES)).toContain(rule?.code);
      expect(rule?.fact).toMatch(/\w{3}/);
      expect(rule?.next).toMatch(/\w{3}/);
      // What it is recorded as, what it ends as, and what the operator is told agree.
      const judged = verdict(name);
      const means = {
        throttled: 'throttled',
        conflict: 'unavailable',
        unavailable: 'unavailable',
        invalid: 'invalid',
        fatal: 'fatal',
      };
      expect(judged.kind).toBe(means[rule?.means ?? 'fatal']);
      if (judged.kind === 'unavailable') expect(judged.ambiguous).toBe(rule?.means === 'unavailable');
      if (judged.kind === 'fatal') expect(judged.error.code).toBe(rule?.code);
    },
  );

  test('ruleOf has no rule for an unknown name, whatever it is', () => {
    for (const name of ['SomethingNew', '__proto__', 'constructor', 'toString', '']) expect(ruleOf(name)).toBeNull();
    expect(fatal('__proto__')).toMatch(/^E_TARGET_REQUEST/);
  });

  test('judge takes an exception of another operation as ambiguous, since the request may have been applied', () => {
    for (const name of ['BackupNotFoundException', 'TransactionCanceledException', 'ConditionalCheckFailedException'])
      expect(verdict(name)).toEqual({ kind: 'unavailable', ambiguous: true });
  });

  test('unavailable says what to look at when a failure that passes does not pass in time', () => {
    const hint = (name: string): string => unavailable('PutItem', 't', failure(name), 60).hint;
    expect(hint('RequestLimitExceeded')).toMatch(/AWS Support for a higher quota/);
    expect(hint('ReplicatedWriteConflictException')).toMatch(/writers of the other regions/);
    expect(hint('ResourceInUseException')).toMatch(/until the table is ACTIVE/);
    expect(hint('ProvisionedThroughputExceededException')).toMatch(/raise the table\'s capacity/);
    expect(hint('SomethingNew')).toMatch(/raise the table\'s capacity/);
  });
});

/** As AWS words them. */
const DENIED =
  'User: arn:aws:sts::123456789012:assumed-role/ferry/i is not authorized to perform: dynamodb:PutItem on resource: arn:aws:dynamodb:eu-west-1:123456789012:table/messages';
const KEY_DENIED =
  'KMS key access denied error: com.amazonaws.services.kms.model.AWSKMSException: The ciphertext refers to a customer master key that does not exist, does not exist in this region, or you are not allowed to access. (Service: AWSKMS; Status Code: 400; Error Code: AccessDeniedException)';

describe('denied actions', () => {
  test.each([
    ['because no identity-based policy allows the dynamodb:PutItem action', 'the identity policy of the role'],
    ['because no resource-based policy allows the dynamodb:PutItem action', 'the resource policy of the table or key'],
    ['with an explicit deny in a service control policy', 'a service control policy of the organization'],
    ['with an explicit deny in a resource control policy', 'a resource control policy of the organization'],
    ['because no VPC endpoint policy allows the dynamodb:PutItem action', 'the policy of the VPC endpoint'],
    ['because no permissions boundary allows the dynamodb:PutItem action', 'the permissions boundary of the role'],
    ['because no session policy allows the dynamodb:PutItem action', 'the session policy'],
  ])('judge names the kind of policy that denies an action: %s', (why, policy) => {
    const said = fatal('AccessDeniedException', `${DENIED} ${why}`);
    expect(said).toContain(`AWS denied dynamodb:PutItem, by ${policy} (AccessDeniedException)`);
    expect(said).toContain('allow dynamodb:PutItem on the table');
    expect(said).not.toContain('123456789012');
  });

  test.each(['BatchWriteItem', 'DescribeTable', 'DescribeTimeToLive', 'UpdateTimeToLive', 'CreateTable'])(
    'judge names the denied action %s, also where AWS does not name it',
    (operation) => {
      expect(fatal('AccessDeniedException', undefined, operation)).toContain(`AWS denied dynamodb:${operation} (Acc`);
    },
  );

  test('judge says of a denied action of the KMS key that it is one with the table’s key', () => {
    expect(fatal('AccessDeniedException', KEY_DENIED)).toMatch(
      /AWS denied kms:Decrypt with the table's KMS key \(AccessDeniedException\) \| allow kms:Decrypt on the table's KMS key/,
    );
    const named =
      'User: arn:x is not authorized to perform: kms:GenerateDataKey on resource: arn:aws:kms:x because no identity-based policy allows the kms:GenerateDataKey action';
    expect(fatal('AccessDeniedException', named)).toContain(
      "AWS denied kms:GenerateDataKey with the table's KMS key, by the identity policy",
    );
    expect(fatal('KMSDisabledException', 'the key is disabled')).toMatch(/KMS key: it is disabled .*enable the key/);
  });
});

describe('refusals as invalid', () => {
  test.each([
    ['Item size has exceeded the maximum allowed size', 'larger than 400 KB'],
    ['Item size to update has exceeded the maximum allowed size', 'larger than 400 KB'],
    [
      'One or more parameter values were invalid: Type mismatch for Index Key a Expected: S Actual: N IndexName: i',
      'another type',
    ],
    [
      'One or more parameter values are not valid. A value specified for a secondary index key is not supported. The AttributeValue for a key attribute cannot contain an empty string value. IndexName: i, IndexKey: a',
      'of an index, but is empty',
    ],
    [
      'One or more parameter values were invalid: Size of hashkey has exceeded the maximum size limit of2048 bytes',
      '2,048',
    ],
    [
      'One or more parameter values were invalid: Aggregated size of all range keys has exceeded the size limit of 1024 bytes',
      '1,024',
    ],
    [
      'One or more parameter values are not valid. The AttributeValue for a key attribute cannot contain an empty string value. Key: pk',
      'a key attribute is empty',
    ],
    ['Nesting Levels have exceeded supported limits', '32 levels'],
    ['Attempting to store more than 38 significant digits in a Number', 'digits'],
    ['Number overflow. Attempting to store a number with magnitude larger than supported range', 'digits'],
    ['The parameter cannot be converted to a numeric value: SECRET', 'digits'],
    ['One or more parameter values were invalid: An string set  may not be empty', 'a set is empty'],
    [
      'One or more parameter values were invalid: Input collection [SECRET, SECRET] contains duplicates.',
      'a set is empty or has a member twice',
    ],
  ])('refusedItem blames the item, in words of ours, for: %s', (text, fact) => {
    const error = refusedItem('PutItem', 't', { row: ['SECRET'], failure: failure('ValidationException', text) });
    const { bad } = error.options.cause as { bad: { reason: string; remedy: string } };
    expect(bad.reason).toContain(fact);
    expect(error.message + error.hint + bad.reason + bad.remedy).not.toContain('SECRET');
  });

  test('refusedItem quotes unknown words without what may be a value, and calls the reason unknown', () => {
    const text =
      'One or more parameter values were invalid: The set of SECRET, "SECRET key" and 4711 is too long for it';
    const failed = failure('ValidationException', text);
    const error = refusedItem('PutItem', 't', { row: ['SECRET'], failure: failed });
    const { bad } = error.options.cause as { bad: { reason: string; remedy: string } };
    const words =
      'its message without values: "One or more parameter values were invalid: The set of … and … is too long for …"';
    expect(bad.reason).toBe(`DynamoDB refused its item (ValidationException): the reason is unknown; ${words}`);
    expect(bad.remedy).toMatch(/^run `dynaferry check`.* inspect the row and its item/);
    expect(invalidRequest('BatchGetItem', 't', failed).message).toBe(
      `DynamoDB refused BatchGetItem on table t as invalid (ValidationException, HTTP 400); ${words}`,
    );
    expect(error.message + error.hint + bad.reason + bad.remedy).not.toMatch(/SECRET|4711/);
    for (const nothing of [undefined, '', 'SECRET', '\u001b[2J\u202e']) {
      const silent = refusedItem('PutItem', 't', { row: [], failure: failure('SerializationException', nothing) });
      expect((silent.options.cause as { bad: { reason: string } }).bad.reason).toBe(
        'DynamoDB refused its item (SerializationException): DynamoDB could not read the request; the reason is unknown',
      );
    }
    const long = invalidRequest('PutItem', 't', failure('ValidationException', 'the key '.repeat(400)));
    expect(long.message.length).toBeLessThan(300);
  });

  test.each([
    [
      'One or more parameter values were invalid: Missing the key pk in the item',
      'its keys differ from those of the table',
    ],
    ['The provided key element does not match the schema', 'its keys differ from those of the table'],
    ['Provided list of item keys contains duplicates', 'the request is malformed'],
  ])('refusedItem and invalidRequest blame no item for: %s', (text, fact) => {
    const failed = failure('ValidationException', text);
    expect(invalidRequest('BatchGetItem', 't', failed).message).toContain(fact);
    expect(refusedItem('PutItem', 't', { row: [], failure: failed }).options.cause).not.toHaveProperty('bad');
  });

  test('judge lets a batch that is too long on the way be halved, and refusedItem does not blame one item alone', () => {
    expect(judge(parseErrorAnswer(413, '<html>', null), 'BatchWriteItem', 't')).toEqual({ kind: 'invalid' });
    const one = refusedItem('PutItem', 't', { row: [], failure: parseErrorAnswer(413, '', null) });
    expect(one.options.cause).not.toHaveProperty('bad');
  });
});

test('wordsIn keeps nothing of a text except known words', () => {
  expect(wordsIn(undefined)).toEqual({ action: null, key: false, policy: null, invalid: null, unexplained: null });
  expect(wordsIn({ toString: () => 'dynamodb:PutItem' })).toEqual(wordsIn(null));
  expect(wordsIn(`perform: dynamodb:PutItem ${'x'.repeat(10_000)}`)).toEqual(wordsIn(null));
  expect(wordsIn('perform: dynamodb:put-SECRET').action).toBeNull();
  const thrown = Object.assign(new Error(DENIED), {
    name: 'AccessDeniedException',
    $metadata: { httpStatusCode: 400 },
  });
  expect(fromSdkError(thrown).words.action).toBe('dynamodb:PutItem');
  expect(JSON.stringify(fromSdkError(thrown))).not.toContain('assumed-role');
});
