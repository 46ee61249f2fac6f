/**
 * Item keys: the partition key with its spread, the sort key, their limits (AWS: 1 to 2,048 and 1 to 1,024 bytes), and the
 * rule that a sort key sorts as the source does.
 */
import type { ItemMapping, KeyMapping, KeyType } from '../config/model.js';
import type { TableInfo } from '../core/model.js';
import type { AttributeEmitter, EncodedKey, ItemKey } from './attribute-emitter.js';
import { numberValue, stringValue } from './attribute-value.js';
import { BadValue } from './bad-value.js';
import { compileTemplate, type CompiledTemplate } from './compiled-template.js';
import { MAX_PARTITION_KEY_BYTES, MAX_SORT_KEY_BYTES, textBytes, type SizeCounter } from './item-size.js';
import { literal } from './item-buffer.js';
import { quoteJson } from './json-text.js';
import { guarded, type ReportFault } from './mapping-faults.js';
import type { KeyTemplates } from './key-uniqueness.js';
import { normalizeNumber } from './numbers.js';
import type { RowView } from './row-view.js';
import { compileSpread, type CompiledSpread } from './spread.js';

export interface CompiledKeys {
  readonly templates: KeyTemplates;
  readonly spread: CompiledSpread;
  /** @throws BadValue for empty and for too long keys */
  readonly evaluate: (row: RowView) => ItemKey;
  readonly emitters: readonly AttributeEmitter[];
}

const COMMA = literal(',');
const NO_SPREAD: CompiledSpread = { suffix: () => '', shardsOf: () => ({ shards: 1, overridden: false }) };

/** null where a fault was reported. */
export function compileKeys(
  item: ItemMapping,
  table: TableInfo,
  indexOf: (column: string) => number,
  report: ReportFault,
): CompiledKeys | null {
  const partition = compileKeyTemplate(item.partitionKey, ['partitionKey', 'template'], table, indexOf, report);
  const sort =
    item.sortKey === null ? null : compileKeyTemplate(item.sortKey, ['sortKey', 'template'], table, indexOf, report);
  const { spread: spreading } = item.partitionKey;
  const spread =
    spreading === null
      ? NO_SPREAD
      : guarded(['partitionKey', 'spread'], report, () => compileSpread(spreading, table, indexOf));
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
  const partitionEncoder = keyEncoder(item.partitionKey, 'partition key', MAX_PARTITION_KEY_BYTES);
  const sortEncoder = item.sortKey === null ? null : keyEncoder(item.sortKey, 'sort key', MAX_SORT_KEY_BYTES);
  return {
    templates: {
      label: `item "${item.name}" of table ${table.name}`,
      table,
      partitionKey: partition,
      sortKey: sort,
      spread: spreading !== null,
    },
    spread,
    evaluate(row) {
      const partitionKey = partitionEncoder(partition.evaluate(row) + spread.suffix(row));
      const sortKey = sort === null || sortEncoder === null ? null : sortEncoder(sort.evaluate(row));
      const fragments = sortKey === null ? [partitionKey.fragment] : [partitionKey.fragment, ',', sortKey.fragment];
      // Joined for the same reason as the item's text, see compile.ts.
      return { keyText: ['{', ...fragments, '}'].join(''), partition: partitionKey, sort: sortKey };
    },
    emitters: [
      keyEmitter(item.partitionKey.name, 'partition key', (key) => key.partition),
      ...(item.sortKey === null ? [] : [keyEmitter(item.sortKey.name, 'sort key', (key) => key.sort)]),
    ],
  };
}

function keyEmitter(
  name: string,
  role: 'partition key' | 'sort key',
  part: (key: ItemKey) => EncodedKey | null,
): AttributeEmitter {
  return {
    name,
    origin: { from: role, path: [role === 'partition key' ? 'partitionKey' : 'sortKey'] },
    emit(_row, out, key) {
      const encoded = part(key);
      if (encoded === null) return;
      out.bytes += encoded.bytes;
      out.literal(COMMA);
      out.text(encoded.fragment);
    },
  };
}

function compileKeyTemplate(
  key: KeyMapping,
  path: readonly (string | number)[],
  table: TableInfo,
  indexOf: (column: string) => number,
  report: ReportFault,
): CompiledTemplate | null {
  const template = guarded(path, report, () => compileTemplate(key.template, table, indexOf));
  if (template === null) return null;
  const fault = keyTemplateFault(key.type, template);
  if (fault === null) return template;
  report(path, 'E_MAPPING_INVALID', fault.message, fault.hint);
  return null;
}

function keyTemplateFault(type: KeyType, template: CompiledTemplate): { message: string; hint: string } | null {
  const [only, second] = template.parts;
  if (only === undefined)
    return { message: 'the template is empty, and DynamoDB takes no empty key', hint: 'name a column, or a literal' };
  const single = second === undefined && only.kind === 'expression' ? only.expression : null;
  if (type === 'N' && (single === null || !['integer', 'decimal', 'float'].includes(single.meaning))) {
    return {
      message: 'a key of type N takes one number column and nothing else',
      hint: 'write "{column}", or set `type: S`',
    };
  }
  if (type === 'B' && single?.meaning !== 'bytes') {
    return {
      message: 'a key of type B takes one binary column and nothing else',
      hint: 'write "{column}", or set `type: S`',
    };
  }
  const raw = template.parts.find((part) => part.kind === 'expression' && part.expression.meaning === 'bytes');
  if (type === 'S' && raw?.kind === 'expression') {
    const { column } = raw.expression;
    return { message: `column ${column} holds bytes, which a text key cannot`, hint: `write {${column}:hex}` };
  }
  return null;
}

/** "Sort keys must sort as the source does": an unpadded number in a text sorts 10 before 9. @returns false where refused */
function refuseUnsortable(key: KeyMapping, template: CompiledTemplate, report: ReportFault): boolean {
  if (key.type !== 'S') return true;
  const bad = template.parts.find((part) => part.kind === 'expression' && !part.expression.sorts);
  if (bad?.kind !== 'expression') return true;
  report(
    ['sortKey', 'template'],
    'E_MAPPING_UNSORTABLE',
    `column ${bad.expression.column} would not sort in a text key as it does in MySQL (10 before 9)`,
    `write ${bad.expression.sortRemedy}, or make the sort key one number with \`type: N\``,
  );
  return false;
}

function keyEncoder(key: KeyMapping, role: string, maxBytes: number): (text: string) => EncodedKey {
  const prefix = `${quoteJson(key.name)}:`;
  const nameBytes = textBytes(key.name);
  const encode = KEY_ENCODERS[key.type];
  const empty = new BadValue(
    null,
    `an empty ${role}, which DynamoDB does not take`,
    'leave such rows out with `where`, or add a literal to the template',
  );
  return (text) => {
    if (text === '') throw empty;
    const size = { bytes: 0 };
    const value = encode(text, size);
    if (size.bytes > maxBytes) {
      throw new BadValue(
        null,
        `a ${role} of more than DynamoDB's ${maxBytes} bytes`,
        'take shorter columns into the template',
        `a ${role} of ${size.bytes} bytes`,
      );
    }
    return { fragment: prefix + value, value, bytes: nameBytes + size.bytes };
  };
}

/** Text of a template to a key value; binary comes as latin1 text, one character a byte. */
const KEY_ENCODERS: Readonly<Record<KeyType, (text: string, size: SizeCounter) => string>> = {
  S: stringValue,
  N: (text, size) => numberValue(plainNumber(text), size),
  B: (text, size) => {
    size.bytes += text.length;
    return `{"B":"${Buffer.from(text, 'latin1').toString('base64')}"}`;
  },
};

function plainNumber(text: string): string {
  const normalized = normalizeNumber(text);
  if ('fault' in normalized)
    throw new BadValue(null, `a number key with ${normalized.fault}`, 'set `type: S` and use {column:sortable}');
  return normalized.text;
}
