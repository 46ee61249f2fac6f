import { expect, test } from 'vitest';
import { writePrivileges } from '../../../../src/mysql/inspect/grants.js';

test.each([
  [['GRANT USAGE ON *.* TO `u`@`%`', 'GRANT SELECT ON `app`.* TO `u`@`%`'], []],
  [["GRANT ALL PRIVILEGES ON *.* TO 'root'@'localhost' WITH GRANT OPTION"], ['ALL PRIVILEGES']],
  [['GRANT SELECT, INSERT, UPDATE (`a`, `b`), REPLICATION CLIENT ON *.* TO `u`@`%`'], ['INSERT', 'UPDATE']],
  [['GRANT SELECT, DELETE ON `other`.* TO `u`@`%`'], []],
  [['GRANT SELECT, DELETE ON `app`.`messages` TO `u`@`%`'], ['DELETE']],
  [['GRANT INSERT ON `a%`.* TO `u`@`%`'], ['INSERT']],
  [['GRANT INSERT ON `a\\_p`.* TO `u`@`%`'], []],
  [['GRANT INSERT ON `a_p`.* TO `u`@`%`'], ['INSERT']],
  [['GRANT `w` TO `u`@`%`', 'GRANT USAGE ON *.* TO `w`', 'GRANT SELECT, INSERT ON `app`.`t` TO `w`'], ['INSERT']],
  [['GRANT `reader`@`%` TO `u`@`%`', "GRANT PROXY ON ''@'' TO 'root'@'localhost'"], []],
])('writePrivileges finds the rights to write in %j', (lines, expected) => {
  expect(writePrivileges(lines, 'app')).toEqual(expected);
});

test.each([
  ...['ALL PRIVILEGES', 'ALL', 'INSERT', 'UPDATE', 'DELETE', 'DROP', 'ALTER', 'CREATE', 'TRIGGER', 'INDEX'],
  ...['SUPER', 'DELETE HISTORY'],
])('writePrivileges takes %s as a right to write', (privilege) => {
  expect(writePrivileges([`GRANT ${privilege} ON \`app\`.* TO \`u\`@\`%\``], 'app')).toEqual([privilege]);
});

test.each(['SELECT', 'USAGE', 'REPLICATION CLIENT', 'SHOW VIEW', 'PROCESS', 'EXECUTE'])(
  'writePrivileges does not take %s as a right to write',
  (privilege) => {
    expect(writePrivileges([`GRANT ${privilege} ON *.* TO \`u\`@\`%\``], 'app')).toEqual([]);
  },
);
