/**
 * BatchGetItem on the wire: the answer's items, each beside the one that was asked for. An item that is byte for byte what a row maps to,
 * but for the order of its attributes, is known as such without parsing; every other one is parsed, brought into canonical form
 * and compared so.
 */
import { readUnits } from '../core/capacity-units.js';
import { heldAs, SAME, type HeldItem } from '../core/held-item.js';
import type { AskedItems } from './asked-items.js';
import { AttributeSlices } from './attribute-slices.js';
import { consumedUnits, type ConsumedCapacity } from './batch-write.js';
import {
  CLOSING_BRACKET,
  COLON,
  COMMA,
  endOfNested,
  endOfString,
  OPENING_BRACE,
  OPENING_BRACKET,
  QUOTE,
} from './json-scan.js';
import { keyTextOf, type ItemAttributes, type KeyNames } from './key-text.js';

export interface BatchGetAnswer {
  readonly items: readonly AnsweredItem[];
  /** Key texts. */
  readonly unprocessed: readonly string[];
  /** Read units; null where the service does not say. */
  readonly units: number | null;
}

export interface AnsweredItem {
  /** Among the items asked for; undefined where nobody asked for it. */
  readonly place: number | undefined;
  readonly held: HeldItem;
  /** Read units by its size, somewhat too many where it is not the same: for want of better. */
  readonly units: number;
}

interface RawAnswer {
  readonly Responses?: Readonly<Record<string, readonly ItemAttributes[]>>;
  readonly UnprocessedKeys?: Readonly<Record<string, { readonly Keys?: readonly ItemAttributes[] }>>;
  readonly ConsumedCapacity?: readonly ConsumedCapacity[];
}

interface ParsedAnswer {
  readonly items: readonly ItemAttributes[];
  readonly unprocessed: readonly ItemAttributes[];
  readonly units: number | null;
}

/** An answer that is no JSON, or an item or a key in it that has not the whole item key. */
export class UnreadableAnswer extends Error {}

const RESPONSES = Buffer.from('"Responses"');

export class BatchGetAnswers {
  readonly #slices: AttributeSlices;

  /** @param canonicalText of an item as the service answered it (DynamoDB JSON, parsed) */
  constructor(
    private readonly names: KeyNames,
    private readonly canonicalText: (attributes: ItemAttributes) => string,
  ) {
    this.#slices = new AttributeSlices(names);
  }

  /** @throws UnreadableAnswer */
  read(bytes: Buffer, asked: AskedItems): BatchGetAnswer {
    const list = listOfItems(bytes);
    return (list === -1 ? null : this.#readList(bytes, list, asked)) ?? this.#readParsed(bytes, asked);
  }

  /**
   * Item by item, without parsing the whole.
   * @param list of the first item
   * @returns null where the answer is of another shape than all are
   */
  #readList(bytes: Buffer, list: number, asked: AskedItems): BatchGetAnswer | null {
    const same: AnsweredItem[] = [];
    const others: ItemAttributes[] = [];
    let at = list;
    while (bytes[at] !== CLOSING_BRACKET || at > list) {
      const end = this.#slices.cut(bytes, at);
      if (end === -1) return null;
      const found = this.#same(asked);
      if (found === null) others.push(parseItem(bytes.toString('utf8', at, end)));
      else same.push(found);
      at = end;
      if (bytes[at] === CLOSING_BRACKET) break;
      if (bytes[at] !== COMMA) return null;
      at += 1;
    }
    // Whatever is around the items has to be sound as well, before any of them counts.
    const rest = parseAnswer(bytes.toString('utf8', 0, list) + bytes.toString('utf8', at));
    if (rest.items.length > 0) return null;
    return { items: [...same, ...others.map((item) => this.#parsed(item, asked))], ...this.#aside(rest) };
  }

  #readParsed(bytes: Buffer, asked: AskedItems): BatchGetAnswer {
    const answer = parseAnswer(bytes.toString('utf8'));
    return { items: answer.items.map((item) => this.#parsed(item, asked)), ...this.#aside(answer) };
  }

  #aside({ unprocessed, units }: ParsedAnswer): Omit<BatchGetAnswer, 'items'> {
    return { unprocessed: unprocessed.map((key) => this.#keyText(key)), units };
  }

  #same(asked: AskedItems): AnsweredItem | null {
    const keyText = this.#slices.keyText();
    const place = keyText === null ? undefined : asked.placeOf(keyText);
    if (place === undefined) return null;
    const item = asked.at(place);
    return this.#slices.areOf(item) ? { place, held: SAME, units: readUnits(item.bytes) } : null;
  }

  #parsed(attributes: ItemAttributes, asked: AskedItems): AnsweredItem {
    const text = this.canonicalText(attributes);
    const place = asked.placeOf(this.#keyText(attributes));
    const held = place === undefined ? text : heldAs(text, asked.at(place));
    return { place, held, units: readUnits(text.length) };
  }

  #keyText(attributes: ItemAttributes): string {
    const text = keyTextOf(attributes, this.names);
    if (text === null) throw new UnreadableAnswer('answer without item keys');
    return text;
  }
}

/** Of the first item in `{...,"Responses":{"table":[`, or of the bracket that closes an empty list; -1 where there is no such list. */
function listOfItems(bytes: Buffer): number {
  if (bytes[0] !== OPENING_BRACE) return -1;
  for (let at = 1; bytes[at] === QUOTE;) {
    const name = endOfString(bytes, at);
    if (name === -1 || bytes[name] !== COLON) return -1;
    const value = name + 1;
    if (bytes.compare(RESPONSES, 0, RESPONSES.length, at, name) === 0) return listOfTable(bytes, value);
    if (bytes[value] !== OPENING_BRACE && bytes[value] !== OPENING_BRACKET) return -1;
    const end = endOfNested(bytes, value);
    if (end === -1 || bytes[end] !== COMMA) return -1;
    at = end + 1;
  }
  return -1;
}

function listOfTable(bytes: Buffer, at: number): number {
  if (bytes[at] !== OPENING_BRACE || bytes[at + 1] !== QUOTE) return -1;
  const name = endOfString(bytes, at + 1);
  return name !== -1 && bytes[name] === COLON && bytes[name + 1] === OPENING_BRACKET ? name + 2 : -1;
}

/** DynamoDB JSON holds its numbers as strings, so parsing rounds none. */
function parseAnswer(json: string): ParsedAnswer {
  return orUnreadable(() => {
    const raw = JSON.parse(json) as RawAnswer;
    return {
      items: Object.values(raw.Responses ?? {}).flat(),
      unprocessed: Object.values(raw.UnprocessedKeys ?? {}).flatMap((part) => part.Keys ?? []),
      units: consumedUnits(raw.ConsumedCapacity),
    };
  });
}

function parseItem(json: string): ItemAttributes {
  return orUnreadable(() => JSON.parse(json) as ItemAttributes);
}

function orUnreadable<T>(parse: () => T): T {
  try {
    return parse();
  } catch {
    throw new UnreadableAnswer('unreadable answer');
  }
}
