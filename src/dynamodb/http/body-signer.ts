/**
 * BodySigner signs requests that differ only in their bodies, such as those of one second. It does the rest of aws4's
 * work once. Each text that aws4 builds ends with a SHA-256 in hex, which changes with the body.
 */
import { hash } from 'node:crypto';
import aws4 from 'aws4';

/** Hexadecimal digits of a SHA-256. */
const HASH_DIGITS = 64;

export class BodySigner extends aws4.RequestSigner {
  #bodyHash = '';
  #canonicalHead: string | null = null;
  #toSignHead: string | null = null;
  #authorizationHead: string | null = null;

  /** @returns the Authorization header of the request with that body */
  authorize(body: Buffer): string {
    this.#bodyHash = hash('sha256', body, 'hex');
    return this.authHeader();
  }

  override canonicalString(): string {
    this.#canonicalHead ??= super.canonicalString().slice(0, -HASH_DIGITS);
    return this.#canonicalHead + this.#bodyHash;
  }

  override stringToSign(): string {
    this.#toSignHead ??= super.stringToSign().slice(0, -HASH_DIGITS);
    return this.#toSignHead + hash('sha256', this.canonicalString(), 'hex');
  }

  override authHeader(): string {
    this.#authorizationHead ??= super.authHeader().slice(0, -HASH_DIGITS);
    return this.#authorizationHead + this.signature();
  }
}
