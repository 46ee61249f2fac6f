/**
 * RequestChannel posts prepared JSON bodies to DynamoDB, signed, over kept-alive connections. Its callers retry
 * failures. It only mends a refused signature itself, and sends the request again.
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
  /** The most connections at once, which may grow. A request beyond them waits for one. */
  readonly connections: () => number;
}

export interface PostLimits {
  /** A longer answer fails as `ANSWER_FAULTS.endless`. */
  readonly maxAnswerBytes: number;
  /** Ends the wait for the answer. The service may still have applied the request. */
  readonly signal: AbortSignal | null;
}

/** Expired credentials and a wrong clock can both hit one request. Nothing needs a third mending. */
const MENDINGS = 2;

export class RequestChannel {
  readonly #signer: RequestSigner;
  readonly #origin: string;
  readonly #path: string;
  readonly #limits: ChannelLimits;
  readonly #wholeMs: number;
  #pool: Dispatcher;
  #connections: number;
  /** Pools with fewer connections than are wanted now. Each closes after its last request. */
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

  /**
   * Returns the pool with as many connections as are wanted now. undici's pool cannot grow, so a larger one replaces
   * it.
   */
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
   * @throws RequestFailure for every failure that the caller decides about; FerryError E_TARGET_CREDENTIALS without
   *   credentials
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

  /** Ends the connections. Requests that are under way fail. */
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
 * Collects one answer, within a time and a number of bytes. `dispatch` with a handler costs a fraction of undici's
 * stream-based `request`. undici's own limits apply to the pause before each part, so an answer in small parts could
 * last for ever.
 */
class Exchange implements Dispatcher.DispatchHandler {
  readonly #resolve: (body: Buffer) => void;
  readonly #reject: (failure: RequestFailure) => void;
  readonly #limits: PostLimits;
  readonly #timer: NodeJS.Timeout;
  readonly #abort = (): void => this.#stop('aborted');
  #controller: Dispatcher.DispatchController | null = null;
  #sent = false;
  /** Why this exchange ended the request; null: it did not. */
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

  /** undici calls it on an open connection, just before it writes the first byte. */
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
    // Whatever its status, this answer is not from the service.
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

  /**
   * Ends the exchange. If it still waits for a connection, `onRequestStart` sends nothing once the connection is up.
   */
  #stop(reason: string): void {
    this.#stopped ??= reason;
    if (this.#controller !== null) this.#controller.abort(new RequestStopped());
    else {
      this.#end();
      this.#reject(connectionFailure(reason));
    }
  }

  /**
   * Drops the answer and the request, which have some kB. V8 may keep an ended exchange until the next full collection,
   * for example through a removed listener of an old signal. Until then, each scavenge would copy those kB.
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

/** Rounds up to 100 ms. Node keeps one list of timers per duration, and bodies of all lengths would make thousands. */
function inSteps(ms: number): number {
  return Math.ceil(ms / 100) * 100;
}

/**
 * Waits for credentials, or for the signal. The SDK's search for credentials takes no signal, and may last.
 * @throws RequestFailure if the signal came first; nothing was sent
 */
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

/** Returns the service's time, in ms since the epoch; null if the answer has no valid Date header. */
function timeIn(headers: AnswerHeaders): number | null {
  const date = headers['date'];
  const time = typeof date === 'string' ? Date.parse(date) : NaN;
  return Number.isNaN(time) ? null : time;
}
