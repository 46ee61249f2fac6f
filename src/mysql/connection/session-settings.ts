/**
 * What a session is set to, and that it took: every variable of a session that can change what a SELECT answers, or
 * how, is set and then read back. A server presets them for all sessions (SET GLOBAL, `init_connect`, an option file, a
 * parameter group), a pooler may keep them from a session or give it others; a scan is none the wiser.
 *
 * Looked through: every variable that a session may set, of MySQL 5.6.24 (117), 9.7 (165) and MariaDB 10.11 (201), by
 * what it does to a SELECT of ours. Those that can change an answer are in SETTINGS, each with its reason. The others,
 * by groups:
 * - Plans and memory: optimizer_*, max_seeks_for_key, join_*, mrr_*, *_buffer_size, tmp_*, max_heap_table_size,
 *   big_tables, query_*, range_alloc_*, *_selectivity, in_predicate_conversion_threshold, innodb_parallel_read_threads.
 *   Another plan gives the same rows: the scan names its index and its order. They may change speed, and whether memory
 *   is short, which is an error.
 * - Limits that end a statement with an error: max_execution_time, max_statement_time, connection_memory_limit,
 *   max_session_mem_used, parser_max_mem_size, tmp_disk_table_size, innodb_lock_wait_timeout. A server's own protection
 *   stays: a chunk is made smaller.
 * - Limits that end with a warning: max_allowed_packet (not a session's to set), max_recursive_iterations,
 *   max_points_in_geometry. No SELECT that ends with a warning is a result; see warnings.ts.
 * - Timeouts of an idle connection: wait_timeout, interactive_timeout, idle_*_timeout, net_read_timeout. A lost one is
 *   opened again.
 * - Writing and DDL: auto_increment_*, *_checks, insert_id, last_insert_id, default_*engine, sql_if_exists,
 *   sql_require_primary_key, sql_generate_invisible_primary_key, sql_safe_updates (UPDATE and DELETE alone),
 *   explicit_defaults_for_timestamp, old_alter_table, updatable_views_with_limit, low_priority_updates, myisam_*,
 *   column_compression_*, innodb_ft_* (of an index when it is built).
 * - Binary log and replication: binlog_*, gtid_*, sql_log_*, rbr_exec_mode, pseudo_*, original_*, skip_replication,
 *   server_id.
 * - How something is shown that is not asked for: end_markers_in_json, explain_format and explain_json_format_version
 *   (the form is named in each EXPLAIN), optimizer_trace*, profiling*, print_identified_with_as_hex,
 *   terminology_use_previous, log_*, session_track_* (in OK packets, which are not read), progress_report_time (sent to
 *   clients that ask for it).
 * - Literals' own defaults: default_collation_for_utf8mb4 (a right is needed to set it), character_set_database,
 *   character_set_server, character_set_filesystem. A literal yields to the collation of the column that it is compared
 *   with.
 * - How fresh a cluster's member must be: group_replication_consistency, wsrep_sync_wait, gtid waits. The operator
 *   chooses the server; only wsrep_dirty_reads, which shows what a cut-off member has, is turned off.
 * - Random numbers: rand_seed1 and rand_seed2. A `where` with RAND() has no answer that could be proven.
 * No session can set ft_min_word_len, ft_boolean_syntax, sysdate_is_now, lower_case_table_names: they hold for all
 * sessions, ours and the operator's alike.
 */
import { FerryError } from '../../core/errors.js';
import { ofServer } from '../../core/text/shown-text.js';
import type { ServerFamily } from './server-family.js';
import { textLiteral } from './sql.js';

/**
 * The server keeps a connection that we do not read from for so long, in seconds: this side may be short of processor
 * time.
 */
const NET_WRITE_TIMEOUT_SECONDS = 900;

/** As many as the protocol counts. */
const MOST_WARNINGS = 65_535;

const MOST_ROWS = '18446744073709551615';

type Family = Pick<ServerFamily, 'name' | 'oldMode'>;

interface Setting {
  readonly name: string;
  /** As `SELECT @@SESSION.name` gives it; a number without quotes is set as one. */
  readonly value: string | number;
  /** What is asked for in place of the variable itself; `value` is what it answers. */
  readonly readAs?: string;
  /** How it is set where that is not by its value. */
  readonly setTo?: string;
  /** Another answer that will do: a SELECT's rows are the same. */
  readonly orElse?: string;
}

const text = (name: string, value: string): Setting => ({ name, value });
const number = (name: string, value: number): Setting => ({ name, value });

/** In the order in which they are set. Of those that only some servers have, each is set where it is there. */
function settings(statementIdleTimeoutSeconds: number, { name, oldMode }: Family): readonly Setting[] {
  return [
    // How values are printed and statements parsed; invalid and zero dates must stay comparable. All other modes are
    // off: among them PAD_CHAR_TO_FULL_LENGTH, ANSI_QUOTES, NO_BACKSLASH_ESCAPES, HIGH_NOT_PRECEDENCE, REAL_AS_FLOAT,
    // and MariaDB's EMPTY_STRING_IS_NULL.
    text('sql_mode', 'ALLOW_INVALID_DATES'),
    // A TIMESTAMP is printed in it, and compared.
    text('time_zone', '+00:00'),
    text('character_set_client', 'utf8mb4'),
    text('character_set_results', 'utf8mb4'),
    // Of the literals of a `where`, and of what its functions make of numbers; sets character_set_connection too.
    text('collation_connection', 'utf8mb4_general_ci'),
    // Cuts off each SELECT without a LIMIT of its own.
    { name: 'sql_select_limit', value: MOST_ROWS, setTo: MOST_ROWS },
    // Refuse a SELECT that may look at many rows. In this order: the first sets the second on 5.6.
    { name: 'max_join_size', value: MOST_ROWS, setTo: MOST_ROWS },
    number('sql_big_selects', 1),
    // MySQL drops an index range that needs more memory than this, and reads the whole table.
    number('range_optimizer_max_mem_size', 0),
    // Of more values than this, MySQL takes the index's average for what each has in rows: where accounts are large, it
    // would rather walk the whole index than look up hundreds of values that are not there.
    number('eq_range_index_dive_limit', 0),
    // `id IS NULL` finds the last inserted row where it is on.
    number('sql_auto_is_null', 0),
    // An engine beside InnoDB answers (HeatWave), some changes behind.
    text('use_secondary_engine', 'OFF'),
    // Rows as of a time that has passed (system-versioned tables of MariaDB).
    { name: 'system_versioning_asof', value: 'DEFAULT', setTo: 'DEFAULT' },
    // What a member that is cut off from its Galera cluster has.
    number('wsrep_dirty_reads', 0),
    // Without column descriptions, cells cannot be told apart.
    text('resultset_metadata', 'FULL'),
    // Statistics may be a day old; a primary key that the server made may be hidden, and with it the only key that a
    // scan can follow.
    number('information_schema_stats_expiry', 0),
    number('show_gipk_in_create_table_and_information_schema', 1),
    // Adds a comment to a column's type.
    number('show_old_temporals', 0),
    number('show_create_table_verbosity', 0),
    number('show_create_table_skip_secondary_engine', 0),
    number('sql_quote_show_create', 1),
    // What functions in a `where` answer: the server's own defaults, or as exact as it gets.
    number('div_precision_increment', 4),
    number('group_concat_max_len', 1_048_576),
    number('default_week_format', 0),
    text('lc_time_names', 'en_US'),
    // Of the texts of warnings, one of which is told from others by it.
    text('lc_messages', 'en_US'),
    text('block_encryption_mode', 'aes-128-ecb'),
    text('default_regex_flags', ''),
    text('old_mode', oldMode),
    number('windowing_use_high_precision', 1),
    number('cte_max_recursion_depth', 1_000),
    // NOW() stands still where an `init_connect` set it.
    {
      name: 'timestamp',
      value: 1,
      setTo: 'DEFAULT',
      readAs: 'ABS(UNIX_TIMESTAMP(SYSDATE()) - @@SESSION.timestamp) < 60',
    },
    // How many bytes of a value order it, where rows are sorted: more than any key has.
    number('max_sort_length', 4_096),
    // A whole answer is not kept back on the server before its first row is sent.
    number('sql_buffer_result', 0),
    // Whether warnings are counted, and how many are listed. MySQL 9 wants a right for the second; there, none comes
    // once a row.
    number('sql_notes', 1),
    // MariaDB: no notes on keys that a condition does not use, which come with rows that are right.
    text('note_verbosity', 'basic'),
    ...(name === 'mariadb' ? [number('max_error_count', MOST_WARNINGS)] : []),
    // What a session holds on to: without autocommit, each SELECT leaves its lock of the table's definition behind,
    // against ALTER.
    number('autocommit', 1),
    text('completion_type', 'NO_CHAIN'),
    // With autocommit, each SELECT has a snapshot of its own at both levels. Readers of Aurora ignore the statement and
    // stay at the other (Aurora User Guide, "Aurora MySQL isolation levels").
    { name: 'transaction_isolation', value: 'READ-COMMITTED', orElse: 'REPEATABLE-READ' },
    { name: 'tx_isolation', value: 'READ-COMMITTED', orElse: 'REPEATABLE-READ' },
    number('transaction_read_only', 1),
    number('tx_read_only', 1),
    number('net_write_timeout', NET_WRITE_TIMEOUT_SECONDS),
    // The server itself ends a wait for a table's lock before we would: a statement that we gave up would go on waiting
    // there.
    number('lock_wait_timeout', Math.max(1, Math.floor(statementIdleTimeoutSeconds / 2))),
  ];
}

/** Deprecated names of later ones, where a server has both. */
const LATER_NAMES: Readonly<Record<string, string>> = {
  tx_isolation: 'transaction_isolation',
  tx_read_only: 'transaction_read_only',
};

/** Every server has these: a list without them was cut, or comes from something else than MySQL. */
const EVERYWHERE: ReadonlySet<string> = new Set([
  ...['sql_mode', 'time_zone', 'character_set_client', 'character_set_results', 'collation_connection'],
  ...['sql_select_limit', 'autocommit'],
]);

export class SessionSettings {
  /** Limits of rows are for the list as well. */
  static readonly beforeList = `SET SESSION sql_big_selects = 1, SESSION sql_select_limit = ${MOST_ROWS}`;

  /** Answers with the name, first, of each setting that the server has. */
  static listStatement(family: Family): string {
    const names = settings(0, family).map(({ name }) => `'${name}'`);
    return `SHOW SESSION VARIABLES WHERE Variable_name IN (${names.join(', ')})`;
  }

  readonly #settings: readonly Setting[];

  /**
   * @param listed names that `listStatement` answered
   * @param statementIdleTimeoutSeconds see SourceLimits
   * @throws FerryError E_SOURCE_SESSION where the list is not whole
   */
  constructor(
    private readonly shard: string,
    listed: ReadonlySet<string>,
    family: Family,
    statementIdleTimeoutSeconds: number,
  ) {
    const has = (name: string): boolean => listed.has(name);
    const unlisted = [...EVERYWHERE].filter((name) => !has(name));
    if (unlisted.length > 0) throw notTaken(shard, `the server does not list ${unlisted.join(', ')}`);
    this.#settings = settings(statementIdleTimeoutSeconds, family).filter(({ name }) => {
      const later = LATER_NAMES[name];
      return has(name) && (later === undefined || !has(later));
    });
  }

  /** One SET. @param marker see Session */
  setStatement(marker: string): string {
    const assigned = this.#settings.map(
      ({ name, value, setTo }) =>
        `SESSION ${name} = ${setTo ?? (typeof value === 'number' ? value : textLiteral(value))}`,
    );
    return `SET ${marker}, ${assigned.join(', ')}`;
  }

  /** The select list that reads them back. */
  get readList(): string {
    return this.#settings.map(({ name, readAs }) => readAs ?? `@@SESSION.${name}`).join(', ');
  }

  /**
   * @param values what `readList` answered, in this order
   * @throws FerryError E_SOURCE_SESSION where one did not take
   */
  confirm(values: readonly (string | null)[]): void {
    const others = this.#settings.flatMap(({ name, value, orElse }, i) => {
      const is = values[i] ?? 'NULL';
      return is === String(value) || is === orElse ? [] : [`${name} is '${ofServer(is)}' and must be '${value}'`];
    });
    if (others.length > 0) throw notTaken(this.shard, others.join('; '));
  }
}

function notTaken(shard: string, what: string): FerryError {
  return new FerryError(
    'E_SOURCE_SESSION',
    `shard ${shard}: the server did not apply settings of the session: ${what}`,
    'name the MySQL server itself as `host`, not a pooler or proxy; or let these pass SET to one session and keep it',
  );
}
