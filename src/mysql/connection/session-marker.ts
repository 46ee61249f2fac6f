/**
 * Whether a row comes from the session that was set up. A pooler between (ProxySQL, MaxScale, RDS Proxy) may put
 * another session under a statement, with settings of its own. So the session has a marker in a user variable, which no
 * other has and no reset leaves; it stands in front of each row, with the connection's id in it: one number, at no
 * round trip.
 *
 * A reset (COM_RESET_CONNECTION, COM_CHANGE_USER) makes it NULL; another session of the same pool has another marker; a
 * pooler that says the same SETs again to another server (MaxScale) gets another connection's id. ProxySQL and RDS
 * Proxy keep a client on one session from its first user variable on; so there the marker is what makes them.
 *
 * How far this was followed: every SELECT of a table's rows, of keys and of information_schema has it. SHOW and EXPLAIN
 * cannot have it: of those, only estimates and gauges come, and what is reported; the position in the binary log is
 * taken between two looks at the marker. Each row is looked at, since a sharding proxy may answer one statement from
 * several servers.
 */
import { randomInt } from 'node:crypto';
import { FerryError } from '../../core/errors.js';
import type { Cell } from '../../core/model.js';

const VARIABLE = '@dynaferry';

/** Twelve digits; with a connection's id, in practice twelve as well. Short, since each row has it. */
const [LEAST, BEYOND] = [100_000_000_000, 900_000_000_000] as const;

/** Of a session. As a number, it needs no collation, and costs less than a text. */
export const MARKER_EXPRESSION = `${VARIABLE} + CONNECTION_ID()`;

export class SessionMarker {
  readonly #random = randomInt(LEAST, BEYOND);
  #text: string | null = null;
  /** A row's first bytes: the length of its first cell, and the cell. */
  #bytes: Buffer = Buffer.alloc(0);

  /** For a SET. */
  get assignment(): string {
    return `${VARIABLE} = ${this.#random}`;
  }

  /** Bytes of a row that are the marker's. */
  get length(): number {
    return this.#bytes.length;
  }

  /**
   * Takes the first answer, in which the connection's id is.
   * @returns whether it can be one
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

  /** Whether a row as the text protocol sends it begins with the marker. */
  begins(packet: Buffer, from: number): boolean {
    const bytes = this.#bytes;
    for (let i = 0; i < bytes.length; i += 1) if (packet[from + i] !== bytes[i]) return false;
    return bytes.length > 0;
  }
}

export function foreignSession(shard: string): FerryError {
  return new FerryError(
    'E_SOURCE_SESSION',
    `shard ${shard}: MySQL answered from another session than the one that was set up: its settings and its server may differ`,
    'name the MySQL server itself as `host`, not a pooler or proxy; or let the pooler keep one session for each connection (pin it). Then run the same command again to resume',
  );
}

/** The same session says that there are no rows, and counts some, again and again. */
export function contradiction(shard: string): FerryError {
  return new FerryError(
    'E_SOURCE_SESSION',
    `shard ${shard}: MySQL answered a SELECT without rows, but counted rows for it`,
    'find what limits or hides rows (a pooler, a firewall), and name the MySQL server itself as `host`',
  );
}
