/**
 * BatchGetAnswers reads the answers of BatchGetItem, and compares each item with the requested one. If an item has the
 * bytes of the mapped one, in any order of attributes, it is the same without parsing. Every other item is parsed,
 * brought into canonical form and compared.
 */
import { readUnits } from '../../core/capacity/capacity-units.js';
import { foundAs, SAME, type FoundItem } from '../../core/item/found-item.js';
import { listIn, objectIn, ofTable, orUnreadable, UnreadableAnswer, unitsInList } from '../http/answer-shape.js';
import type { RequestedItems } from './requested-items.js';
import { AttributeSlices } from './attribute-slices.js';
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
import { keyTextOf, type ItemAttributes, type KeyNames } from '../key-text.js';

export interface BatchGetAnswer {
  readonly items: readonly AnsweredItem[];
  /** Indexes among the requested items. */
  readonly unprocessed: readonly number[];
  /** Read units; null: the service reports none. */
  readonly units: number | null;
}

export interface AnsweredItem {
  /** Index among the requested items. */
  readonly place: number;
  readonly found: FoundItem;
  /**
   * Read units by the item's size. They are somewhat too many for an item that differs, as its exact size is unknown.
   */
  readonly units: number;
}

interface ParsedAnswer {
  readonly items: readonly unknown[];
  readonly unprocessed: readonly unknown[];
  readonly units: number | null;
}

const RESPONSES = Buffer.from('"Responses"');

export class BatchGetAnswers {
  readonly #slices: AttributeSlices;

  /** @param canonicalText makes the canonical text of an item as the service answered it (DynamoDB JSON, parsed) */
  constructor(
    private readonly table: string,
    private readonly names: KeyNames,
    private readonly canonicalText: (attributes: ItemAttributes) => string,
  ) {
    this.#slices = new AttributeSlices(names);
  }

  /**
   * Reads one answer. If it does not name a requested key, that key has no item.
   * @param request its number, from `RequestedItems.ask`
   * @throws UnreadableAnswer if it is not an answer to that request, names a key that was not requested, or names one
   *   twice
   */
  read(bytes: Buffer, requested: RequestedItems, request: number): BatchGetAnswer {
    return orUnreadable(() => {
      const list = listOfItems(bytes);
      const answer =
        (list === -1 ? null : this.#readList(bytes, list, requested)) ?? this.#readParsed(bytes, requested);
      for (const { place } of answer.items) if (!requested.answer(place, request)) throw new UnreadableAnswer();
      for (const place of answer.unprocessed) if (!requested.answer(place, request)) throw new UnreadableAnswer();
      return answer;
    });
  }

  /**
   * Reads item by item, without parsing the whole.
   * @param list the index of the first item
   * @returns null if the answer does not have the usual shape
   */
  #readList(bytes: Buffer, list: number, requested: RequestedItems): BatchGetAnswer | null {
    const same: AnsweredItem[] = [];
    const others: unknown[] = [];
    let at = list;
    while (bytes[at] !== CLOSING_BRACKET || at > list) {
      const end = this.#slices.cut(bytes, at);
      if (end === -1) return null;
      const found = this.#same(requested);
      if (found === null) others.push(JSON.parse(bytes.toString('utf8', at, end)));
      else same.push(found);
      at = end;
      if (bytes[at] === CLOSING_BRACKET) break;
      if (bytes[at] !== COMMA) return null;
      at += 1;
    }
    // The rest of the answer has to be sound too before any item counts.
    const rest = this.#parse(bytes.toString('utf8', 0, list) + bytes.toString('utf8', at));
    if (rest.items.length > 0) return null;
    return {
      items: [...same, ...others.map((item) => this.#parsed(item, requested))],
      ...this.#aside(rest, requested),
    };
  }

  #readParsed(bytes: Buffer, requested: RequestedItems): BatchGetAnswer {
    const answer = this.#parse(bytes.toString('utf8'));
    return { items: answer.items.map((item) => this.#parsed(item, requested)), ...this.#aside(answer, requested) };
  }

  #aside({ unprocessed, units }: ParsedAnswer, requested: RequestedItems): Omit<BatchGetAnswer, 'items'> {
    return { unprocessed: unprocessed.map((key) => this.#placeOf(objectIn(key), requested)), units };
  }

  /** DynamoDB JSON holds its numbers as strings, so parsing rounds nothing. */
  #parse(json: string): ParsedAnswer {
    const raw = objectIn(JSON.parse(json));
    const items = ofTable(raw['Responses'], this.table);
    const unprocessed = ofTable(raw['UnprocessedKeys'], this.table);
    return {
      items: items === undefined ? [] : listIn(items, 0),
      unprocessed: unprocessed === undefined ? [] : listIn(objectIn(unprocessed)['Keys']),
      units: unitsInList(raw['ConsumedCapacity'], this.table),
    };
  }

  #same(requested: RequestedItems): AnsweredItem | null {
    const keyText = this.#slices.keyText();
    const place = keyText === null ? undefined : requested.placeOf(keyText);
    if (place === undefined) return null;
    const item = requested.at(place);
    return this.#slices.areOf(item) ? { place, found: SAME, units: readUnits(item.bytes) } : null;
  }

  #parsed(item: unknown, requested: RequestedItems): AnsweredItem {
    const attributes = objectIn(item);
    const text = this.canonicalText(attributes);
    const place = this.#placeOf(attributes, requested);
    return { place, found: foundAs(text, requested.at(place)), units: readUnits(text.length) };
  }

  /** @throws UnreadableAnswer for a key that was not requested */
  #placeOf(attributes: ItemAttributes, requested: RequestedItems): number {
    const text = keyTextOf(attributes, this.names);
    const place = text === null ? undefined : requested.placeOf(text);
    if (place === undefined) throw new UnreadableAnswer();
    return place;
  }
}

/**
 * Returns the index of the first item in `{...,"Responses":{"table":[`, or of the bracket that closes an empty list; -1
 * if there is no such list.
 */
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
