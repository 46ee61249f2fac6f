/**
 * Computes digests of items and their sums. A digest is the first 128 bits of SHA-256 over an item's canonical text. A
 * sum of digests mod 2^128 compares two sets of items in any order. CRC and XOR are not enough: pairs of faults cancel
 * out in them.
 */
import { hash } from 'node:crypto';

const LIMB = 0x1_0000_0000;

export class DigestSum {
  // Four 32-bit limbs, most significant first: adding plain numbers is ten times cheaper than adding BigInt.
  #a = 0;
  #b = 0;
  #c = 0;
  #d = 0;

  /** Adds an item. @param text as a string, or as UTF-8 */
  add(text: string | Buffer): void {
    // `binary` gives a string of one character a byte, at half the cost of a Buffer.
    const digest = hash('sha256', text, 'binary');
    const d = this.#d + limbAt(digest, 12);
    this.#d = d % LIMB;
    const c = this.#c + limbAt(digest, 8) + (d >= LIMB ? 1 : 0);
    this.#c = c % LIMB;
    const b = this.#b + limbAt(digest, 4) + (c >= LIMB ? 1 : 0);
    this.#b = b % LIMB;
    this.#a = (this.#a + limbAt(digest, 0) + (b >= LIMB ? 1 : 0)) % LIMB;
  }

  /** Returns 32 hex digits. */
  toString(): string {
    return [this.#a, this.#b, this.#c, this.#d].map((limb) => limb.toString(16).padStart(8, '0')).join('');
  }
}

/** Returns four bytes, big endian, as an unsigned number. */
function limbAt(bytes: string, at: number): number {
  const high = (bytes.charCodeAt(at) << 8) | bytes.charCodeAt(at + 1);
  return high * 0x1_0000 + ((bytes.charCodeAt(at + 2) << 8) | bytes.charCodeAt(at + 3));
}

/**
 * Returns `hash(value) mod n` of spreads and templates: the first 6 bytes of SHA-256 over the UTF-8 text, big endian,
 * mod n. Readers compute it too.
 */
export function hashModulo(text: string, modulus: number): number {
  return hash('sha256', text, 'buffer').readUIntBE(0, 6) % modulus;
}
