/**
 * The hot way to DynamoDB: one prepared JSON body, signed and posted over kept-alive connections. No retries here
 * (the callers own them), except that a refused signature is mended and sent once more.
 */
import type { Dispatcher } from 'undici';
import Pool from 'undici/lib/dispatcher/pool.js';
import { connectionFailure, parseErrorAnswer } from './error-answer.js';
import type { RequestSigner } from './request-signer.js';
import { RequestFailure } from './service-errors.js';
import type { ChannelTimeouts } from './timeouts.js';

export interface ChannelLimits extends ChannelTimeouts {
  /** Connections at once; a request beyond them waits for one. */
  readonly connections: number;
}

/** ExpiredToken and a wrong clock can meet in one request; nothing needs a third mending. */
const MENDINGS = 2;

export class RequestChannel {
  readonly #signer: RequestSigner;
  readonly #pool: Dispatcher;
  readonly #path: string;

  constructor(signer: RequestSigner, endpoint: URL, limits: ChannelLimits) {
    this.#signer = signer;
    this.#path = endpoint.pathname;
    this.#pool = new Pool(endpoint.origin, {
      connections: limits.connections,
      pipelining: 1,
      connect: { timeout: limits.connectTimeoutMs },
      headersTimeout: limits.answerTimeoutMs,
      bodyTimeout: limits.answerTimeoutMs,
    });
  }

  /**
   * @param json the whole request body, as text or as UTF-8
   * @param signal ends the wait for the answer; the request may have been applied all the same
   * @returns the body of the success answer, as UTF-8
   * @throws RequestFailure for everything a caller may judge; FerryError E_TARGET_CREDENTIALS where there are none
   */
  async post(operation: string, json: string | Buffer, signal: AbortSignal | null = null): Promise<Buffer> {
    const body = typeof json === 'string' ? Buffer.from(json) : json;
    for (let mendings = 0; ; mendings++) {
      const renewal = this.#signer.renewalBeforeUse();
      if (renewal !== null) await renewal;
      const { headers, credentials } = this.#signer.sign(operation, body);
      try {
        return await this.#exchange(headers, body, signal);
      } catch (thrown) {
        const mendable = thrown instanceof RequestFailure && mendings < MENDINGS;
        if (!mendable || !(await this.#signer.mend(thrown, credentials))) throw thrown;
      }
    }
  }

  /** Ends the connections; requests still under way fail. */
  async close(): Promise<void> {
    await this.#pool.destroy();
  }

  #exchange(headers: Record<string, string>, body: Buffer, signal: AbortSignal | null): Promise<Buffer> {
    return new Promise((resolve, reject) => {
      const exchange = new Exchange(resolve, reject, signal);
      this.#pool.dispatch({ method: 'POST', path: this.#path, headers, body }, exchange);
    });
  }
}

/** Collects one answer. `dispatch` with a handler costs a fraction of undici's stream-based `request`. */
class Exchange implements Dispatcher.DispatchHandler {
  readonly #resolve: (body: Buffer) => void;
  readonly #reject: (failure: RequestFailure) => void;
  readonly #signal: AbortSignal | null;
  readonly #abort = (): void => this.#controller?.abort(new RequestAborted());
  #controller: Dispatcher.DispatchController | null = null;
  #sent = false;
  #status = 0;
  #serverTime: number | null = null;
  readonly #chunks: Buffer[] = [];

  constructor(resolve: (body: Buffer) => void, reject: (failure: RequestFailure) => void, signal: AbortSignal | null) {
    this.#resolve = resolve;
    this.#reject = reject;
    this.#signal = signal;
    signal?.addEventListener('abort', this.#abort);
  }

  /** Called on an open connection, just before the first byte is written. */
  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#controller = controller;
    if (this.#signal?.aborted === true) this.#abort();
    else this.#sent = true;
  }

  onResponseStart(_: Dispatcher.DispatchController, status: number, headers: Readonly<Record<string, unknown>>): void {
    this.#status = status;
    const date = status === 200 ? undefined : headers['date'];
    if (typeof date !== 'string') return;
    const time = Date.parse(date);
    this.#serverTime = Number.isNaN(time) ? null : time;
  }

  onResponseData(_: Dispatcher.DispatchController, chunk: Buffer): void {
    this.#chunks.push(chunk);
  }

  onResponseEnd(): void {
    this.#signal?.removeEventListener('abort', this.#abort);
    const [first, second] = this.#chunks;
    const body = first !== undefined && second === undefined ? first : Buffer.concat(this.#chunks);
    if (this.#status === 200) this.#resolve(body);
    else this.#reject(parseErrorAnswer(this.#status, body.toString('utf8'), this.#serverTime));
  }

  onResponseError(_: Dispatcher.DispatchController, error: Error): void {
    this.#signal?.removeEventListener('abort', this.#abort);
    const code = (error as NodeJS.ErrnoException).code ?? error.name;
    this.#reject(this.#sent ? new RequestFailure(code, 0, true) : connectionFailure(code));
  }
}

class RequestAborted extends Error {
  readonly code = 'aborted';
}
