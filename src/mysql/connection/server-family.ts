/**
 * Names every difference between MySQL servers that matters here. No other file in this folder looks at a version.
 */

export interface ServerFamily {
  readonly name: 'mysql' | 'mariadb';
  /** The version as the server reports it: `5.6.24-log`, `10.11.14-MariaDB-log`. */
  readonly version: string;
  /**
   * Expression that distinguishes this server from every other, also from its replicas. MySQL has a server UUID in its
   * data folder. Servers share it if the data folder was cloned with it. MariaDB has none, so the expression combines
   * settings. Two servers may agree in all of them.
   */
  readonly serverIdentity: string;
  /**
   * Expression that identifies one run of the server process, where `serverIdentity` is no proof. It holds an id made
   * from the network card and port (server_uid, in newer MariaDB) and the second of the start. If the value differs,
   * this is another server, or the server restarted.
   */
  readonly life: string | null;
  /**
   * Returns the condition that the server has executed all of a GTID set; null where nothing proves that. `set` is a
   * literal.
   */
  readonly hasExecuted: ((set: string) => string) | null;
  /**
   * Expression for the newest GTIDs known, where these can prove that a server lacks transactions, but not that it has
   * them.
   */
  readonly newestGtids: string | null;
  /** MariaDB's `old_mode` when no one changed it. The others have no such variable. */
  readonly oldMode: string;
  readonly binlogStatement: string;
  /** An expression for the executed GTIDs, or null where the server has none. */
  readonly gtidExpression: string | null;
  readonly replicaStatement: string;
  /** Column of `replicaStatement` with the replica lag in seconds. */
  readonly replicaLagColumn: string;
  /** Expression over information_schema.STATISTICS: the expression of a functional key part, else NULL. */
  readonly keyExpression: string;
  /** Condition over information_schema.STATISTICS: the optimizer may use the index. */
  readonly keyVisible: string;
  /**
   * Index hint with which EXPLAIN estimates by index dives. MySQL 8 skips the dives if the index is forced, and answers
   * 1.
   */
  readonly estimateHint: 'FORCE INDEX' | 'USE INDEX';
  /**
   * Keys for which the server reads the last rows before a bound from the end of the index. `plain keys` have parts of
   * one direction, and no ENUM or SET. For the others, MySQL 8 sorts, or walks the index from its end (seen on 9.7).
   */
  readonly readsBackwards: 'any key' | 'plain keys';
  /**
   * Returns a SELECT that the server itself ends after this many seconds. MySQL before 5.7.8 and MariaDB before 10.1.2
   * cannot do that: this side gives up, and the statement continues there.
   */
  readonly limited: (select: string, seconds: number) => string;
}

const HOST_AND_PORT = "CONCAT(@@GLOBAL.hostname, ':', @@GLOBAL.port, ' ', @@GLOBAL.server_id)";

/**
 * Neither part needs a privilege. UNIX_TIMESTAMP() jumps with the server's clock: then dynaferry only compares rows
 * once more.
 */
const MARIADB_LIFE = `CONCAT(
  COALESCE((SELECT VARIABLE_VALUE FROM information_schema.GLOBAL_VARIABLES WHERE VARIABLE_NAME = 'SERVER_UID'), '-'), ' ',
  UNIX_TIMESTAMP() - (SELECT CAST(VARIABLE_VALUE AS SIGNED) FROM information_schema.GLOBAL_STATUS WHERE VARIABLE_NAME = 'UPTIME'))`;

/** Seconds by which the start time of one and the same run of a server may differ between two readings. */
const SAME_SECONDS = 2;

/**
 * Returns whether two identities belong to the same server.
 * @param before noted earlier, by this version or by an older one that recorded less
 */
export function isSameServer(before: string, now: string): boolean {
  return now === before || now.startsWith(`${before} `);
}

/**
 * Returns whether the server restarted or is another one.
 * @returns false also where one of the values is not known
 */
export function isAnotherLife(before: string | null, now: string | null): boolean {
  if (before === null || now === null || before === now) return false;
  const [[uid, since], [otherUid, otherSince]] = [before.split(' '), now.split(' ')];
  return uid !== otherUid || !(Math.abs(Number(since) - Number(otherSince)) <= SAME_SECONDS);
}

/** Returns the family of a server. @param version the answer of SELECT VERSION() */
export function serverFamily(version: string): ServerFamily {
  return /mariadb/i.test(version) ? mariadb(version) : mysql(version);
}

function mysql(version: string): ServerFamily {
  const since = (wanted: string): boolean => !isOlder(version, wanted);
  return {
    name: 'mysql',
    version,
    serverIdentity: since('5.6.0') ? '@@GLOBAL.server_uuid' : HOST_AND_PORT,
    life: null,
    newestGtids: null,
    hasExecuted: since('5.6.5') ? (set) => `GTID_SUBSET(${set}, @@GLOBAL.gtid_executed)` : null,
    oldMode: '',
    binlogStatement: since('8.2.0') ? 'SHOW BINARY LOG STATUS' : 'SHOW MASTER STATUS',
    gtidExpression: since('5.6.5') ? '@@GLOBAL.gtid_executed' : null,
    replicaStatement: since('8.0.22') ? 'SHOW REPLICA STATUS' : 'SHOW SLAVE STATUS',
    replicaLagColumn: since('8.0.22') ? 'Seconds_Behind_Source' : 'Seconds_Behind_Master',
    keyExpression: since('8.0.13') ? 'EXPRESSION' : 'NULL',
    keyVisible: since('8.0.0') ? "IS_VISIBLE = 'YES'" : 'TRUE',
    estimateHint: since('8.0.0') ? 'USE INDEX' : 'FORCE INDEX',
    readsBackwards: since('8.0.0') ? 'plain keys' : 'any key',
    limited: (select, seconds) =>
      since('5.7.8') ? select.replace(/^SELECT /, `SELECT /*+ MAX_EXECUTION_TIME(${seconds * 1_000}) */ `) : select,
  };
}

function mariadb(version: string): ServerFamily {
  const since = (wanted: string): boolean => !isOlder(version, wanted);
  return {
    name: 'mariadb',
    version,
    serverIdentity: `CONCAT_WS(' ', ${HOST_AND_PORT}, ${since('10.0.2') ? '@@GLOBAL.gtid_domain_id, ' : ''}@@GLOBAL.datadir)`,
    life: MARIADB_LIFE,
    newestGtids: since('10.0.2')
      ? "CONCAT_WS(',', NULLIF(@@GLOBAL.gtid_binlog_pos, ''), NULLIF(@@GLOBAL.gtid_current_pos, ''))"
      : null,
    // MariaDB's GTIDs do not name the server that they come from: two clusters may both be at 0-1-500.
    hasExecuted: null,
    oldMode: since('10.6.1') ? 'UTF8_IS_UTF8MB3' : '',
    binlogStatement: since('10.5.2') ? 'SHOW BINLOG STATUS' : 'SHOW MASTER STATUS',
    gtidExpression: since('10.0.2') ? '@@GLOBAL.gtid_binlog_pos' : null,
    // The answer has one row for each connection of a multi-source replica.
    replicaStatement: 'SHOW ALL SLAVES STATUS',
    replicaLagColumn: 'Seconds_Behind_Master',
    keyExpression: 'NULL',
    keyVisible: since('10.6.0') ? "IGNORED = 'NO'" : 'TRUE',
    estimateHint: 'FORCE INDEX',
    readsBackwards: 'any key',
    limited: (select, seconds) =>
      since('10.1.2') ? `SET STATEMENT max_statement_time = ${seconds} FOR ${select}` : select,
  };
}

function isOlder(version: string, wanted: string): boolean {
  const [have, want] = [numbers(version), numbers(wanted)];
  for (let i = 0; i < 3; i++) {
    const difference = (have[i] ?? 0) - (want[i] ?? 0);
    if (difference !== 0) return difference < 0;
  }
  return false;
}

function numbers(version: string): readonly number[] {
  // MariaDB behind some proxies prefixes its version so that old replicas take it for MySQL 5.5.5.
  const plain = version.replace(/^5\.5\.5-(?=\d+\.)/, '');
  return (/^\d+(\.\d+)*/.exec(plain)?.[0] ?? '').split('.').map(Number);
}
