/**
 * Compiles item keys from their templates: the partition key with its spread, and the sort key, which must sort as the
 * source does.
 */
import type { ItemMapping, KeyMapping, KeyType } from '../../config/model.js';
import type { TableInfo } from '../../core/model.js';
import type { AttributeEmitter } from '../attribute-emitter.js';
import {
  compileTemplate,
  expressionsOf,
  literalBytes,
  refuseTooLarge,
  type CompiledTemplate,
} from '../template/compiled-template.js';
import type { Expression } from '../template/expression.js';
import { MAX_PARTITION_KEY_BYTES, MAX_SORT_KEY_BYTES } from '../value/item-size.js';
import { KeyAttributeEmitter, type KeyLimits } from './key-attribute.js';
import { KeyReader } from './key-reader.js';
import { collectingFaults, type ReportFault } from '../mapping-faults.js';
import type { KeyTemplates } from './key-uniqueness.js';
import { compileSpread, type CompiledSpread } from './spread.js';

export interface CompiledKeys {
  readonly templates: KeyTemplates;
  readonly spread: CompiledSpread;
  readonly emitters: readonly AttributeEmitter[];
  /** Reads the key of the item just written. */
  readonly reader: KeyReader;
}

const PARTITION_KEY: KeyLimits = { role: 'partition key', path: ['partitionKey'], maxBytes: MAX_PARTITION_KEY_BYTES };
const SORT_KEY: KeyLimits = { role: 'sort key', path: ['sortKey'], maxBytes: MAX_SORT_KEY_BYTES };
const NO_SPREAD: CompiledSpread = { suffix: () => '', shardsOf: () => ({ shards: 1, overridden: false }) };

/** Returns the keys; null where it reported a fault. */
export function compileKeys(
  item: ItemMapping,
  table: TableInfo,
  indexOf: (column: string) => number,
  report: ReportFault,
): CompiledKeys | null {
  const partition = compileKeyTemplate(item.partitionKey, PARTITION_KEY, table, indexOf, report);
  const sort = item.sortKey === null ? null : compileKeyTemplate(item.sortKey, SORT_KEY, table, indexOf, report);
  const { spread: spreading } = item.partitionKey;
  const spread =
    spreading === null
      ? NO_SPREAD
      : collectingFaults(['partitionKey', 'spread'], report, () => compileSpread(spreading, table, indexOf));
  if (spreading !== null && item.partitionKey.type !== 'S') {
    report(
      ['partitionKey', 'spread'],
      'E_MAPPING_INVALID',
      'a spread adds a text suffix, so the partition key must be of type S',
      'remove `spread`, or set `type: S`',
    );
  }
  if (item.sortKey !== null && sort !== null && !refuseUnsortable(item.sortKey, sort, report)) return null;
  if (partition === null || spread === null || (item.sortKey !== null && sort === null)) return null;
  const keys = [
    new KeyAttributeEmitter(item.partitionKey, partition, spread.suffix, PARTITION_KEY),
    ...(item.sortKey === null || sort === null
      ? []
      : [new KeyAttributeEmitter(item.sortKey, sort, NO_SPREAD.suffix, SORT_KEY)]),
  ] as const;
  return {
    templates: {
      label: `item "${item.name}" of table ${table.name}`,
      table,
      partitionKey: partition,
      sortKey: sort,
      spread: spreading !== null,
    },
    spread,
    emitters: keys,
    reader: new KeyReader(keys[0], keys[1] ?? null),
  };
}

function compileKeyTemplate(
  key: KeyMapping,
  limits: KeyLimits,
  table: TableInfo,
  indexOf: (column: string) => number,
  report: ReportFault,
): CompiledTemplate | null {
  const path = [...limits.path, 'template'];
  const template = collectingFaults(path, report, () => {
    const made = compileTemplate(key.template, table, indexOf);
    refuseTooLarge(literalBytes(made), limits.maxBytes, 'the literals', `a ${limits.role}`);
    return made;
  });
  if (template === null) return null;
  const fault = keyTemplateFault(key.type, template);
  if (fault === null) return template;
  report(path, 'E_MAPPING_INVALID', fault.message, fault.hint);
  return null;
}

function keyTemplateFault(type: KeyType, template: CompiledTemplate): { message: string; hint: string } | null {
  const [only, second] = template.parts;
  if (only === undefined)
    return {
      message: 'the template is empty, and DynamoDB does not accept an empty key',
      hint: 'use a column or a literal',
    };
  const single = second === undefined && only.kind === 'expression' ? only.expression : null;
  if (type === 'N' && (single === null || !['integer', 'decimal', 'float'].includes(single.meaning))) {
    return {
      message: 'a key of type N needs exactly one number column',
      hint: 'write "{column}", or set `type: S`',
    };
  }
  if (type === 'B' && single?.meaning !== 'bytes') {
    return {
      message: 'a key of type B needs exactly one binary column',
      hint: 'write "{column}", or set `type: S`',
    };
  }
  const raw = template.parts.find((part) => part.kind === 'expression' && part.expression.meaning === 'bytes');
  if (type === 'S' && raw?.kind === 'expression') {
    const { column } = raw.expression;
    return { message: `column ${column} holds bytes, which a text key cannot hold`, hint: `write {${column}:hex}` };
  }
  return null;
}

function numeric({ meaning }: Expression): boolean {
  return meaning === 'integer' || meaning === 'decimal' || meaning === 'float';
}

/**
 * Enforces "Sort keys must sort as the source does": an unpadded number in a text sorts 10 before 9.
 * @returns false where it refused the template
 */
function refuseUnsortable(key: KeyMapping, template: CompiledTemplate, report: ReportFault): boolean {
  const bad = expressionsOf(template).find(({ sorts, orderLost }) => (key.type === 'S' ? !sorts : orderLost));
  if (bad === undefined) return true;
  const why = bad.orderLost ? 'a YEAR(2) prints 1999 as 99, and 2000 as 00' : bad.unsorted;
  report(
    ['sortKey', 'template'],
    'E_MAPPING_UNSORTABLE',
    `column ${bad.column} would sort differently in a ${key.type === 'S' ? 'text ' : ''}key than in MySQL (${why})`,
    `write ${bad.sortRemedy}${numeric(bad) && !bad.orderLost ? ', or make the sort key one number with `type: N`' : ''}`,
  );
  return false;
}
