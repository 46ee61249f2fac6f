/** The floor of reading: the same rows with mysql2 and nothing done with them. */
import { parseArgs } from 'node:util';
import { createConnection } from 'mysql2';

const { values } = parseArgs({
  options: {
    host: { type: 'string', default: '127.0.0.1' },
    port: { type: 'string' },
    user: { type: 'string', default: 'root' },
    database: { type: 'string' },
  },
});
const connection = createConnection({
  host: values.host,
  port: Number(values.port),
  user: values.user,
  password: process.env['MYSQL_PWD'] ?? '',
  database: values.database ?? '',
  supportBigNumbers: true,
  bigNumberStrings: true,
  dateStrings: true,
});
let rows = 0;
connection
  .query({ sql: 'SELECT * FROM messages', rowsAsArray: true })
  .on('result', () => (rows += 1))
  .on('end', () => {
    connection.end();
    process.stdout.write(`${rows}\n`);
  });
