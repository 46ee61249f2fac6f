/**
 * The key register says which row owns which item key. It exists only where the schema does not prove that keys are
 * unique. A second register says which shard has which value of a sharding column. All shards share them.
 */
import type { Cursor } from '../model.js';

/** The rows of one table of one shard. */
export interface KeyOwner {
  readonly shard: string;
  readonly table: string;
}

export interface KeyClaim {
  /** An item key as canonical JSON, or a name of a sharding value. The register keeps only its hash. */
  readonly claim: string;
  readonly cursor: Cursor;
}

/** A claim that another row holds. */
export interface KeyConflict extends KeyOwner {
  /** Index into the given claims. */
  readonly index: number;
  /** Cursor of the row that holds the claim. */
  readonly cursor: Cursor;
}

export interface KeyTransfer {
  readonly claim: string;
  readonly from: Cursor;
  readonly to: Cursor;
}

/**
 * `claim` and `transfer` return promises, since a fleet of machines will answer them from a shared table. They reject,
 * and never throw. After a rejection the claims may or may not be made. After `close`, every method except `close`
 * throws E_INTERNAL.
 */
export interface KeyRegister {
  /**
   * Claims keys for rows, all in one step. A row may claim a key that it already holds, also after a rejection.
   * @returns the claims that another row holds
   * @throws FerryError E_STATE_LOCKED when another process keeps the register for longer than a moment: try again;
   * E_STATE_IO, E_STATE_CORRUPT, E_INTERNAL
   */
  claim(owner: KeyOwner, claims: readonly KeyClaim[]): Promise<readonly KeyConflict[]>;
  /**
   * Passes a key on from one row of a table to another. A row's cursor changes when its scan key does.
   * @returns false, and passes nothing on, when `from` does not hold the key (any longer)
   * @throws as `claim`
   */
  transfer(owner: KeyOwner, transfer: KeyTransfer): Promise<boolean>;
  /**
   * Returns the id of a process that keeps others from claiming now; null: there is no such process, or it is not
   * found. It throws nothing.
   */
  holder(): number | null;
  /** Frees the register. A second close does nothing. @throws FerryError E_STATE_IO */
  close(): void;
}
