/**
 * Sets every variable of a session that can change what a SELECT answers, or how, and checks that the server applied
 * it. A server may preset these variables for all sessions (SET GLOBAL, `init_connect`, an option file, a parameter
 * group). A pooler may drop our settings, or give the session others. A scan would not notice either.
 *
 * We checked every variable that a session may set, in MySQL 5.6.24 (117), 9.7 (165) and MariaDB 10.11 (201), by its
 * effect on our SELECTs. Those that can change an answer are in `settings`, each with its reason. The others, by group:
 * - Plans and memory: optimizer_*, max_seeks_for_key, join_*, mrr_*, *_buffer_size, tmp_*, max_heap_table_size,
 *   big_tables, query_*, range_alloc_*, *_selectivity, in_predicate_conversion_threshold, innodb_parallel_read_threads.
 *   Another plan gives the same rows, since the scan names its index and its order. They may change speed, or make
 *   memory short, which is an error.
 * - Limits that end a statement with an error: max_execution_time, max_statement_time, connection_memory_limit,
 *   max_session_mem_used, parser_max_mem_size, tmp_disk_table_size, innodb_lock_wait_timeout. They protect the server,
 *   so they stay. The scan asks for a smaller chunk.
 * - Limits that end with a warning: max_allowed_packet (a session cannot set it), max_recursive_iterations,
 *   max_points_in_geometry. A SELECT that ends with such a warning gives no result. See warnings.ts.
 * - Timeouts of an idle connection: wait_timeout, interactive_timeout, idle_*_timeout, net_read_timeout. dynaferry
 *   opens a lost connection again.
 * - Writing and DDL: auto_increment_*, *_checks, insert_id, last_insert_id, default_*engine, sql_if_exists,
 *   sql_require_primary_key, sql_generate_invisible_primary_key. Also sql_safe_updates (UPDATE and DELETE only),
 *   explicit_defaults_for_timestamp, old_alter_table, updatable_views_with_limit, low_priority_updates, myisam_*,
 *   column_compression_*, innodb_ft_* (used when an index is built).
 * - Binary log and replication: binlog_*, gtid_*, sql_log_*, rbr_exec_mode, pseudo_*, original_*, skip_replication,
 *   server_id.
 * - Output that we do not ask for: end_markers_in_json, explain_format and explain_json_format_version (each EXPLAIN
 *   names its format), optimizer_trace*, profiling*. Also print_identified_with_as_hex, terminology_use_previous,
 *   log_*, session_track_* (in OK packets, which we do not read), progress_report_time (sent only to clients that ask
 *   for it).
 * - Defaults of literals: default_collation_for_utf8mb4 (setting it needs a privilege), character_set_database,
 *   character_set_server, character_set_filesystem. A literal takes the collation of the column that it is compared
 *   with.
 * - How fresh a cluster's member must be: group_replication_consistency, wsrep_sync_wait, GTID waits. The operator
 *   chooses the server. We turn off only wsrep_dirty_reads, which shows the data of a member that is cut off from its
 *   cluster.
 * - Random numbers: rand_seed1 and rand_seed2. No one can prove the answer of a `where` with RAND().
 *
 * No session can set ft_min_word_len, ft_boolean_syntax, sysdate_is_now, lower_case_table_names: they hold for all
 * sessions, ours and the operator's.
 */
import { FerryError } from '../../core/errors.js';
import { ofServer } from '../../core/text/shown-text.js';
import type { ServerFamily } from './server-family.js';
import { textLiteral } from './sql.js';

/** Seconds that the server keeps a connection from which we do not read: this side may be short of CPU time. */
const NET_WRITE_TIMEOUT_SECONDS = 900;

/** The largest count of warnings that the protocol can hold. */
const MOST_WARNINGS = 65_535;

const MOST_ROWS = '18446744073709551615';

type Family = Pick<ServerFamily, 'name' | 'oldMode'>;

interface Setting {
  readonly name: string;
  /** The value as `SELECT @@SESSION.name` returns it. A number is set without quotes. */
  readonly value: string | number;
  /** Expression to read instead of the variable itself. `value` is its expected answer. */
  readonly readAs?: string;
  /** Text to set instead of `value`. */
  readonly setTo?: string;
  /** Another accepted answer: a SELECT returns the same rows with it. */
  readonly orElse?: string;
}

const text = (name: string, value: string): Setting => ({ name, value });
const number = (name: string, value: number): Setting => ({ name, value });

/** Returns the settings in the order in which to set them. A setting that only some servers have is set only there. */
function settings(statementIdleTimeoutSeconds: number, { name, oldMode }: Family): readonly Setting[] {
  return [
    // Controls how the server prints values and parses statements. Invalid and zero dates must stay comparable. All
    // other modes are off: among them PAD_CHAR_TO_FULL_LENGTH, ANSI_QUOTES, NO_BACKSLASH_ESCAPES, HIGH_NOT_PRECEDENCE,
    // REAL_AS_FLOAT, and MariaDB's EMPTY_STRING_IS_NULL.
    text('sql_mode', 'ALLOW_INVALID_DATES'),
    // The server prints and compares TIMESTAMP values in this time zone.
    text('time_zone', '+00:00'),
    text('character_set_client', 'utf8mb4'),
    text('character_set_results', 'utf8mb4'),
    // Applies to literals of a `where`, and to texts that its functions make from numbers; sets
    // character_set_connection too.
    text('collation_connection', 'utf8mb4_general_ci'),
    // Cuts off each SELECT that has no LIMIT.
    { name: 'sql_select_limit', value: MOST_ROWS, setTo: MOST_ROWS },
    // These refuse a SELECT that may read many rows. The order matters: on 5.6, setting the first changes the second.
    { name: 'max_join_size', value: MOST_ROWS, setTo: MOST_ROWS },
    number('sql_big_selects', 1),
    // MySQL drops an index range that needs more memory than this, and reads the whole table.
    number('range_optimizer_max_mem_size', 0),
    // For more values than this, MySQL estimates the rows of each value by the index's average. With large accounts, it
    // would then walk the whole index instead of looking up hundreds of absent values.
    number('eq_range_index_dive_limit', 0),
    // If this is on, `id IS NULL` finds the last inserted row.
    number('sql_auto_is_null', 0),
    // Another engine than InnoDB answers (HeatWave), and it may lack the latest changes.
    text('use_secondary_engine', 'OFF'),
    // Returns rows as of an earlier time (system-versioned tables of MariaDB).
    { name: 'system_versioning_asof', value: 'DEFAULT', setTo: 'DEFAULT' },
    // Shows the data of a member that is cut off from its Galera cluster.
    number('wsrep_dirty_reads', 0),
    // Without column descriptions, dynaferry cannot know which cell is which.
    text('resultset_metadata', 'FULL'),
    // Statistics may be a day old. The server may also hide a primary key that it generated, which may be the only key
    // that a scan can follow.
    number('information_schema_stats_expiry', 0),
    number('show_gipk_in_create_table_and_information_schema', 1),
    // Adds a comment to a column's type.
    number('show_old_temporals', 0),
    number('show_create_table_verbosity', 0),
    number('show_create_table_skip_secondary_engine', 0),
    number('sql_quote_show_create', 1),
    // Control the answers of functions in a `where`: the server's own defaults, or the most exact values.
    number('div_precision_increment', 4),
    number('group_concat_max_len', 1_048_576),
    number('default_week_format', 0),
    text('lc_time_names', 'en_US'),
    // Language of warning texts. One warning is recognised by its text.
    text('lc_messages', 'en_US'),
    text('block_encryption_mode', 'aes-128-ecb'),
    text('default_regex_flags', ''),
    text('old_mode', oldMode),
    number('windowing_use_high_precision', 1),
    number('cte_max_recursion_depth', 1_000),
    // NOW() stands still if an `init_connect` set it.
    {
      name: 'timestamp',
      value: 1,
      setTo: 'DEFAULT',
      readAs: 'ABS(UNIX_TIMESTAMP(SYSDATE()) - @@SESSION.timestamp) < 60',
    },
    // Number of bytes of a value that a sort compares: more than any key has.
    number('max_sort_length', 4_096),
    // Lets the server send the first row before it has the whole answer.
    number('sql_buffer_result', 0),
    // Control whether the server counts warnings, and how many it lists. MySQL 9 requires a privilege for the second.
    // There, no warning comes once per row.
    number('sql_notes', 1),
    // MariaDB: turns off notes on keys that a condition does not use. They come with correct rows.
    text('note_verbosity', 'basic'),
    ...(name === 'mariadb' ? [number('max_error_count', MOST_WARNINGS)] : []),
    // Controls what a session keeps locked: without autocommit, each SELECT leaves a metadata lock on the table, which
    // blocks ALTER.
    number('autocommit', 1),
    text('completion_type', 'NO_CHAIN'),
    // With autocommit, each SELECT has its own snapshot at both levels. Readers of Aurora ignore the statement and stay
    // at the other level (Aurora User Guide, "Aurora MySQL isolation levels").
    { name: 'transaction_isolation', value: 'READ-COMMITTED', orElse: 'REPEATABLE-READ' },
    { name: 'tx_isolation', value: 'READ-COMMITTED', orElse: 'REPEATABLE-READ' },
    number('transaction_read_only', 1),
    number('tx_read_only', 1),
    number('net_write_timeout', NET_WRITE_TIMEOUT_SECONDS),
    // The server ends a wait for a table's lock before we would. Otherwise a statement that we gave up would continue
    // to wait there.
    number('lock_wait_timeout', Math.max(1, Math.floor(statementIdleTimeoutSeconds / 2))),
  ];
}

/** Deprecated names, each with the later name of the same variable. Some servers have both. */
const LATER_NAMES: Readonly<Record<string, string>> = {
  tx_isolation: 'transaction_isolation',
  tx_read_only: 'transaction_read_only',
};

/** Every server has these. If a list lacks one, something cut the list, or it comes from something other than MySQL. */
const EVERYWHERE: ReadonlySet<string> = new Set([
  ...['sql_mode', 'time_zone', 'character_set_client', 'character_set_results', 'collation_connection'],
  ...['sql_select_limit', 'autocommit'],
]);

export class SessionSettings {
  /** The limits on rows apply to the list of variables too, so this lifts them first. */
  static readonly beforeList = `SET SESSION sql_big_selects = 1, SESSION sql_select_limit = ${MOST_ROWS}`;

  /** Returns a statement whose answer has the name, in its first column, of each setting that the server has. */
  static listStatement(family: Family): string {
    const names = settings(0, family).map(({ name }) => `'${name}'`);
    return `SHOW SESSION VARIABLES WHERE Variable_name IN (${names.join(', ')})`;
  }

  readonly #settings: readonly Setting[];

  /**
   * @param listed names that `listStatement` answered
   * @param statementIdleTimeoutSeconds see SourceLimits
   * @throws FerryError E_SOURCE_SESSION where the list is not complete
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

  /** Returns one SET statement with all settings. @param marker see Session */
  setStatement(marker: string): string {
    const assigned = this.#settings.map(
      ({ name, value, setTo }) =>
        `SESSION ${name} = ${setTo ?? (typeof value === 'number' ? value : textLiteral(value))}`,
    );
    return `SET ${marker}, ${assigned.join(', ')}`;
  }

  /** Returns the select list that reads the settings back. */
  get readList(): string {
    return this.#settings.map(({ name, readAs }) => readAs ?? `@@SESSION.${name}`).join(', ');
  }

  /**
   * Checks that the server applied every setting.
   * @param values what `readList` answered, in this order
   * @throws FerryError E_SOURCE_SESSION where the server did not apply one
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
