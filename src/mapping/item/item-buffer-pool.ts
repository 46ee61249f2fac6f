/** An item buffer pool keeps the buffers of items that are done for the items that follow. */

/** Bytes of each buffer, unless one item needs more. */
export const BUFFER_BYTES = 256 * 1024;
const KEPT_BUFFERS = 64;

/** Holds buffers of acknowledged items for reuse by later ones: 16 MB at most. */
export class ItemBufferPool {
  readonly #free: Buffer[] = [];

  take(): Buffer {
    return this.#free.pop() ?? Buffer.allocUnsafeSlow(BUFFER_BYTES);
  }

  give(buffer: Buffer): void {
    if (buffer.length === BUFFER_BYTES && this.#free.length < KEPT_BUFFERS) this.#free.push(buffer);
  }
}
