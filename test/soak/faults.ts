/**
 * The faults of the soak: what becomes of each request, now and then a storm of it; connections that die; what is done
 * to processes.
 */
import type { Fate, FaultPlan } from '../support/fault-proxy.js';
import type { SoakSource } from './migration.js';

/** Of requests, outside storms and in them. */
const CHANCE = 0.02;
const STORM_CHANCE = 0.6;
const SECOND = 1_000;

const WRITE_FATES: readonly Fate[] = [
  { kind: 'unprocessed', share: 0.3 },
  { kind: 'unprocessed', count: 24 },
  { kind: 'throttle', name: 'ThrottlingException', reasons: ['TableWriteMaxOnDemandThroughputExceeded'] },
  { kind: 'throttle', reasons: ['TableWriteKeyRangeThroughputExceeded'], spelling: 'throttlingReasons' },
  { kind: 'throttle' },
  { kind: 'reset', applied: true },
  { kind: 'reset', applied: false },
  { kind: 'drop', applied: true },
  { kind: 'error', status: 500, name: 'InternalServerError', applied: true },
  { kind: 'error', status: 503, name: 'ServiceUnavailable' },
  { kind: 'garbled', applied: true },
  { kind: 'held', sender: 'reset', ms: 30 * SECOND },
  { kind: 'slow answer', ms: 2 * SECOND },
  { kind: 'late', ms: SECOND },
  { kind: 'no capacity' },
  { kind: 'total capacity' },
];
/** Takes a connection away for the ten seconds that a request may last. */
const HANG: Fate = { kind: 'hang', applied: true };
const HANG_CHANCE = 0.0005;

const READ_FATES = WRITE_FATES.filter(({ kind }) => kind !== 'held');
/**
 * A table that throttles at random whatever is asked of it would be probed down to a crawl: throttles come in storms.
 */
const isThrottle = ({ kind }: Fate): boolean => kind === 'throttle' || kind === 'unprocessed';
const calm = (fates: readonly Fate[]): readonly Fate[] => fates.filter((fate) => !isThrottle(fate));

const PROCESS_ACTIONS = [
  'SIGKILL of a worker',
  'SIGKILL of the supervisor',
  'SIGKILL of all',
  'SIGTERM',
  'SIGINT',
  'SIGINT twice',
  'a worker stands still',
] as const;
export type ProcessAction = (typeof PROCESS_ACTIONS)[number];

export class Faults {
  readonly #counts = new Map<string, number>();
  #stormUntil = 0;
  #nextStorm = performance.now() + 20 * SECOND;

  constructor(
    readonly random: () => number,
    readonly source: SoakSource,
  ) {}

  readonly plan: FaultPlan = ({ operation }) => {
    const { random } = this;
    if (random() < HANG_CHANCE) return this.#count(HANG);
    const storm = this.#storming();
    if (random() >= (storm ? STORM_CHANCE : CHANCE)) return { kind: 'pass' };
    const all = operation === 'BatchGetItem' ? READ_FATES : WRITE_FATES;
    const fates = storm ? all : calm(all);
    return this.#count(fates[Math.floor(random() * fates.length)] ?? HANG);
  };

  /** What is done to processes next. */
  nextAction(): ProcessAction {
    const action = PROCESS_ACTIONS[Math.floor(this.random() * PROCESS_ACTIONS.length)] ?? 'SIGTERM';
    this.note(action);
    return action;
  }

  async killConnection(): Promise<void> {
    if (await this.source.killConnection(this.random())) this.note('MySQL connection killed');
  }

  note(what: string): void {
    this.#counts.set(what, (this.#counts.get(what) ?? 0) + 1);
  }

  figures(): Record<string, number> {
    const named = [...this.#counts].sort(([a], [b]) => (a < b ? -1 : 1));
    return Object.fromEntries(named.map(([what, times]) => [what.toLowerCase().replaceAll(' ', '_'), times]));
  }

  #storming(): boolean {
    const now = performance.now();
    if (now > this.#nextStorm) {
      this.#stormUntil = now + (2 + 6 * this.random()) * SECOND;
      this.#nextStorm = this.#stormUntil + (20 + 60 * this.random()) * SECOND;
      this.note('storm');
    }
    return now < this.#stormUntil;
  }

  #count(fate: Fate): Fate {
    this.note(`answer ${fate.kind}`);
    return fate;
  }
}
