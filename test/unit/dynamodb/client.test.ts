/** Region, endpoint and credentials are found as AWS's own tools find them; nothing is sent, so no server is needed. */
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { connectTarget } from '../../../src/dynamodb/client.js';
import { RequestFailure } from '../../../src/dynamodb/failures/service-errors.js';
import { temporaryFolder } from '../../support/temporary.js';

const NOTHING = { region: null, endpoint: null, table: 'messages' };
const KEYS = { AWS_ACCESS_KEY_ID: 'AKIDEXAMPLE', AWS_SECRET_ACCESS_KEY: 'secret' };

function environment(variables: Readonly<Record<string, string>>): void {
  for (const [name, value] of Object.entries(variables)) vi.stubEnv(name, value);
}

beforeEach(() => {
  for (const name of Object.keys(process.env))
    if (name.startsWith('AWS_') && !name.startsWith('AWS_SDK_JS')) vi.stubEnv(name, undefined);
  environment({
    AWS_CONFIG_FILE: '/dev/null',
    AWS_SHARED_CREDENTIALS_FILE: '/dev/null',
    AWS_EC2_METADATA_DISABLED: 'true',
  });
});
afterEach(() => {
  vi.unstubAllEnvs();
});

async function resolved(config: typeof NOTHING | { region: string | null; endpoint: string | null; table: string }) {
  const connection = await connectTarget(config);
  connection.close();
  const { headers } = connection.signer.sign('BatchWriteItem', Buffer.from('{}'));
  return { endpoint: connection.endpoint.href, region: connection.region, headers };
}

describe('connectTarget', () => {
  test('connectTarget takes the region and its endpoint from AWS_REGION', async () => {
    environment({ ...KEYS, AWS_REGION: 'eu-west-1' });
    const { endpoint, region, headers } = await resolved(NOTHING);
    expect({ endpoint, region }).toEqual({
      endpoint: 'https://dynamodb.eu-west-1.amazonaws.com/',
      region: 'eu-west-1',
    });
    expect(headers['authorization']).toContain('AKIDEXAMPLE/');
    expect(headers['authorization']).toContain('/eu-west-1/dynamodb/aws4_request');
  });

  test('connectTarget takes the endpoint, path and port included, from AWS_ENDPOINT_URL_DYNAMODB', async () => {
    environment({ ...KEYS, AWS_REGION: 'eu-west-1', AWS_ENDPOINT_URL_DYNAMODB: 'http://localhost:8123/db' });
    expect((await resolved(NOTHING)).endpoint).toBe('http://localhost:8123/db/');
  });

  test('connectTarget prefers the config to the environment', async () => {
    environment({ ...KEYS, AWS_REGION: 'eu-west-1', AWS_ENDPOINT_URL_DYNAMODB: 'http://localhost:8123' });
    const { endpoint, region } = await resolved({ ...NOTHING, region: 'us-west-2', endpoint: 'https://example.test' });
    expect({ endpoint, region }).toEqual({ endpoint: 'https://example.test/', region: 'us-west-2' });
  });

  test('connectTarget takes the account’s own endpoint from an account id, as the SDK prefers', async () => {
    environment({ ...KEYS, AWS_REGION: 'us-east-1', AWS_ACCOUNT_ID: '123456789012' });
    expect((await resolved(NOTHING)).endpoint).toBe('https://123456789012.ddb.us-east-1.amazonaws.com/');
  });

  test('connectTarget takes region, endpoint, and credentials with a session token from AWS_PROFILE', async () => {
    await using folder = await temporaryFolder();
    const file = join(folder.path, 'config');
    await writeFile(
      file,
      '[profile ops]\nregion = ap-south-1\nservices = local\naws_access_key_id = AKIDPROFILE\naws_secret_access_key = s\naws_session_token = TOKEN\n' +
        '[services local]\ndynamodb =\n  endpoint_url = http://127.0.0.1:8124\n',
    );
    environment({ AWS_PROFILE: 'ops', AWS_CONFIG_FILE: file });
    const { endpoint, region, headers } = await resolved(NOTHING);
    expect({ endpoint, region }).toEqual({ endpoint: 'http://127.0.0.1:8124/', region: 'ap-south-1' });
    expect(headers['x-amz-security-token']).toBe('TOKEN');
    expect(headers['authorization']).toContain('AKIDPROFILE/');
  });

  test('RequestSigner replaces credentials that the service calls expired, also while the SDK repeats the old ones', async () => {
    await using folder = await temporaryFolder();
    const [program, runs, file] = [
      join(folder.path, 'keys.cjs'),
      join(folder.path, 'runs'),
      join(folder.path, 'config'),
    ];
    // Each run gives another key, which is near its end.
    await writeFile(
      program,
      `const { appendFileSync, readFileSync } = require('node:fs');
      appendFileSync(${JSON.stringify(runs)}, '.');
      const AccessKeyId = 'AKID' + readFileSync(${JSON.stringify(runs)}, 'utf8').length;
      const Expiration = new Date(Date.now() + 4 * 60_000).toISOString();
      console.log(JSON.stringify({ Version: 1, AccessKeyId, SecretAccessKey: 's', SessionToken: 't', Expiration }));`,
    );
    await writeFile(
      file,
      `[profile ops]\nregion = eu-west-1\ncredential_process = "${process.execPath}" "${program}"\n`,
    );
    environment({ AWS_PROFILE: 'ops', AWS_CONFIG_FILE: file });
    const connection = await connectTarget(NOTHING);
    connection.close();
    const { signer } = connection;
    const { credentials } = signer.sign('BatchWriteItem', Buffer.from('{}'));
    expect(signer.renewalBeforeUse()).toBeNull();
    expect(await signer.mend(new RequestFailure('ExpiredTokenException', 400, true), credentials)).toBe(true);
    const renewed = signer.sign('BatchWriteItem', Buffer.from('{}')).credentials.accessKeyId;
    expect(renewed).not.toBe(credentials.accessKeyId);
    // The SDK's own, which ran behind the answer, may be over later.
    expect((await readFile(runs, 'utf8')).length).toBeLessThanOrEqual(3);
  });

  test('connectTarget says what to set where credentials, region or endpoint are missing', async () => {
    environment({ AWS_REGION: 'eu-west-1' });
    await expect(connectTarget(NOTHING)).rejects.toMatchObject({ code: 'E_TARGET_CREDENTIALS' });
    environment(KEYS);
    vi.stubEnv('AWS_REGION', undefined);
    await expect(connectTarget(NOTHING)).rejects.toMatchObject({
      code: 'E_TARGET_CONNECT',
      message: 'no AWS region is known',
    });
    environment({ AWS_REGION: 'eu-west-1' });
    await expect(connectTarget({ ...NOTHING, endpoint: 'not a url' })).rejects.toMatchObject({
      code: 'E_TARGET_CONNECT',
    });
  });
});
