/**
 * AttributeSlices cuts an item, as the service answered it, into its attributes `"name":{...}`, as bytes. It recognises
 * the mapped item without parsing: its attributes, in some order, are the canonical text byte for byte. An item that
 * differs in bytes may still be equal. It may spell a number or an escape in another way, or order a map or a set in
 * another way.
 */
import type { MappedItem } from '../../core/model.js';
import { CLOSING_BRACE, COLON, COMMA, endOfNested, endOfString, OPENING_BRACE, QUOTE } from './json-scan.js';
import type { KeyNames } from '../key-text.js';

/** Attributes that the arrays first have room for. They double when an item has more. */
const FIRST_ATTRIBUTES = 64;
/** Up to this many bytes, a loop is faster than a call into the runtime. */
const LOOP_BYTES = 64;

export class AttributeSlices {
  #count = 0;
  #bytes: Buffer = NO_BYTES;
  #starts = new Int32Array(FIRST_ATTRIBUTES);
  #ends = new Int32Array(FIRST_ATTRIBUTES);
  /** Which attribute stood at each place of the canonical text in the last item, as services keep their order. */
  #order = new Int32Array(FIRST_ATTRIBUTES);
  readonly #partitionName: Buffer;
  readonly #sortName: Buffer | null;

  constructor(names: KeyNames) {
    this.#partitionName = Buffer.from(`${JSON.stringify(names.partitionKey)}:`);
    this.#sortName = names.sortKey === null ? null : Buffer.from(`${JSON.stringify(names.sortKey)}:`);
  }

  /**
   * Cuts another item, which replaces the last one.
   * @param from the index of its opening brace
   * @returns the index behind its closing brace; -1 if it is not `{"name":{...},...}` without white space between
   *   attributes
   */
  cut(bytes: Buffer, from: number): number {
    this.#bytes = bytes;
    this.#count = 0;
    if (bytes[from] !== OPENING_BRACE) return -1;
    for (let at = from + 1; ;) {
      if (bytes[at] !== QUOTE) return -1;
      const name = endOfString(bytes, at);
      if (name === -1 || bytes[name] !== COLON || bytes[name + 1] !== OPENING_BRACE) return -1;
      const end = endOfNested(bytes, name + 1);
      if (end === -1) return -1;
      this.#add(at, end);
      if (bytes[end] === CLOSING_BRACE) return end + 1;
      if (bytes[end] !== COMMA) return -1;
      at = end + 1;
    }
  }

  /**
   * Returns the item's key as the service spells it; null if the item lacks one. It equals `MappedItem.keyText` if both
   * spell it the same.
   */
  keyText(): string | null {
    const partition = this.#textOf(this.#partitionName);
    if (partition === null || this.#sortName === null) return partition === null ? null : `{${partition}}`;
    const sort = this.#textOf(this.#sortName);
    return sort === null ? null : `{${partition},${sort}}`;
  }

  /** Returns whether the attributes are the canonical text of that item, except for their order. */
  areOf({ buffer, start, end }: MappedItem): boolean {
    let at = start + 1;
    // A canonical text has each name once, so no attribute can match at two places.
    for (let place = 0; place < this.#count; place += 1) {
      const found = this.#attributeAt(buffer, at, end, this.#order[place] as number);
      if (found === -1) return false;
      this.#order[place] = found;
      at += (this.#ends[found] as number) - (this.#starts[found] as number);
      // If both sides end together, each attribute of one has its match in the other.
      if (buffer[at] !== (place + 1 < this.#count ? COMMA : CLOSING_BRACE)) return false;
      at += 1;
    }
    return true;
  }

  /**
   * @param guess the attribute to try first
   * @returns the attribute at that place; -1: none matches
   */
  #attributeAt(buffer: Buffer, at: number, end: number, guess: number): number {
    if (guess < this.#count && this.#standsAt(guess, buffer, at, end)) return guess;
    for (let i = 0; i < this.#count; i += 1) if (this.#standsAt(i, buffer, at, end)) return i;
    return -1;
  }

  #standsAt(attribute: number, buffer: Buffer, at: number, end: number): boolean {
    const [from, to] = [this.#starts[attribute] as number, this.#ends[attribute] as number];
    return at + (to - from) < end && sameBytes(this.#bytes, from, to, buffer, at);
  }

  #textOf(name: Buffer): string | null {
    for (let i = 0; i < this.#count; i += 1) {
      const [from, to] = [this.#starts[i] as number, this.#ends[i] as number];
      if (from + name.length < to && sameBytes(name, 0, name.length, this.#bytes, from))
        return this.#bytes.toString('utf8', from, to);
    }
    return null;
  }

  #add(start: number, end: number): void {
    if (this.#count === this.#starts.length) {
      this.#starts = doubled(this.#starts);
      this.#ends = doubled(this.#ends);
      this.#order = doubled(this.#order);
    }
    this.#starts[this.#count] = start;
    this.#ends[this.#count] = end;
    this.#count += 1;
  }
}

const NO_BYTES = Buffer.alloc(0);

function doubled(places: Int32Array): Int32Array<ArrayBuffer> {
  const larger = new Int32Array(places.length * 2);
  larger.set(places);
  return larger;
}

function sameBytes(a: Buffer, from: number, to: number, b: Buffer, at: number): boolean {
  const loopTo = Math.min(to, from + LOOP_BYTES);
  for (let i = from, j = at; i < loopTo; i += 1, j += 1) if (a[i] !== b[j]) return false;
  return loopTo === to || a.compare(b, at + LOOP_BYTES, at + to - from, loopTo, to) === 0;
}
