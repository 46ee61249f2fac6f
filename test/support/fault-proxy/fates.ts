/**
 * What may become of a request. `applied`: the emulator executes it although the sender gets no good answer.
 */

/** Which entries of a batch are not executed and come back: always at least one where the rule names any. */
export type Selection =
  /** That share, at random. */
  | { readonly share: number }
  /** So many, at random: `{ count: 24 }` of 25. */
  | { readonly count: number }
  /** Those; none: the request passes. */
  | { readonly where: (entry: string, index: number) => boolean };

export type Fate =
  | { readonly kind: 'pass' }
  /**
   * The request meets its fate (`pass` unless given) once `done` is over. It lets somebody else act between two
   * requests, or keeps a request in flight for as long as the test says.
   */
  | { readonly kind: 'after'; readonly done: Promise<unknown>; readonly then?: Fate }
  /** The service took its time, and executed it then. */
  | { readonly kind: 'late'; readonly ms: number }
  /** Executed at once, but the first byte of the answer takes its time. */
  | { readonly kind: 'slow answer'; readonly ms: number }
  /** A part of the batch is not executed and comes back as unprocessed, in another order than it was sent in. */
  | ({ readonly kind: 'unprocessed' } & Selection)
  /** As the capacity model says: these entries come back, and this was consumed (as the API's ConsumedCapacity). */
  | { readonly kind: 'metered'; readonly refused: readonly number[]; readonly consumed: unknown }
  /** As `pass`, but the answer has no ConsumedCapacity. */
  | { readonly kind: 'no capacity' }
  /** As `pass`, but ConsumedCapacity has nothing beside its total. */
  | { readonly kind: 'total capacity' }
  /** As `pass`, but the answer's JSON is another. */
  | { readonly kind: 'altered'; readonly alter: (answer: Record<string, unknown>) => Record<string, unknown> }
  /**
   * Something in between answers. The emulator executes the request or not, and the sender gets this text. It has the
   * service's seal unless `headers` say otherwise (undefined: without that one).
   */
  | {
      readonly kind: 'answer';
      readonly applied: boolean;
      readonly text: string;
      readonly status?: number;
      readonly headers?: Readonly<Record<string, string | undefined>>;
    }
  /**
   * As `pass`, but the text of the answer is another, under the seal of the one that the server sent (`kept`) or its
   * own.
   */
  | {
      readonly kind: 'rewritten';
      readonly seal: 'kept' | 'own';
      readonly rewrite: (text: string, status: number) => string;
    }
  /**
   * The emulator executes all of it, or nothing, or a part of a batch. The sender gets an answer made of what the
   * server would have answered then.
   */
  | {
      readonly kind: 'forged';
      readonly executed: 'all' | 'nothing' | Selection;
      readonly forge: (truth: SealedAnswer) => ForgedAnswer;
    }
  /** Executed, and answered without end: blanks one by one, or as many as fit. */
  | { readonly kind: 'endless'; readonly everyMs: number | null }
  | {
      readonly kind: 'throttle';
      readonly name?: string;
      readonly reasons?: readonly string[];
      readonly spelling?: string;
    }
  | {
      readonly kind: 'error';
      readonly status: number;
      readonly name: string;
      /** What the service says to it; one that quotes a secret unless given. */
      readonly text?: string;
      readonly applied?: boolean;
      readonly date?: Date;
    }
  /** A success whose body is cut off. */
  | { readonly kind: 'garbled'; readonly applied: boolean }
  | { readonly kind: 'reset'; readonly applied: boolean }
  /** The connection ends in order, without an answer. */
  | { readonly kind: 'drop'; readonly applied: boolean }
  | { readonly kind: 'hang'; readonly applied: boolean }
  /**
   * The write that lands late. The sender gets no answer (`hang`) or a reset. The emulator executes the request when
   * the test calls `releaseHeld`, or after `ms` where given.
   */
  | { readonly kind: 'held'; readonly sender: 'hang' | 'reset'; readonly ms?: number };

export interface SealedAnswer {
  readonly status: number;
  readonly text: string;
  /** Names in lower case; undefined: without that one. */
  readonly headers: Readonly<Record<string, string | undefined>>;
}

export interface ForgedAnswer extends SealedAnswer {
  /** `cut`: the connection ends before the body does; `bytewise`: it comes byte by byte, a ms between. */
  readonly delivery: 'whole' | 'cut' | 'bytewise';
}

export interface SeenRequest {
  /** From 0, in order of arrival. */
  readonly ordinal: number;
  /** `BatchWriteItem` */
  readonly operation: string;
  /** As sent, names in lower case. */
  readonly headers: Readonly<Record<string, unknown>>;
  readonly body: string;
  /**
   * Puts (BatchWriteItem, PutItem: `{"PutRequest":{"Item":...}}`), deletes (`{"DeleteRequest":{"Key":...}}`) or keys
   * (BatchGetItem) as DynamoDB JSON texts.
   */
  readonly entries: readonly string[];
  /** ms since the proxy started */
  readonly at: number;
}

/** Decides on a request. */
export type FaultPlan = (request: SeenRequest) => Fate;

export const PASS: Fate = { kind: 'pass' };
