/**
 * RequestChannel posts prepared JSON bodies to DynamoDB, signed, over kept-alive connections. It does not retry (the
 * callers own that), except that it renews a refused signature and sends once more.
 */
import type { Dispatcher } from 'undici';
import Pool from 'undici/lib/dispatcher/pool.js';
import { ANSWER_FAULTS } from '../failures/answer-faults.js';
import { type AnswerHeaders, sealFault } from './answer-seal.js';
import { connectionFailure, parseErrorAnswer } from './error-answer.js';
import type { RequestSigner } from './request-signer.js';
import { RequestFailure } from '../failures/service-errors.js';
import { type ChannelTimeouts, UPLOAD_BYTES_PER_MS, WHOLE_TIMEOUT_MS } from './timeouts.js';

export interface ChannelLimits extends ChannelTimeouts {
  /** Connections at once, which may grow; a request beyond them waits for one. */
  readonly connections: () => number;
}

export interface PostLimits {
  /** An answer that is longer is none. */
  readonly maxAnswerBytes: number;
  /** Ends the wait for the answer; the request may have been applied all the same. */
  readonly signal: AbortSignal | null;
}

/** ExpiredToken and a wrong clock can meet in one request; nothing needs a third mending. */
const MENDINGS = 2;

export class RequestChannel {
  readonly #signer: RequestSigner;
  readonly #origin: string;
  readonly #path: string;
  readonly #limits: ChannelLimits;
  readonly #wholeMs: number;
  #pool: Dispatcher;
  #connections: number;
  /** Pools with fewer connections than are wanted now: they end with their last request. */
  readonly #outgrown = new Set<Dispatcher>();

  constructor(signer: RequestSigner, endpoint: URL, limits: ChannelLimits) {
    this.#signer = signer;
    this.#origin = endpoint.origin;
    this.#path = endpoint.pathname;
    this.#limits = limits;
    this.#wholeMs = limits.wholeTimeoutMs ?? WHOLE_TIMEOUT_MS;
    this.#connections = limits.connections();
    this.#pool = this.#openPool();
  }

  #openPool(): Dispatcher {
    const { connectTimeoutMs, answerTimeoutMs } = this.#limits;
    return new Pool(this.#origin, {
      connections: this.#connections,
      pipelining: 1,
      connect: { timeout: connectTimeoutMs },
      headersTimeout: answerTimeoutMs,
      bodyTimeout: answerTimeoutMs,
    });
  }

  /** undici's pool cannot grow: one with more connections takes its place. */
  #poolOfNow(): Dispatcher {
    const wanted = this.#limits.connections();
    if (wanted <= this.#connections) return this.#pool;
    const outgrown = this.#pool;
    this.#outgrown.add(outgrown);
    void outgrown.close().then(
      () => this.#outgrown.delete(outgrown),
      () => undefined,
    );
    this.#connections = wanted;
    this.#pool = this.#openPool();
    return this.#pool;
  }

  /**
   * @param json the whole request body, as text or as UTF-8
   * @returns the body of the success answer, as UTF-8, as the service sent it
   * @throws RequestFailure for everything a caller may judge; FerryError E_TARGET_CREDENTIALS where there are none
   */
  async post(operation: string, json: string | Buffer, limits: PostLimits): Promise<Buffer> {
    const body = typeof json === 'string' ? Buffer.from(json) : json;
    for (let mendings = 0; ; mendings++) {
      const renewal = this.#signer.renewalBeforeUse();
      if (renewal !== null) await unlessAborted(renewal, limits.signal);
      const { headers, credentials } = this.#signer.sign(operation, body);
      try {
        return await this.#exchange(headers, body, limits);
      } catch (thrown) {
        const mendable = thrown instanceof RequestFailure && mendings < MENDINGS;
        if (!mendable) throw thrown;
        if (!(await unlessAborted(this.#signer.mend(thrown, credentials), limits.signal))) throw thrown;
      }
    }
  }

  /** Ends the connections; requests still under way fail. */
  async close(): Promise<void> {
    await Promise.all([this.#pool, ...this.#outgrown].map((pool) => pool.destroy()));
  }

  #exchange(headers: Record<string, string>, body: Buffer, limits: PostLimits): Promise<Buffer> {
    const wholeMs = inSteps(this.#wholeMs + body.length / UPLOAD_BYTES_PER_MS);
    return new Promise((resolve, reject) => {
      const exchange = new Exchange(resolve, reject, limits, wholeMs);
      this.#poolOfNow().dispatch({ method: 'POST', path: this.#path, headers, body }, exchange);
    });
  }
}

/**
 * Collects one answer, for so long and up to so many bytes. `dispatch` with a handler costs a fraction of undici's
 * stream-based `request`; undici's own limits are of the pause before each part, and parts may come for ever.
 */
class Exchange implements Dispatcher.DispatchHandler {
  readonly #resolve: (body: Buffer) => void;
  readonly #reject: (failure: RequestFailure) => void;
  readonly #limits: PostLimits;
  readonly #timer: NodeJS.Timeout;
  readonly #abort = (): void => this.#stop('aborted');
  #controller: Dispatcher.DispatchController | null = null;
  #sent = false;
  /** Why it was ended from here. */
  #stopped: string | null = null;
  #status = 0;
  #headers: AnswerHeaders = {};
  #bytes = 0;
  readonly #chunks: Buffer[] = [];

  constructor(
    resolve: (body: Buffer) => void,
    reject: (failure: RequestFailure) => void,
    limits: PostLimits,
    wholeMs: number,
  ) {
    this.#resolve = resolve;
    this.#reject = reject;
    this.#limits = limits;
    this.#timer = setTimeout(() => this.#stop(ANSWER_FAULTS.late), wholeMs);
    if (limits.signal?.aborted === true) this.#abort();
    else limits.signal?.addEventListener('abort', this.#abort);
  }

  /** Called on an open connection, just before the first byte is written. */
  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#controller = controller;
    if (this.#stopped === null) this.#sent = true;
    else controller.abort(new RequestStopped());
  }

  onResponseStart(_: Dispatcher.DispatchController, status: number, headers: AnswerHeaders): void {
    this.#status = status;
    this.#headers = headers;
  }

  onResponseData(_: Dispatcher.DispatchController, chunk: Buffer): void {
    this.#bytes += chunk.length;
    if (this.#bytes > this.#limits.maxAnswerBytes) this.#stop(ANSWER_FAULTS.endless);
    else this.#chunks.push(chunk);
  }

  onResponseEnd(): void {
    this.#end();
    const [first, second] = this.#chunks;
    const body = first !== undefined && second === undefined ? first : Buffer.concat(this.#chunks);
    const fault = sealFault(this.#status, this.#headers, body);
    // With any status, this is not an answer of the service.
    if (fault !== null) this.#reject(new RequestFailure(fault, 0, true));
    else if (this.#status === 200) this.#resolve(body);
    else this.#reject(parseErrorAnswer(this.#status, body.toString('utf8'), timeIn(this.#headers)));
    this.#letGo();
  }

  onResponseError(_: Dispatcher.DispatchController, error: Error): void {
    this.#end();
    const code = this.#stopped ?? (error as NodeJS.ErrnoException).code ?? error.name;
    this.#reject(this.#sent ? new RequestFailure(code, 0, true) : connectionFailure(code));
    this.#letGo();
  }

  /** Where it waits for its connection still, that may come up later: nothing is sent over it then. */
  #stop(reason: string): void {
    this.#stopped ??= reason;
    if (this.#controller !== null) this.#controller.abort(new RequestStopped());
    else {
      this.#end();
      this.#reject(connectionFailure(reason));
    }
  }

  /**
   * An ended exchange may outlive its request: by a removed listener of a signal, say, that V8 has come to take for
   * old, and so keeps all that it once pointed to until the next collection of everything. The answer and the request
   * are some kB, which each scavenge would copy.
   */
  #letGo(): void {
    this.#controller = null;
    this.#headers = {};
    this.#chunks.length = 0;
  }

  #end(): void {
    clearTimeout(this.#timer);
    this.#limits.signal?.removeEventListener('abort', this.#abort);
  }
}

/** Rounds up to 100 ms: Node keeps a list of timers for each duration, and bodies of all lengths make thousands. */
function inSteps(ms: number): number {
  return Math.ceil(ms / 100) * 100;
}

/** The SDK's search for credentials takes no signal, and may last. @throws RequestFailure: nothing is sent */
async function unlessAborted<T>(credentials: Promise<T>, signal: AbortSignal | null): Promise<T> {
  if (signal === null) return await credentials;
  let abort = (): void => undefined;
  const ended = new Promise<never>((_, reject) => {
    abort = () => reject(connectionFailure('aborted'));
    if (signal.aborted) abort();
    else signal.addEventListener('abort', abort);
  });
  try {
    return await Promise.race([credentials, ended]);
  } finally {
    signal.removeEventListener('abort', abort);
  }
}

class RequestStopped extends Error {}

/** The service's, in ms since the epoch; null where the answer does not tell. */
function timeIn(headers: AnswerHeaders): number | null {
  const date = headers['date'];
  const time = typeof date === 'string' ? Date.parse(date) : NaN;
  return Number.isNaN(time) ? null : time;
}
