/** Signatures must equal the ones of AWS's own signer, which no emulator checks. */
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { RequestSigner, type SignerCredentials } from '../../../../src/dynamodb/http/request-signer.js';
import { RequestFailure } from '../../../../src/dynamodb/failures/service-errors.js';

const NOW = Date.UTC(2025, 0, 31, 23, 59, 58, 700);
const ENDPOINT = new URL('https://dynamodb.eu-west-1.amazonaws.com');
const STATIC: SignerCredentials = { accessKeyId: 'AKID', secretAccessKey: 'secret', sessionToken: 'TOKEN+/=' };

beforeEach(() => {
  vi.useFakeTimers({ now: NOW, toFake: ['Date'] });
});
afterEach(() => {
  vi.useRealTimers();
});

/** Each call gives the next one; the last one stays. */
function provider(...credentials: readonly SignerCredentials[]) {
  const calls: ({ forceRefresh?: boolean } | undefined)[] = [];
  const provide = (options?: { forceRefresh?: boolean }): Promise<SignerCredentials> => {
    calls.push(options);
    const next = credentials[Math.min(calls.length, credentials.length) - 1];
    return next === undefined ? Promise.reject(new Error('none')) : Promise.resolve(next);
  };
  return { provide, calls };
}

const lasting = (name: string, ms: number): SignerCredentials => ({
  accessKeyId: name,
  secretAccessKey: 's',
  sessionToken: name,
  expiration: new Date(NOW + ms),
});

async function ready(...credentials: readonly SignerCredentials[]) {
  const { provide, calls } = provider(...credentials);
  const signer = new RequestSigner(provide, 'eu-west-1', ENDPOINT);
  await signer.renewalBeforeUse();
  return {
    signer,
    calls,
    key: () => /Credential=(\w+)/.exec(signer.sign('X', Buffer.from('')).headers['authorization'] ?? '')?.[1],
  };
}

/** What AWS's own signer signs the same headers and body with. */
async function sdkAuthorization(
  { authorization: _, ...headers }: Readonly<Record<string, string>>,
  body: Buffer,
  credentials: SignerCredentials,
): Promise<string | undefined> {
  const client = new DynamoDBClient({ region: 'eu-west-1', credentials: () => Promise.resolve(credentials) });
  const scheme = { name: 'sigv4', signingName: 'dynamodb', signingRegion: 'eu-west-1', properties: {} };
  const sdkSigner = await client.config.signer(scheme);
  const request = { method: 'POST', protocol: 'https:', hostname: ENDPOINT.host, path: '/', query: {} };
  const signed = (await sdkSigner.sign(
    { ...request, headers, body },
    // A header that the SDK adds of its own.
    { signingDate: new Date(), unsignableHeaders: new Set(['x-amz-content-sha256']) },
  )) as { headers: Record<string, string> };
  client.destroy();
  return signed.headers['authorization'];
}

describe('sign', () => {
  const body = Buffer.from('{"TableName":"héllo 你好"}');

  test.each<SignerCredentials>([STATIC, { accessKeyId: 'AKID', secretAccessKey: 'secret' }])(
    'RequestSigner signs a request as the SDK does',
    async (credentials) => {
      const { signer } = await ready(credentials);
      const { headers } = signer.sign('BatchWriteItem', body);
      expect(headers['x-amz-date']).toBe('20250131T235958Z');
      expect(headers['authorization']).toMatch(/^AWS4-HMAC-SHA256 Credential=AKID/);
      expect(headers['authorization']).toBe(await sdkAuthorization(headers, body, credentials));
    },
  );

  test('RequestSigner signs as the SDK does when body, operation, second, day or credentials change', async () => {
    const [one, two] = [lasting('ONE', 60 * 60_000), lasting('TWO', 60 * 60_000)];
    const { signer } = await ready(one, two);
    const seen = new Set<string | undefined>();
    const compare = async (operation: string, bytes: Buffer, credentials: SignerCredentials): Promise<void> => {
      const { headers } = signer.sign(operation, bytes);
      expect(headers['x-amz-target']).toBe(`DynamoDB_20120810.${operation}`);
      expect(headers['authorization']).toBe(await sdkAuthorization(headers, bytes, credentials));
      seen.add(headers['authorization']);
    };
    await compare('BatchWriteItem', body, one);
    await compare('BatchWriteItem', Buffer.from('{}'), one);
    await compare('BatchGetItem', Buffer.from('{}'), one);
    vi.setSystemTime(NOW + 1_000);
    await compare('BatchGetItem', Buffer.from('{}'), one);
    vi.setSystemTime(NOW + 2_000);
    await compare('BatchGetItem', Buffer.from('{}'), one);
    await signer.mend(new RequestFailure('ExpiredTokenException', 400, true), one);
    await compare('BatchGetItem', Buffer.from('{}'), two);
    expect(seen.size).toBe(6);
  });
});

describe('credentials', () => {
  test('RequestSigner fetches static credentials once', async () => {
    const { signer, calls } = await ready(STATIC);
    expect(signer.renewalBeforeUse()).toBeNull();
    expect(calls.length).toBe(1);
  });

  test('RequestSigner without credentials at the start fails with E_TARGET_CREDENTIALS', async () => {
    await expect(ready()).rejects.toMatchObject({ code: 'E_TARGET_CREDENTIALS' });
  });

  test('RequestSigner renews credentials in the background near their end, and before use at their end', async () => {
    const { signer, calls, key } = await ready(
      lasting('ONE', 10 * 60_000),
      lasting('TWO', 20 * 60_000),
      lasting('THREE', 60 * 60_000),
    );
    expect(signer.renewalBeforeUse()).toBeNull();
    vi.setSystemTime(NOW + 6 * 60_000);
    expect(signer.renewalBeforeUse()).toBeNull();
    expect(key()).toBe('ONE');
    await vi.waitFor(() => {
      expect(key()).toBe('TWO');
    });
    vi.setSystemTime(NOW + 20 * 60_000);
    await signer.renewalBeforeUse();
    expect(key()).toBe('THREE');
    expect(calls.length).toBe(3);
  });

  test('RequestSigner takes a renewal that fails in mid-run as a failure that may pass', async () => {
    const { provide } = provider(lasting('ONE', 1000));
    let broken = false;
    const signer = new RequestSigner(
      (options) => (broken ? Promise.reject(new Error('SECRET')) : provide(options)),
      'r',
      ENDPOINT,
    );
    await signer.renewalBeforeUse();
    broken = true;
    vi.setSystemTime(NOW + 2000);
    await expect(signer.renewalBeforeUse()).rejects.toMatchObject({ name: 'RequestFailure', status: 0, sent: false });
  });

  test('RequestSigner forces new credentials on ExpiredToken, and gives up when the same ones come again', async () => {
    const { signer, calls, key } = await ready(lasting('ONE', 60 * 60_000), lasting('TWO', 60 * 60_000));
    const expired = new RequestFailure('ExpiredTokenException', 400, true);
    const first = signer.sign('X', Buffer.from('')).credentials;
    expect(await signer.mend(expired, first)).toBe(true);
    expect(calls[1]).toEqual({ forceRefresh: true });
    expect(key()).toBe('TWO');
    // A request that was signed before the renewal just goes again.
    expect(await signer.mend(expired, first)).toBe(true);
    expect(calls.length).toBe(2);
    expect(await signer.mend(expired, signer.sign('X', Buffer.from('')).credentials)).toBe(false);
  });
});

describe('a forced renewal during one that is not forced', () => {
  const expired = new RequestFailure('ExpiredTokenException', 400, true);
  const one = lasting('ONE', 2 * 60_000);

  /**
   * As the SDK near the end of what it has: unforced, it answers that again, once `answer` is called; forced, it
   * fetches.
   */
  async function nearTheEnd(unforced: SignerCredentials | Error) {
    const calls: boolean[] = [];
    let answer = (): void => undefined;
    const signer = new RequestSigner(
      async ({ forceRefresh = false } = {}) => {
        calls.push(forceRefresh);
        if (calls.length === 1) return one;
        if (forceRefresh) return lasting('TWO', 60 * 60_000);
        await new Promise<void>((resolve) => (answer = resolve));
        if (unforced instanceof Error) throw unforced;
        return unforced;
      },
      'eu-west-1',
      ENDPOINT,
    );
    await signer.renewalBeforeUse();
    expect(signer.renewalBeforeUse()).toBeNull();
    return {
      signer,
      calls,
      answer: () => answer(),
      key: () => signer.sign('X', Buffer.from('')).credentials.accessKeyId,
    };
  }

  test.each<[string, SignerCredentials | Error]>([
    ['the same', one],
    ['the same in another object', { ...one }],
    ['nothing', new Error('no metadata')],
  ])(
    'RequestSigner makes a forced renewal, shared by others, where the one under way brings %s',
    async (_, unforced) => {
      const { signer, calls, answer, key } = await nearTheEnd(unforced);
      const mended = [signer.mend(expired, one), signer.mend(expired, { ...one })];
      await new Promise((resolve) => setImmediate(resolve));
      expect(signer.renewalBeforeUse()).toBeNull();
      answer();
      expect(await Promise.all(mended)).toEqual([true, true]);
      expect(key()).toBe('TWO');
      expect(calls).toEqual([false, false, true]);
      // What was late to be told of the old ones fetches none again.
      expect(await signer.mend(expired, one)).toBe(true);
      expect(calls.length).toBe(3);
    },
  );

  test('RequestSigner skips a forced renewal where the one under way brings other credentials', async () => {
    const { signer, calls, answer, key } = await nearTheEnd(lasting('OTHER', 60 * 60_000));
    const mended = signer.mend(expired, one);
    answer();
    expect(await mended).toBe(true);
    expect(key()).toBe('OTHER');
    expect(calls).toEqual([false, false]);
  });
});

test('RequestSigner waits a minute for credentials that never come', async () => {
  vi.useFakeTimers({ now: NOW });
  const signer = new RequestSigner(() => new Promise(() => undefined), 'eu-west-1', ENDPOINT);
  const waiting = expect(signer.renewalBeforeUse()).rejects.toMatchObject({ code: 'E_TARGET_CREDENTIALS' });
  await vi.advanceTimersByTimeAsync(60_000);
  await waiting;
  expect(vi.getTimerCount()).toBe(0);
});

describe('the clock', () => {
  const skewed = (reason: string, offsetMs: number | null): RequestFailure =>
    new RequestFailure(reason, 400, true, [], offsetMs === null ? null : NOW + offsetMs);

  test.each(['RequestTimeTooSkewed', 'InvalidSignatureException'])(
    'RequestSigner corrects its clock by the service’s on %s, once',
    async (reason) => {
      const { signer } = await ready(STATIC);
      const failure = skewed(reason, -3_600_000);
      expect(await signer.mend(failure, STATIC)).toBe(true);
      expect(signer.sign('X', Buffer.from('')).headers['x-amz-date']).toBe('20250131T225958Z');
      expect(await signer.mend(failure, STATIC)).toBe(false);
    },
  );

  test('RequestSigner cannot mend a wrong signature at the right time, or without a time', async () => {
    const { signer } = await ready(STATIC);
    expect(await signer.mend(skewed('InvalidSignatureException', 60_000), STATIC)).toBe(false);
    expect(await signer.mend(skewed('InvalidSignatureException', null), STATIC)).toBe(false);
    expect(await signer.mend(skewed('AccessDeniedException', 3_600_000), STATIC)).toBe(false);
  });
});
