/**
 * The type fixtures as tables, a table a file: each way to map a column has a column of its own, each case a row, and
 * each case that is to be a bad row one more, so that it takes no other value with it.
 */
import {
  isOn,
  outcomesOf,
  readTypeFixtures,
  ruleOf,
  type Outcome,
  type TypeCase,
  type TypeColumn,
  type TypeFixture,
  type Way,
} from '../../../fixtures/types/read.js';
import type { Json } from './dynamodb-json.js';

export interface ExpectedBadRow {
  readonly table: string;
  readonly id: string;
  readonly column: string;
  readonly reason: string;
}

export interface FixtureTables {
  readonly names: readonly string[];
  readonly sql: readonly string[];
  /** `mapping` of dynaferry.yaml. */
  readonly mapping: Readonly<Record<string, unknown>>;
  /** DynamoDB JSON. */
  readonly items: readonly Json[];
  readonly badRows: readonly ExpectedBadRow[];
}

/** InnoDB of MySQL 5.6 takes no row of more than a tenth of its redo log; these hold some of 16 MB. */
const MYISAM: readonly string[] = ['mediumblob', 'longblob', 'mediumtext', 'longtext'];

/** What an emulator gets wrong itself: the cases that it is spared, by its name. */
export const EMULATOR_FAULTS: Readonly<Record<string, readonly string[]>> = {
  // It keeps maps as plain JavaScript objects, and those lose the name `__proto__`.
  dynalite: ['names of the language'],
};

/** Values that a server's mode would refuse are the point. */
const SESSION = "SET SESSION sql_mode = 'ALLOW_INVALID_DATES', SESSION time_zone = '+00:00'";

/**
 * @param version as SELECT VERSION() gives it: only what that server has
 * @param without names of cases to leave out
 */
export function fixtureTables(version: string, without: readonly string[]): FixtureTables {
  const tables = readTypeFixtures()
    .filter((fixture) => isOn(version, fixture.servers))
    .map((fixture) => new FixtureTable(fixture, version, without));
  return {
    names: tables.map(({ name }) => name),
    sql: [SESSION, ...tables.flatMap((table) => table.sql)],
    mapping: Object.fromEntries(tables.map((table) => [table.name, table.mapping])),
    items: tables.flatMap((table) => table.items),
    badRows: tables.flatMap((table) => table.badRows),
  };
}

class FixtureTable {
  readonly name: string;
  readonly #items: Json[] = [];
  /** NULL in all rows but those that give it a value. */
  readonly #kept: Record<string, Json> = {};
  readonly badRows: ExpectedBadRow[] = [];
  readonly #definitions: string[] = [];
  readonly #inserts: string[] = [];
  readonly #rules: Record<string, unknown> = {};
  readonly #drop = ['id'];

  constructor(fixture: TypeFixture, version: string, without: readonly string[]) {
    this.name = fixture.name;
    for (const [index, column] of fixture.columns.entries()) {
      if (!isOn(version, column.servers)) continue;
      const cases = column.cases.filter(
        (typeCase) => isOn(version, typeCase.servers) && !without.includes(typeCase.case),
      );
      const ways = new Set(cases.flatMap((typeCase) => outcomesOf(typeCase).map(([way]) => way)));
      for (const way of ways) this.#addColumn(column, index, way);
      for (const typeCase of cases) this.#addCase(column, index, typeCase);
    }
  }

  get sql(): readonly string[] {
    const id = 'id VARCHAR(120) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin PRIMARY KEY';
    const engine = MYISAM.includes(this.name) ? 'MyISAM' : 'InnoDB';
    return [
      `CREATE TABLE \`${this.name}\` (${[id, ...this.#definitions].join(', ')}) ENGINE=${engine}`,
      ...this.#inserts,
    ];
  }

  get mapping(): unknown {
    const attributes = { drop: this.#drop, rules: this.#rules };
    const partitionKey = { name: 'pk', template: this.name };
    return { items: [{ name: this.name, partitionKey, sortKey: { name: 'sk', template: '{id}' }, attributes }] };
  }

  get items(): readonly Json[] {
    return this.#items.map((item) => ({ ...this.#kept, ...item }));
  }

  #addColumn({ ddl, base }: TypeColumn, index: number, way: Way): void {
    const name = columnName('c', index, way);
    if (base !== undefined) {
      const source = columnName('b', index, way);
      this.#definitions.push(`\`${source}\` ${base}`);
      this.#drop.push(source);
    }
    this.#definitions.push(`\`${name}\` ${ddl.replaceAll('{base}', `\`${columnName('b', index, way)}\``)}`);
    const rule = ruleOf(way);
    if (rule !== null) this.#rules[name] = rule;
    if (way === 'keep') this.#kept[name] = { NULL: true };
  }

  #addCase({ base }: TypeColumn, index: number, typeCase: TypeCase): void {
    const outcomes = outcomesOf(typeCase);
    const into = (way: Way): string => columnName(base === undefined ? 'c' : 'b', index, way);
    const id = `c${index} ${typeCase.case}`;
    const kept = outcomes.filter(([, outcome]) => !isBad(outcome));
    if (kept.length > 0) {
      this.#insert(
        id,
        kept.map(([way]) => into(way)),
        typeCase.sql,
      );
      const attributes = kept.filter(([, outcome]) => outcome !== 'absent');
      this.#items.push({
        pk: { S: this.name },
        sk: { S: id },
        ...Object.fromEntries(attributes.map(([way, outcome]) => [columnName('c', index, way), outcome])),
      });
    }
    for (const [way, outcome] of outcomes) {
      if (!isBad(outcome)) continue;
      this.#insert(`${id} as ${way}`, [into(way)], typeCase.sql);
      this.badRows.push({
        table: this.name,
        id: `${id} as ${way}`,
        column: columnName('c', index, way),
        reason: outcome.bad,
      });
    }
  }

  #insert(id: string, columns: readonly string[], sql: string): void {
    const names = ['id', ...columns].map((name) => `\`${name}\``).join(', ');
    const values = [`'${id.replaceAll("'", "''")}'`, ...columns.map(() => sql)].join(', ');
    this.#inserts.push(`INSERT INTO \`${this.name}\` (${names}) VALUES (${values})`);
  }
}

function columnName(prefix: string, index: number, way: Way): string {
  return way === 'default' ? `${prefix}${index}` : `${prefix}${index}_${way.replace('-', '_')}`;
}

function isBad(outcome: Outcome): outcome is { readonly bad: string } {
  return typeof outcome === 'object' && 'bad' in outcome;
}
