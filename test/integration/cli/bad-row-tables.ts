/** A table of which most rows cannot be moved, for several reasons, and what the command line says of them. */
import type { CliResult } from '../../support/cli.js';
import type { ConfigDocument } from '../../support/migration.js';

const TOO_MANY_DIGITS = '9'.repeat(40);

/**
 * 40 rows a shard: 1 to 30 have too many digits, 31 a zero date, 32 no name for the template; 33 to 40 are good. The
 * key is a secret.
 */
export const prices = (shard: number): readonly string[] => [
  `CREATE TABLE prices (
    code VARCHAR(20) PRIMARY KEY, id INT NOT NULL, price DECIMAL(65,0), noted DATETIME, name VARCHAR(20)
  )`,
  `INSERT INTO prices VALUES ${Array.from({ length: 40 }, (_, index) => {
    const id = index + 1;
    const price = id <= 30 ? TOO_MANY_DIGITS : String(id);
    const noted = id === 31 ? "'0000-00-00 00:00:00'" : 'NULL';
    return `('secret-${shard}-${id}', ${id}, ${price}, ${noted}, ${id === 32 ? 'NULL' : "'n'"})`;
  }).join(', ')}`,
];
export const BAD_PRICES = 32;

export interface ItemRules {
  readonly sortKey: { template: string };
  readonly attributes: {
    readonly rules: Record<string, Record<string, string>>;
    readonly add: Record<string, Record<string, string>>;
  };
}

export function pricesConfig(config: ConfigDocument): void {
  config.source.table = { name: 'prices' };
  const keys = { partitionKey: { name: 'pk', template: 'PRICES' }, sortKey: { name: 'sk', template: '{code}' } };
  config.mapping = {
    prices: { items: [{ ...keys, attributes: { rules: {}, add: { label: { template: '{name}!' } } } }] },
  };
}

export function rulesOf(config: ConfigDocument): ItemRules {
  const [rules] = (config.mapping['prices'] as { items: ItemRules[] }).items;
  if (rules === undefined) throw new Error('the mapping has an item');
  return rules;
}

interface Outcome {
  readonly status: string;
  readonly exitCode: number;
  readonly fault: { readonly code: string } | null;
  readonly badRows: number;
  readonly missing: number;
  readonly differing: number;
  readonly counts: { readonly rows: number; readonly items: number; readonly badRows: number };
  readonly retried: { readonly rows: number; readonly moved: number; readonly gone: number; readonly stillBad: number };
  readonly acceptedChanges: readonly { readonly path: string }[];
}

/** The outcomes of `--json`, in the order of the shards. */
export function outcomesOf({ stdout }: CliResult): readonly Outcome[] {
  return (JSON.parse(stdout) as { shards: Outcome[] }).shards;
}
