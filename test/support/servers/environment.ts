/**
 * Servers that the environment names instead of ours: `DYNAFERRY_TEST_MYSQL=mysql://user:password@host:port` and
 * `DYNAFERRY_TEST_DYNAMODB=http://host:port`. Commas separate several. Tests use them, and never start or stop them.
 */
import { pingEndpoint } from './dynamodb-daemon.js';
import { ping, serverName } from './mysql-daemon.js';
import { reasonOf, type DynamodbServer, type MysqlServer, type ServerKind } from './server.js';

const MYSQL_PORT = 3306;

export function mysqlOfEnvironment(): readonly ServerKind<MysqlServer>[] {
  return urls('DYNAFERRY_TEST_MYSQL').map((url) => {
    const login = {
      host: url.hostname,
      port: url.port === '' ? MYSQL_PORT : Number(url.port),
      user: decodeURIComponent(url.username),
      password: decodeURIComponent(url.password),
    };
    return kind(`MySQL at ${url.host}`, async () => ({ ...login, name: serverName(await ping(login)) }));
  });
}

export function dynamodbOfEnvironment(): readonly ServerKind<DynamodbServer>[] {
  return urls('DYNAFERRY_TEST_DYNAMODB').map((url) =>
    kind(`DynamoDB at ${url.host}`, async () => {
      await pingEndpoint(url.origin);
      return { name: `dynamodb at ${url.host}`, endpoint: url.origin };
    }),
  );
}

function kind<Server>(name: string, connect: () => Promise<Server>): ServerKind<Server> {
  return {
    name,
    async available() {
      try {
        await connect();
        return true;
      } catch (error) {
        return reasonOf(error);
      }
    },
    async start() {
      return { ...(await connect()), close: () => Promise.resolve() };
    },
  };
}

function urls(variable: string): readonly URL[] {
  const texts = (process.env[variable] ?? '').split(',').filter((text) => text.trim() !== '');
  return texts.map((text) => {
    if (!URL.canParse(text)) throw new Error(`${variable} is not a URL, or a list of them separated by commas`);
    return new URL(text);
  });
}
