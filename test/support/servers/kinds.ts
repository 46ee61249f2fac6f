/**
 * Lists every way to have a server, in the order of preference. A server that the environment names replaces all of its
 * sort.
 */
import { dynalite } from './dynalite.js';
import { dynamodbLocal } from './dynamodb-local.js';
import { dynamodbOfEnvironment, mysqlOfEnvironment } from './environment.js';
import { mariadb } from './mariadb.js';
import { mysql56 } from './mysql56.js';
import { mysqld } from './mysqld.js';
import type { DynamodbServer, MysqlServer, ServerKind } from './server.js';

export function mysqlKinds(): readonly ServerKind<MysqlServer>[] {
  const named = mysqlOfEnvironment();
  return named.length > 0 ? named : [mysql56, mariadb, mysqld];
}

export function dynamodbKinds(): readonly ServerKind<DynamodbServer>[] {
  const named = dynamodbOfEnvironment();
  return named.length > 0 ? named : [dynamodbLocal, dynalite];
}
