/** The words on where a command points, also where a server or a table gives a hostile name. */
import { describe, expect, test } from 'vitest';
import { linesOf } from '../../../src/cli/print-places.js';
import type { Places, SourcePlace, TargetPlace } from '../../../src/wiring/look/places.js';

const TARGET: TargetPlace = {
  ...{ table: 'messages', exists: true, account: '123456789012', emulator: false },
  ...{ region: 'eu-west-1', endpoint: 'https://dynamodb.eu-west-1.amazonaws.com/' },
};
const source = (number: number, more: Partial<SourcePlace> = {}): SourcePlace => ({
  ...{ shard: `s0${number}`, host: 'db.example', port: 3306, database: 'app', server: 'mysql 8.0.36' },
  ...more,
});
const lines = (places: Partial<Places>, most?: number): readonly string[] =>
  linesOf({ target: TARGET, sources: [], ...places }, most);

describe('linesOf', () => {
  test('linesOf names account, region, endpoint and table of the target', () => {
    expect(lines({})).toEqual([
      'target: table messages, region eu-west-1, AWS account 123456789012, endpoint https://dynamodb.eu-west-1.amazonaws.com/',
    ]);
  });

  test.each([
    [
      { emulator: true, account: null, endpoint: 'http://127.0.0.1:8000/' },
      'target: table messages, region eu-west-1, emulator at http://127.0.0.1:8000/',
    ],
    [{ exists: false, account: null }, /the table does not exist, so its AWS account is unknown/],
    [{ exists: null, account: null }, /AWS account unknown, endpoint https/],
    [{ exists: null, account: null, region: null, endpoint: null }, /region unknown, .*endpoint unknown/],
  ])('linesOf tells of a target %o: %s', (target, said) => {
    const [line] = lines({ target: { ...TARGET, ...target } });
    if (typeof said === 'string') expect(line).toBe(said);
    else expect(line).toMatch(said);
  });

  test('linesOf names host, port, database and server of each shard, or that its version is unknown', () => {
    expect(lines({ target: null, sources: [source(1), source(2, { port: 3307, server: null })] })).toEqual([
      'target: not looked at',
      'source s01: db.example:3306, database app, mysql 8.0.36',
      'source s02: db.example:3307, database app, server version unknown',
    ]);
  });

  test('linesOf names the first of many shards, and how many more there are', () => {
    const sources = [1, 2, 3, 4, 5].map((number) => source(number));
    expect(lines({ sources }, 2).slice(1)).toEqual([
      'source s01: db.example:3306, database app, mysql 8.0.36',
      'source s02: db.example:3306, database app, mysql 8.0.36',
      'source: 3 more shards; `dynaferry check` lists all',
    ]);
    expect(lines({ sources })).toHaveLength(6);
  });

  test('linesOf keeps hostile names on one line, without control characters', () => {
    const hostile = 'x\n\u001b[2Jerror\r\u202e'.repeat(50);
    const said = lines({
      target: { ...TARGET, table: hostile, endpoint: hostile, region: hostile },
      sources: [source(1, { server: hostile, database: hostile, host: hostile })],
    });
    expect(said).toHaveLength(2);
    for (const line of said) expect(line).not.toMatch(/[\u0000-\u001f\u202e]/);
  });
});
