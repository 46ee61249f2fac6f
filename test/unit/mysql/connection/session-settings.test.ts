import { describe, expect, test } from 'vitest';
import { serverFamily } from '../../../../src/mysql/connection/server-family.js';
import { SessionSettings } from '../../../../src/mysql/connection/session-settings.js';

const NAMES = [
  ...['sql_mode', 'time_zone', 'character_set_client', 'character_set_results', 'collation_connection'],
  ...['sql_select_limit', 'autocommit', 'transaction_isolation'],
];
const TAKEN: Readonly<Record<string, string>> = {
  sql_mode: 'ALLOW_INVALID_DATES',
  time_zone: '+00:00',
  character_set_client: 'utf8mb4',
  character_set_results: 'utf8mb4',
  collation_connection: 'utf8mb4_general_ci',
  sql_select_limit: '18446744073709551615',
  autocommit: '1',
  transaction_isolation: 'READ-COMMITTED',
};

function confirmed(others: Readonly<Record<string, string>>): void {
  const settings = new SessionSettings('s01', new Set(NAMES), serverFamily('8.0.42'), 10);
  const names = settings.readList.split(', ').map((expression) => expression.replace('@@SESSION.', ''));
  settings.confirm(names.map((name) => others[name] ?? TAKEN[name] ?? null));
}

describe('settings that a session reads back', () => {
  test.each([[{}], [{ transaction_isolation: 'REPEATABLE-READ' }]])(
    'SessionSettings takes the settings that a session reads back: %j',
    (others) => {
      expect(() => {
        confirmed(others);
      }).not.toThrow();
    },
  );

  test.each([
    [{ transaction_isolation: 'READ-UNCOMMITTED' }],
    [{ transaction_isolation: 'SERIALIZABLE' }],
    [{ time_zone: 'SYSTEM' }],
    [{ autocommit: '0' }],
  ])('SessionSettings refuses the settings that a session reads back: %j', (others) => {
    expect(() => {
      confirmed(others);
    }).toThrow(expect.objectContaining({ code: 'E_SOURCE_SESSION' }));
  });
});

test('SessionSettings asks for max_error_count on MariaDB alone, where setting it needs no right', () => {
  const asks = (version: string): boolean =>
    SessionSettings.listStatement(serverFamily(version)).includes("'max_error_count'");
  expect([asks('10.11.6-MariaDB'), asks('5.6.51'), asks('8.0.42'), asks('9.7.0')]).toEqual([true, false, false, false]);
});
