/**
 * Reads from the lines of SHOW GRANTS what a user may do. It serves a warning: a migration needs no privilege to write.
 */

/** Privileges that change rows or tables. */
const WRITING: ReadonlySet<string> = new Set([
  ...['ALL PRIVILEGES', 'ALL', 'INSERT', 'UPDATE', 'DELETE', 'DROP', 'ALTER', 'CREATE', 'TRIGGER', 'INDEX'],
  ...['SUPER', 'DELETE HISTORY'],
]);

/**
 * Returns the writing privileges that the user holds on any table of `database`, sorted. Privileges on single columns
 * count, and those of an active role: SHOW GRANTS lists them, on MariaDB in separate lines of the role.
 * @param lines SHOW GRANTS, one string a line
 */
export function writePrivileges(lines: readonly string[], database: string): readonly string[] {
  const found = new Set<string>();
  for (const line of lines) {
    const [, privileges = '', scope = ''] = /^GRANT (.+?) ON (?:TABLE )?(\S+) TO /i.exec(line) ?? [];
    if (!covers(scope, database)) continue;
    for (const privilege of privileges.split(/,(?![^(]*\))/)) {
      const name = privilege
        .replace(/\(.*\)/, '')
        .trim()
        .toUpperCase();
      if (WRITING.has(name)) found.add(name);
    }
  }
  return [...found].sort();
}

/**
 * Returns whether a scope includes the database.
 * @param scope `*.*`, or a database's name as a LIKE pattern in backticks, then `.*` or a table
 */
function covers(scope: string, database: string): boolean {
  if (scope === '*.*') return true;
  const [, quoted] = /^[`"'](.+?)[`"']\./.exec(scope) ?? [];
  if (quoted === undefined) return false;
  const pattern = quoted.replaceAll('``', '`').replace(/\\([_%])|([_%])|[^\w]/g, (match, literal, wildcard) => {
    if (typeof literal === 'string') return literal;
    if (typeof wildcard === 'string') return wildcard === '%' ? '.*' : '.';
    return `\\${match}`;
  });
  return new RegExp(`^${pattern}$`, 'su').test(database);
}
