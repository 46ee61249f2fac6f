/** A short form of `npm run fuzz:answers`: the seed is printed, and `DYNAFERRY_TEST_SEED` takes one again. */
import { expect, test } from 'vitest';
import { fuzz, inWords } from '../fuzz/fuzz.js';
import { dynamodbServers } from '../support/dynamodb.js';

const SEED = Number(process.env['DYNAFERRY_TEST_SEED'] ?? Date.now() % 1_000_000);
const SECONDS = 10;

test.each(dynamodbServers.length === 0 ? [] : [SEED])(
  'wrong answers of DynamoDB cause no false success, no internal error and no hang (seed %i)',
  { timeout: 180_000 },
  async (seed) => {
    const { rounds, finds } = await fuzz(dynamodbServers, { seed, seconds: SECONDS });
    expect(finds.map(inWords).join('\n')).toBe('');
    expect(rounds).toBeGreaterThan(0);
  },
);
