/**
 * A key attribute is written like any other attribute, but within the limits of keys. AWS: a partition key has 1 to
 * 2,048 bytes, a sort key 1 to 1,024. It remembers where its value is in the item, since writers and reports need the
 * key alone.
 */
import type { Path } from '../../core/text/config-path.js';
import type { KeyMapping, KeyType } from '../../config/model.js';
import type { AttributeEmitter, AttributeOrigin } from '../attribute-emitter.js';
import { BadValue } from '../value/bad-value.js';
import type { CompiledTemplate } from '../template/compiled-template.js';
import type { ItemBuffer } from '../item/item-buffer.js';
import { literal, type Literal } from '../item/literal.js';
import { textBytes } from '../value/item-size.js';
import { quoteJson } from '../value/json-text.js';
import { numberBytes } from '../value/numbers.js';
import type { RowView } from '../row-view.js';

export interface KeyLimits {
  readonly role: 'partition key' | 'sort key';
  /** Path of the key's rule. */
  readonly path: Path;
  readonly maxBytes: number;
}

const VALUE_END = literal('"}');

export class KeyAttributeEmitter implements AttributeEmitter {
  readonly name: string;
  readonly type: KeyType;
  readonly origin: AttributeOrigin;
  /** `"pk":{"S":"` */
  readonly openingText: string;
  readonly #opening: Literal;
  /** Offset of its value in the current item, from the item's start. */
  from = 0;
  to = 0;
  readonly #comma = literal(',');
  readonly #nameBytes: number;
  readonly #write: (row: RowView, out: ItemBuffer) => void;
  readonly #limits: KeyLimits;

  /** @param suffix of the spread, '' for none */
  constructor(key: KeyMapping, template: CompiledTemplate, suffix: (row: RowView) => string, limits: KeyLimits) {
    this.name = key.name;
    this.type = key.type;
    this.origin = { from: limits.role, path: limits.path };
    this.openingText = `${quoteJson(key.name)}:{"${key.type}":"`;
    this.#opening = literal(this.openingText);
    this.#nameBytes = textBytes(key.name);
    this.#write = writerOf(key.type, template, suffix);
    this.#limits = limits;
  }

  /** Writes the key. @throws BadValue for empty and for too long keys */
  emit(row: RowView, out: ItemBuffer): void {
    out.literal(this.#comma);
    out.literal(this.#opening);
    this.from = out.at - out.start;
    const billed = out.bytes;
    this.#write(row, out);
    this.to = out.at - out.start;
    this.#judge(out.bytes - billed);
    out.literal(VALUE_END);
    out.bytes += this.#nameBytes;
  }

  #judge(bytes: number): void {
    const { role, maxBytes } = this.#limits;
    if (bytes > maxBytes) {
      throw new BadValue(
        null,
        `a ${role} of more than the ${maxBytes} bytes of DynamoDB`,
        'use shorter columns in the template',
        `a ${role} of ${bytes} bytes`,
      );
    }
    if (bytes > 0) return;
    throw new BadValue(
      null,
      `an empty ${role}, which DynamoDB does not accept`,
      'exclude such rows with `where`, or add a literal to the template',
    );
  }
}

function writerOf(
  type: KeyType,
  template: CompiledTemplate,
  suffix: (row: RowView) => string,
): (row: RowView, out: ItemBuffer) => void {
  switch (type) {
    case 'S':
      return (row, out) => {
        template.write(row, out);
        out.quoted(suffix(row));
      };
    case 'N':
      return (row, out) => {
        const begun = out.at - out.start;
        // A number key is a number column and nothing else, so its text is normalised.
        out.ascii(template.evaluate(row));
        out.bytes += numberBytes(out.buffer, out.start + begun, out.at);
      };
    case 'B':
      return (row, out) => {
        // Binary values are latin1 text, one character a byte.
        const bytes = Buffer.from(template.evaluate(row), 'latin1');
        out.ascii(bytes.toString('base64'));
        out.bytes += bytes.length;
      };
  }
}
