/**
 * Reports when a shard that an operator has paused is at rest, and when it continues. It is at rest once all its
 * readers wait and the state has every chunk that was under way.
 */
import type { PauseGate } from '../../core/async/pause-gate.js';
import type { EventBus } from '../../core/event-bus.js';

export class PauseWatch {
  #underWay = 0;
  /** Since when the shard is at rest, by performance.now(); null: it is not at rest. */
  #restingSince: number | null = null;
  #planned = false;
  #ended = false;
  readonly #endings: readonly (() => void)[];

  constructor(
    private readonly shard: string,
    private readonly gate: PauseGate,
    private readonly bus: EventBus,
  ) {
    const done = (): void => {
      this.#underWay -= 1;
      this.#plan();
    };
    this.#endings = [
      bus.on('chunk.read', () => void (this.#underWay += 1)),
      bus.on('chunk.acknowledged', done),
      bus.on('chunk.compared', done),
    ];
    gate.onChange = () => this.#changed();
    this.#plan();
  }

  /** True while the shard stands still because an operator paused it. */
  get atRest(): boolean {
    return this.#restingSince !== null;
  }

  end(): void {
    this.#ended = true;
    this.gate.onChange = () => undefined;
    for (const end of this.#endings) end();
  }

  /** Ends a rest at once. A pause that follows in the same turn is another one, and is reported again. */
  #changed(): void {
    if (this.#restingSince !== null && !this.gate.paused) {
      const pausedMs = Math.round(performance.now() - this.#restingSince);
      this.#restingSince = null;
      this.bus.emit('shard.resumed', { shard: this.shard, pausedMs });
    }
    this.#plan();
  }

  /** Looks later in this turn of the event loop, since a chunk is committed after its event. */
  #plan(): void {
    if (this.#planned) return;
    this.#planned = true;
    setImmediate(() => {
      this.#planned = false;
      this.#look();
    });
  }

  #look(): void {
    if (this.#ended || this.#restingSince !== null || !this.gate.quiet || this.#underWay > 0) return;
    this.#restingSince = performance.now();
    this.bus.emit('shard.paused', { shard: this.shard });
  }
}
