/**
 * Everything in which the MySQL servers of this world differ for us, by name. Nothing else in this folder looks at a version.
 */

export interface ServerFamily {
  readonly name: 'mysql' | 'mariadb';
  /** As the server says it: `5.6.24-log`, `10.11.14-MariaDB-log`. */
  readonly version: string;
  /** Statements for a session that reads, beyond those that every server knows. */
  readonly sessionSetUp: readonly string[];
  readonly binlogStatement: string;
  /** An expression for the executed GTIDs, or null where the server has none. */
  readonly gtidExpression: string | null;
  readonly replicaStatement: string;
  /** Column of `replicaStatement` with the lag in seconds. */
  readonly replicaLagColumn: string;
  /** Expression over information_schema.STATISTICS: the expression of a functional key part, else NULL. */
  readonly keyExpression: string;
  /** Condition over information_schema.STATISTICS: the optimizer may use the index. */
  readonly keyVisible: string;
}

/** @param version the answer of SELECT VERSION() */
export function serverFamily(version: string): ServerFamily {
  return /mariadb/i.test(version) ? mariadb(version) : mysql(version);
}

function mysql(version: string): ServerFamily {
  const since = (wanted: string): boolean => !isOlder(version, wanted);
  return {
    name: 'mysql',
    version,
    sessionSetUp: [
      // Since 5.6.5; below, the user's grants alone keep the session from writing.
      ...(since('5.6.5') ? ['SET SESSION TRANSACTION READ ONLY'] : []),
      // MySQL 8 shows statistics up to a day old unless told not to.
      ...(since('8.0.3') ? ['SET SESSION information_schema_stats_expiry = 0'] : []),
    ],
    binlogStatement: since('8.2.0') ? 'SHOW BINARY LOG STATUS' : 'SHOW MASTER STATUS',
    gtidExpression: since('5.6.5') ? '@@GLOBAL.gtid_executed' : null,
    replicaStatement: since('8.0.22') ? 'SHOW REPLICA STATUS' : 'SHOW SLAVE STATUS',
    replicaLagColumn: since('8.0.22') ? 'Seconds_Behind_Source' : 'Seconds_Behind_Master',
    keyExpression: since('8.0.13') ? 'EXPRESSION' : 'NULL',
    keyVisible: since('8.0.0') ? "IS_VISIBLE = 'YES'" : 'TRUE',
  };
}

function mariadb(version: string): ServerFamily {
  const since = (wanted: string): boolean => !isOlder(version, wanted);
  return {
    name: 'mariadb',
    version,
    sessionSetUp: since('10.0.0') ? ['SET SESSION TRANSACTION READ ONLY'] : [],
    binlogStatement: since('10.5.2') ? 'SHOW BINLOG STATUS' : 'SHOW MASTER STATUS',
    gtidExpression: since('10.0.2') ? '@@GLOBAL.gtid_binlog_pos' : null,
    // One row for each connection of a multi-source replica.
    replicaStatement: 'SHOW ALL SLAVES STATUS',
    replicaLagColumn: 'Seconds_Behind_Master',
    keyExpression: 'NULL',
    keyVisible: since('10.6.0') ? "IGNORED = 'NO'" : 'TRUE',
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
