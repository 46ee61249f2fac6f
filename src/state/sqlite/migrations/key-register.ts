/** The steps that made each version of the register of item keys. */

export const KEY_REGISTER_MIGRATIONS: readonly string[] = [
  `
  CREATE TABLE item_keys (
    key    BLOB PRIMARY KEY,        -- first 16 bytes of the SHA-256 of the key's text
    shard  TEXT NOT NULL,
    table_name TEXT NOT NULL,
    cursor TEXT NOT NULL
  ) STRICT, WITHOUT ROWID;
  `,
  // The commits that the register's witness (`witness.ts`) must match.
  `
  CREATE TABLE register (
    only    INTEGER PRIMARY KEY CHECK (only = 1),
    lineage TEXT    NOT NULL,
    commits INTEGER NOT NULL
  ) STRICT;
  INSERT INTO register VALUES (1, lower(hex(randomblob(8))), 0);
  `,
];
