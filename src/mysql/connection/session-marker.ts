/**
 * The session marker proves that a row comes from the session that was set up. A pooler in between (ProxySQL, MaxScale,
 * RDS Proxy) may run a statement in another session, with other settings. So the session has a marker in a user
 * variable, which no other session has and which no reset preserves. Each row starts with the marker plus the
 * connection's id: one number, without a round trip.
 *
 * A reset (COM_RESET_CONNECTION, COM_CHANGE_USER) makes it NULL. Another session of the same pool has another marker. A
 * pooler that repeats the same SETs on another server (MaxScale) gets another connection's id. ProxySQL and RDS Proxy
 * keep a client on one session from its first user variable on; so there the marker itself has that effect.
 *
 * Every SELECT of a table's rows, of keys and of information_schema has the marker. SHOW and EXPLAIN cannot have it;
 * they give only estimates, gauges and facts for reports. dynaferry takes the position in the binary log between two
 * checks of the marker. It checks each row, since a sharding proxy may answer one statement from several servers.
 */
import { randomInt } from 'node:crypto';
import { FerryError } from '../../core/errors.js';
import type { Cell } from '../../core/model.js';

const VARIABLE = '@dynaferry';

/**
 * The marker has twelve digits, and in practice also with a connection's id added. It is short, since each row has it.
 */
const [LEAST, BEYOND] = [100_000_000_000, 900_000_000_000] as const;

/** The marker expression of a session. A number needs no collation, and costs less than a text. */
export const MARKER_EXPRESSION = `${VARIABLE} + CONNECTION_ID()`;

export class SessionMarker {
  readonly #random = randomInt(LEAST, BEYOND);
  #text: string | null = null;
  /** The first bytes of a row: the length of its first cell, and the cell. */
  #bytes: Buffer = Buffer.alloc(0);

  /** Returns the assignment for a SET. */
  get assignment(): string {
    return `${VARIABLE} = ${this.#random}`;
  }

  /** Number of bytes that the marker takes in a row. */
  get length(): number {
    return this.#bytes.length;
  }

  /**
   * Takes the marker from the first answer, which also has the connection's id in it.
   * @returns whether the cell can be a marker
   */
  take(cell: Cell): boolean {
    const text = cell?.toString() ?? '';
    const id = /^\d{12,20}$/.test(text) ? BigInt(text) - BigInt(this.#random) : 0n;
    if (id <= 0n) return false;
    this.#text = text;
    this.#bytes = Buffer.from(String.fromCharCode(text.length) + text, 'latin1');
    return true;
  }

  isIn(cell: Cell | undefined): boolean {
    return this.#text !== null && cell === this.#text;
  }

  /** Returns whether a row in text protocol starts with the marker. */
  begins(packet: Buffer, from: number): boolean {
    const bytes = this.#bytes;
    for (let i = 0; i < bytes.length; i += 1) if (packet[from + i] !== bytes[i]) return false;
    return bytes.length > 0;
  }
}

/** Reports that an answer came from another session than the one that was set up. */
export function foreignSession(shard: string): FerryError {
  return new FerryError(
    'E_SOURCE_SESSION',
    `shard ${shard}: MySQL answered from another session than the one that was set up: its settings and its server may differ`,
    'name the MySQL server itself as `host`, not a pooler or proxy; or let the pooler keep one session for each connection (pin it). Then run the same command again to resume',
  );
}

/** Reports that the same session returned no rows, but counted some, again and again. */
export function contradiction(shard: string): FerryError {
  return new FerryError(
    'E_SOURCE_SESSION',
    `shard ${shard}: MySQL answered a SELECT without rows, but counted rows for it`,
    'find what limits or hides rows (a pooler, a firewall), and name the MySQL server itself as `host`',
  );
}
