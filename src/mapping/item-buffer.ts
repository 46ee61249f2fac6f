/**
 * Where items are written as they are mapped: their JSON in UTF-8, one behind the other in large buffers, without a string or an
 * object for any attribute. A buffer is freed once the last of its items is acknowledged.
 */
import type { SizeCounter } from './item-size.js';
import { isPlain } from './json-text.js';

const BUFFER_BYTES = 256 * 1024;
/** Up to here, a loop is faster than a call into the runtime. */
const LOOP_BYTES = 48;
/** UTF-8 takes at most three bytes for a UTF-16 unit. */
const MAX_BYTES_PER_UNIT = 3;
/** `\u0000` */
const MAX_ESCAPED_BYTES = 6;

/** Whole numbers below are written digit by digit. */
const LOOP_DIGITS = 1e15;
const ZERO = 0x30;

const BACKSLASH = 0x5c;
const UNICODE_ESCAPE = 0x75;
const OPENING = 0x7b;
const CLOSING = 0x7d;
const HEX = new Uint8Array(Buffer.from('0123456789abcdef'));

/** For each byte of a JSON text: 0 where it stands as it is, else the character behind its backslash. Those of JSON.stringify. */
const ESCAPES = escapes();

function escapes(): Uint8Array {
  const table = new Uint8Array(256).fill(UNICODE_ESCAPE, 0, 0x20);
  for (const [byte, letter] of ['\bb', '\tt', '\nn', '\ff', '\rr', '""', '\\\\'].map((pair) => Buffer.from(pair))) {
    table[byte ?? 0] = letter ?? 0;
  }
  return table;
}

/** A text that stands in every item, ready to be copied. */
export type Literal = Uint8Array;

export function literal(text: string): Literal {
  return new Uint8Array(Buffer.from(text));
}

export class ItemBuffer implements SizeCounter {
  buffer: Buffer = Buffer.allocUnsafeSlow(0);
  /** Where the item under way begins, and where its next byte goes. */
  start = 0;
  at = 0;
  /** Billed size of the item under way. */
  bytes = 0;

  begin(): void {
    this.start = this.at;
    this.bytes = 0;
  }

  /** Ends the item: every attribute came with a comma before it, and the first comma becomes the opening brace. */
  end(): void {
    this.reserve(1);
    this.buffer[this.start] = OPENING;
    this.buffer[this.at] = CLOSING;
    this.at += 1;
  }

  /** Drops the item under way. */
  abandon(): void {
    this.at = this.start;
  }

  /** Makes room for so many bytes more. */
  reserve(bytes: number): void {
    if (this.at + bytes > this.buffer.length) this.#next(bytes);
  }

  /** Goes on in another buffer; the item under way moves there. */
  #next(bytes: number): void {
    const begun = this.at - this.start;
    const next = Buffer.allocUnsafeSlow(Math.max(BUFFER_BYTES, (begun + bytes) * 2));
    this.buffer.copy(next, 0, this.start, this.at);
    this.buffer = next;
    this.start = 0;
    this.at = begun;
  }

  literal(text: Literal): void {
    const { length } = text;
    this.reserve(length);
    const { buffer, at } = this;
    for (let i = 0; i < length; i += 1) buffer[at + i] = text[i] as number;
    this.at = at + length;
  }

  /** Bytes as they are. */
  copy(source: Buffer, from: number, to: number): void {
    this.reserve(to - from);
    if (to - from > LOOP_BYTES) {
      this.at += source.copy(this.buffer, this.at, from, to);
      return;
    }
    const { buffer } = this;
    let at = this.at;
    for (let i = from; i < to; i += 1, at += 1) buffer[at] = source[i] as number;
    this.at = at;
  }

  /** A text of ASCII. */
  ascii(text: string): void {
    const { length } = text;
    this.reserve(length);
    if (length > LOOP_BYTES) {
      this.at += this.buffer.write(text, this.at, 'latin1');
      return;
    }
    const { buffer, at } = this;
    for (let i = 0; i < length; i += 1) buffer[at + i] = text.charCodeAt(i);
    this.at = at + length;
  }

  /** A whole number below 2^53. */
  whole(value: number): void {
    if (value < 0 || value >= LOOP_DIGITS) {
      this.ascii(String(value));
      return;
    }
    let digits = 1;
    for (let power = 10; power <= value; power *= 10) digits += 1;
    this.reserve(digits);
    let rest = value;
    for (let i = this.at + digits - 1; i >= this.at; i -= 1) {
      const shorter = Math.floor(rest / 10);
      this.buffer[i] = ZERO + rest - shorter * 10;
      rest = shorter;
    }
    this.at += digits;
  }

  /** Any text as it stands between the quotes of a JSON string; counts its UTF-8 as billed. */
  quoted(text: string): void {
    if (isPlain(text)) {
      this.ascii(text);
      this.bytes += text.length;
      return;
    }
    const bytes = Buffer.from(text);
    this.escaped(bytes, 0, bytes.length);
    this.bytes += bytes.length;
  }

  /** Any text, as it is. */
  text(text: string): void {
    this.reserve(text.length * MAX_BYTES_PER_UNIT);
    this.at += this.buffer.write(text, this.at, 'utf8');
  }

  /**
   * UTF-8 as it stands between the quotes of a JSON string, with the escapes of JSON.stringify.
   * @returns whether all of it is ASCII; where it is not, the caller must know that it is well-formed
   */
  escaped(source: Buffer, from: number, to: number): boolean {
    this.reserve((to - from) * MAX_ESCAPED_BYTES);
    const { buffer } = this;
    let at = this.at;
    let seen = 0;
    for (let i = from; i < to; i += 1) {
      const byte = source[i] as number;
      seen |= byte;
      const escape = ESCAPES[byte] as number;
      if (escape === 0) {
        buffer[at] = byte;
        at += 1;
        continue;
      }
      buffer[at] = BACKSLASH;
      buffer[at + 1] = escape;
      at += 2;
      if (escape !== UNICODE_ESCAPE) continue;
      buffer[at] = buffer[at + 1] = HEX[0] as number;
      buffer[at + 2] = HEX[byte >> 4] as number;
      buffer[at + 3] = HEX[byte & 15] as number;
      at += 4;
    }
    this.at = at;
    return seen < 0x80;
  }
}
