/**
 * `RecordedWriter` is an item writer that records in the shard's state what it may leave behind. It records that
 * requests are under way, and the keys of every request whose result is unknown. Verification rests on both.
 *
 * The state gets an ambiguous key before the writer sends that item again. If the state cannot record one, the writer
 * fails, and the run counts as broken off. Verification then waits until none of its requests can land any longer.
 */
import type { Instant } from '../../core/time/age.js';
import type { ItemWriter, WriteReceipt } from '../../core/ports/target-ports.js';
import type { StateStore } from '../../core/ports/state-ports.js';
import type { WriteOperation } from '../../core/item/write-operation.js';

/** Opens the writer that is recorded. @param onSuspects called with the keys of requests that may have been applied */
export type OpenItemWriter = (onSuspects: (keyTexts: readonly string[]) => void) => ItemWriter;

export class RecordedWriter implements ItemWriter {
  readonly #writer: ItemWriter;
  #unrecorded = false;

  /**
   * Notes that requests will be sent, and opens the writer. @throws FerryError E_STATE_*, if the state cannot note it
   */
  constructor(
    private readonly store: StateStore,
    open: OpenItemWriter,
  ) {
    store.lateWrites.begin();
    this.#writer = open((keyTexts) => this.#record(keyTexts));
  }

  waitForRoom(signal: AbortSignal): Promise<void> {
    return this.#writer.waitForRoom(signal);
  }

  /**
   * Writes through the inner writer. @param readAt passed on: beside a live writer, rows that waited too long are not
   * written
   */
  write(operations: readonly WriteOperation[], readAt?: Instant): Promise<WriteReceipt> {
    return this.#writer.write(operations, readAt);
  }

  async close(): Promise<void> {
    await this.#writer.close();
    if (!this.#unrecorded) this.#end();
  }

  #record(keyTexts: readonly string[]): void {
    try {
      this.store.ambiguousWrites.add(keyTexts.map((itemKey) => ({ itemKey, since: this.store.clock.now() })));
    } catch (thrown) {
      this.#unrecorded = true;
      throw thrown;
    }
  }

  /**
   * Notes the end of the run's requests. If the state cannot note it, the run counts as broken off, and verification
   * waits longer than it needs to. This fault must not hide the fault of the run itself.
   */
  #end(): void {
    try {
      this.store.lateWrites.end();
    } catch {
      // The disk is full, and the run itself has most likely found that.
    }
  }
}
