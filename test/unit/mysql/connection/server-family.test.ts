import { expect, test } from 'vitest';
import { serverFamily } from '../../../../src/mysql/connection/server-family.js';

test.each([
  ['5.6.24-log', 'mysql', 'SHOW MASTER STATUS', 'SHOW SLAVE STATUS', 'NULL'],
  ['5.7.44', 'mysql', 'SHOW MASTER STATUS', 'SHOW SLAVE STATUS', 'NULL'],
  ['8.0.21', 'mysql', 'SHOW MASTER STATUS', 'SHOW SLAVE STATUS', 'EXPRESSION'],
  ['8.0.36-28.1', 'mysql', 'SHOW MASTER STATUS', 'SHOW REPLICA STATUS', 'EXPRESSION'],
  ['8.4.0', 'mysql', 'SHOW BINARY LOG STATUS', 'SHOW REPLICA STATUS', 'EXPRESSION'],
  ['9.7.0', 'mysql', 'SHOW BINARY LOG STATUS', 'SHOW REPLICA STATUS', 'EXPRESSION'],
  ['10.11.14-MariaDB-0+deb12u2-log', 'mariadb', 'SHOW BINLOG STATUS', 'SHOW ALL SLAVES STATUS', 'NULL'],
  ['5.5.5-10.4.8-MariaDB', 'mariadb', 'SHOW MASTER STATUS', 'SHOW ALL SLAVES STATUS', 'NULL'],
])(
  'serverFamily knows the statements of version %s',
  (version, name, binlogStatement, replicaStatement, keyExpression) => {
    expect(serverFamily(version)).toMatchObject({ version, name, binlogStatement, replicaStatement, keyExpression });
  },
);
