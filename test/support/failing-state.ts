/**
 * A state that fails once: the n-th call of one method throws E_STATE_IO, as on a disk that is full for a moment. It
 * throws before or after the call had its effect. All other calls are the real ones. For `vi.mock` of the modules that
 * open the state.
 */
import { FerryError } from '../../src/core/errors.js';
import { EFFECTS } from '../../src/state/guarded-ports.js';

export interface Failure {
  /** `StateStore.checkpoints.commit`, `KeyRegister.claim` */
  readonly call: string;
  /** From 1. */
  readonly occurrence: number;
  /** `after`: what was asked for is on disk, and the disk says that it is not. */
  readonly when: 'before' | 'after';
}

/** Counts the calls of one process after the other on one state folder. */
export class FailingCalls {
  static readonly #byFolder = new Map<string, FailingCalls>();
  readonly #counts = new Map<string, number>();
  readonly #open = new Set<{ close(): void }>();
  #armed: Failure | null = null;

  static of(folder: string): FailingCalls {
    const known = this.#byFolder.get(folder) ?? new FailingCalls();
    this.#byFolder.set(folder, known);
    return known;
  }

  /** Forgets what was counted. @param failure null: none */
  arm(failure: Failure | null): void {
    this.#counts.clear();
    this.#armed = failure;
  }

  /** Calls by name since `arm`. */
  get counts(): ReadonlyMap<string, number> {
    return this.#counts;
  }

  /** Whether the failure came. */
  get struck(): boolean {
    const { call, occurrence } = this.#armed ?? { call: '', occurrence: 0 };
    return occurrence > 0 && (this.#counts.get(call) ?? 0) >= occurrence;
  }

  /** The same object, whose methods are counted, and of which one may fail. */
  around<T extends { close(): void }>(name: string, real: T): T {
    this.#open.add(real);
    return this.#counted(name, real);
  }

  #counted<T extends object>(name: string, real: T): T {
    return new Proxy(real, {
      get: (target, property) => {
        const value: unknown = Reflect.get(target, property, target);
        if (isPort(property, value)) return this.#counted(`${name}.${String(property)}`, value);
        if (typeof value !== 'function' || property === NEVER_THROWS) return value;
        return (...args: readonly unknown[]): unknown =>
          this.#call(`${name}.${String(property)}`, () => Reflect.apply(value, target, args) as unknown);
      },
    });
  }

  /** Does what the end of a process does: closes whatever is open, with its locks. */
  endProcess(): void {
    for (const real of this.#open) real.close();
    this.#open.clear();
  }

  #call(call: string, run: () => unknown): unknown {
    const count = (this.#counts.get(call) ?? 0) + 1;
    this.#counts.set(call, count);
    const failure = this.#armed?.call === call && this.#armed.occurrence === count ? this.#armed : null;
    if (failure?.when === 'before') throw full(call);
    const result = run();
    if (failure === null) return result;
    if (result instanceof Promise) return result.then(() => Promise.reject(full(call)));
    throw full(call);
  }
}

/** The port promises that this call answers, whatever the disk does. */
const NEVER_THROWS = 'gone';

/** Finds out whether a value is one of the store's ports, whose methods count as the store's own. */
function isPort(property: string | symbol, value: unknown): value is object {
  return typeof value === 'object' && Object.hasOwn(EFFECTS, property);
}

function full(call: string): FerryError {
  return new FerryError('E_STATE_IO', `the disk is full for a moment (${call})`, 'run the same command again');
}
