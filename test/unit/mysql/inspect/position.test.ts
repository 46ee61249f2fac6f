/**
 * Whether a server has what another one had: by the words of its family, and where that has none, nobody can tell, and
 * nobody is asked.
 */
import { expect, test } from 'vitest';
import { hasReached } from '../../../../src/mysql/inspect/position.js';
import { serverFamily } from '../../../../src/mysql/connection/server-family.js';
import type { Session } from '../../../../src/mysql/connection/session.js';
import { textLiteral } from '../../../../src/mysql/connection/sql.js';

const MYSQL = '3e11fa47-71ca-11e1-9e33-c80aa9429562:1-5';

/** A server of that version, by its answer to the one question; what it was asked is kept. */
function serverOf(version: string, answer: string) {
  const asked: string[] = [];
  const session = {
    family: serverFamily(version),
    rows(sql: string) {
      asked.push(sql);
      return Promise.resolve([[answer]]);
    },
  } as unknown as Session;
  const reached = (gtid: string | null): Promise<boolean | null> =>
    hasReached(session, { file: 'f', offset: 1, gtid }, new AbortController().signal);
  return { asked, reached };
}

test('hasReached does not ask a server that knows no sets of GTIDs', async () => {
  for (const version of ['5.5.62', '10.0.1-MariaDB']) {
    const { asked, reached } = serverOf(version, '1');
    expect(await reached(MYSQL)).toBeNull();
    expect(await reached('0-1-5')).toBeNull();
    expect(asked).toEqual([]);
  }
});

test('hasReached is null for a position without GTIDs, whatever the server knows', async () => {
  for (const version of ['8.4.0', '10.11.6-MariaDB']) {
    const { asked, reached } = serverOf(version, '1');
    expect(await reached(null)).toBeNull();
    expect(asked).toEqual([]);
  }
});

test('hasReached asks MySQL whether it has executed a set', async () => {
  const { asked, reached } = serverOf('8.4.0', '1');
  expect(await reached(MYSQL)).toBe(true);
  expect(asked).toEqual([`SELECT GTID_SUBSET(${textLiteral(MYSQL)}, @@GLOBAL.gtid_executed)`]);
  expect(await serverOf('8.4.0', '0').reached(MYSQL)).toBe(false);
});

test.each<[string, boolean | null]>([
  ['0-1-5', null],
  ['0-9-5', null],
  ['0-1-6', false],
  ['1-1-41', false],
  ['0-1-5,1-1-40', null],
  ['0-1-5,1-2-41', false],
  ['7-1-1', false],
  // The highest of a domain counts, whoever wrote it, in whatever order they come.
  ['0-2-6,0-1-3', false],
  ['0-1-3,0-2-6', false],
  [MYSQL, null],
])('hasReached of MariaDB at 0-1-3,0-2-5,0-3-4,1-1-40 says of %s: %j', async (gtid, expected) => {
  expect(await serverOf('10.11.6-MariaDB', '0-1-3,0-2-5,0-3-4,1-1-40').reached(gtid)).toBe(expected);
});
