/**
 * The documents are executed: every command of README.md and MIGRATION.md runs, in order, and exits 0; the grants are
 * granted.
 */
import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { createMigration, onePair } from '../support/migration.js';

const SHARDS = 2;
const ROWS = 300;
/** Lines that are not dynaferry's own: bin/test has run them before it runs this. */
const RUN_BEFORE = new Set(['npm ci', 'npm run build', 'bin/dynaferry --help']);

function blocks(document: string, language: string): readonly string[] {
  const text = readFileSync(new URL(`../../${document}`, import.meta.url), 'utf8');
  return [...text.matchAll(new RegExp(`\`\`\`${language}\\n([\\s\\S]*?)\`\`\``, 'g'))].map((match) => match[1] ?? '');
}

function linesOf(document: string, language: string): readonly string[] {
  return blocks(document, language).flatMap((block) => block.split('\n').filter((line) => line.trim() !== ''));
}

/** As a shell would split it; quotes are double, and hold no others. */
function wordsOf(line: string): readonly string[] {
  return [...line.matchAll(/"([^"]*)"|\S+/g)].map(([word, quoted]) => quoted ?? word);
}

describe.each(onePair)('commands in the documents, $name', (servers) => {
  test.each(['README.md', 'MIGRATION.md'])('all commands of %s exit with 0', { timeout: 180_000 }, async (document) => {
    const lines = linesOf(document, 'sh').filter((line) => !RUN_BEFORE.has(line));
    expect(lines.length).toBeGreaterThan(8);
    await using migration = await createMigration({ servers, shards: SHARDS, rows: ROWS, table: 'missing' });
    for (const line of lines) {
      const [program, ...args] = wordsOf(line.replace(/ > [\w.]+$/, ''));
      expect(program, line).toBe('dynaferry');
      const result = await migration.run(args);
      expect({ line, code: result.code, stderr: result.code === 0 ? '' : result.stderr }).toEqual({
        line,
        code: 0,
        stderr: '',
      });
    }
    // Postflight makes two items of a row, and what the documents do ends with all of them moved.
    expect(await migration.items()).toHaveLength(SHARDS * ROWS * 2);
  });

  test('the grants of MIGRATION.md suffice, and are what dynaferry itself asks for', { timeout: 60_000 }, async () => {
    const statements = blocks('MIGRATION.md', 'sql')
      .join('\n')
      .split(';')
      .map((statement) => statement.trim())
      .filter(Boolean);
    expect(statements).toHaveLength(3);
    await using migration = await createMigration({ servers, rows: 50 });
    const [database] = migration.databases;
    if (database === undefined) throw new Error('the migration has a shard');
    const user = `u${database.name}`.slice(0, 16);
    const here = (statement: string): string =>
      statement
        .replace("'dynaferry'@'%'", `'${user}'@'127.0.0.1'`)
        .replace('postflight.messages', `${database.name}.messages`);
    try {
      for (const statement of statements) await database.query(here(statement));
      migration.configure((config) => {
        for (const shard of config.source.shards) shard['user'] = user;
      });
      const env = { MYSQL_PASSWORD: 'a password of its own' };
      const check = await migration.run(['check'], { env });
      // Of the source there is nothing to warn of: no privilege too many, none missing. (The target's TTL is not its
      // business.)
      expect({ code: check.code, source: /E_SOURCE\w*/.exec(check.stdout) }).toEqual({ code: 0, source: null });
      const backfill = await migration.run(['backfill', '--all', '--json'], { env });
      expect(backfill.code).toBe(0);
      expect(backfill.stdout).toContain('"rows": 50');
    } finally {
      await database.query(`DROP USER '${user}'@'127.0.0.1'`);
    }
  });
});
