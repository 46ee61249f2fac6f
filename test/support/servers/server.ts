/**
 * Interfaces of a test server, whatever starts it. The modules in this folder do not know vitest: `bin/demo` uses them
 * too.
 */

export interface MysqlServer {
  /** Product and version, `mysql-5.6`, `mariadb-10.11`: the name that test titles carry. */
  readonly name: string;
  readonly host: string;
  readonly port: number;
  /** A user with every privilege. */
  readonly user: string;
  readonly password: string;
}

export interface DynamodbServer {
  /** `dynamodb-local` or `dynalite`. */
  readonly name: string;
  readonly endpoint: string;
}

/** A server that somebody must close. Closing twice is fine. */
export type Running<Server> = Server & { readonly close: () => Promise<void> };

/** For a MySQL server of a test's own. */
export interface MysqlStart {
  /** It comes back by itself when it is killed. */
  readonly keptAlive?: boolean;
  /** 1 unless given; servers that replicate need their own each. */
  readonly serverId?: number;
  /**
   * Address where the server listens, in place of a free port of 127.0.0.1. It may be another address of loopback, with
   * the port that another server has on its own address.
   */
  readonly at?: { readonly host: string; readonly port: number };
  /** Options of the server besides. */
  readonly options?: readonly string[];
}

/** One way to have a server: one file of this folder each. */
export interface ServerKind<Server> {
  /** For messages; the running server's own `name` may say more. */
  readonly name: string;
  /** True, or why this server cannot be had here. Downloads what it needs; never throws. */
  available(): Promise<true | string>;
  /** Starts one on a free loopback port and resolves once it answers. @throws Error with the end of the server's log */
  start(extra?: MysqlStart): Promise<Running<Server>>;
}

/** The first line of an error's message: a reason that fits on one line. */
export function reasonOf(thrown: unknown): string {
  const message = thrown instanceof Error ? thrown.message : String(thrown);
  return message.split('\n', 1)[0] ?? message;
}
