/**
 * RateProbe finds the rate that a table (or one partition key) takes, from what the service throttles. It stays just
 * below that rate.
 *
 * - Throttled: the rate falls by the throttled share and a little more.
 * - No longer throttled: that rate is the knee. The probe stays 4.5% below it.
 * - The rate binds: it rises to the knee by 0.5% a second. Beyond the knee it rises by 0.1% a second at first, and
 *   twice that every 6 s.
 *
 * TCP halves a rate and adds to it evenly. That spends most of the time far below what the table takes: x 0.7 and +2% a
 * second reach 85% on average. The knee, as in CUBIC, reaches 97% and more, with about 1% of the requests throttled in
 * part.
 *
 * Three cases need care. Chance throttles few requests, and so does a rate just above a limit: if few throttles last,
 * the probe tries 5% less. Throttles that do not depend on the rate come from a partition that takes nothing. After two
 * seconds of those, the probe takes its cuts back, and ignores that share for a while. If the service throttles
 * everything, it shows nothing about the rate, so the probe does not cut it to nothing.
 *
 * The constants, with the test that measures their effect (`rate-probe.test.ts` unless another file is named):
 *
 * | constant | effect | test |
 * | --- | --- | --- |
 * | CUT_FACTOR, MOST_BEYOND, LARGEST_CUT | size of a cut | `budget-kept.test.ts`: a table below the budget |
 * | BELOW_KNEE, NOISE | distance to the knee | `budget-kept.test.ts`: a table below the budget |
 * | FEW, FEW_COST | largest cost of few throttles | "one throttle in a thousand", "a throttle now and then" |
 * | FEW_SECONDS, *_TRIAL, LEAST_IN_TRIALS | trial of a lower rate | "a rate just above a limit" |
 * | QUIET_SECONDS, WEIGHT | end of an episode, smoothing | `budget-kept.test.ts`: a table below the budget |
 * | RETURN_*, PROBE_*, FASTEST_PROBE_* | speed of a rise | "a table that is given twice as much" |
 * | LEAST_OF_START | lowest rate while everything is throttled | "seconds in which all is throttled" |
 * | TELLING_*, CLEARLY_WORSE | throttles that do not depend on the rate | "throttles that stay the same" |
 * | LIVED_WITH_*, MOST_LIVED_WITH | share that is ignored, and how long | "throttles that stay the same" |
 */

/** A cut is this many times the throttled share, at most MOST_BEYOND more than it, and never above LARGEST_CUT. */
const CUT_FACTOR = 1.5;
const MOST_BEYOND = 0.01;
const LARGEST_CUT = 0.5;
/** After throttles, the rate continues at this part of the knee. */
const BELOW_KNEE = 0.955;
/** An episode of throttles below this share is noise, and needs no distance to the knee. */
const NOISE = 0.001;
/** A share of throttles up to this one is few: it costs at most FEW_COST times its size in rate. */
const FEW = 0.02;
const FEW_COST = 5;
/** Few throttles that last this long (s) start a trial: the rate falls by FEW_TRIAL. */
const FEW_SECONDS = 1.4;
const FEW_TRIAL = 0.05;
/** The lowest part of the anchor that any number of trials leads to. */
const LEAST_IN_TRIALS = 1 - FEW * FEW_COST - FEW_TRIAL;
/** A trial counts from this cut on. It is less than FEW_TRIAL, since the rate may rise a little before. */
const TELLING_TRIAL = 0.04;
/** An episode of throttles ends after this time (s) without one. */
const QUIET_SECONDS = 2;
/** The weight of the newest step in the smoothed share of throttles, since single steps are small samples. */
const WEIGHT = 0.1;
/** Rises of the rate a second, as parts of it: up to the knee, beyond it at first, and at most. */
const RETURN_PER_SECOND = 0.005;
const PROBE_PER_SECOND = 0.001;
const PROBE_DOUBLES_AFTER_SECONDS = 6;
const FASTEST_PROBE_PER_SECOND = 0.1;
/** While everything is throttled, the rate falls to this part of what it was, and no further. */
const LEAST_OF_START = 0.05;
/** After a cut to this part of the rate, a limit would throttle less. */
const TELLING_CUT = 0.6;
/** The share of throttles is clearly worse from this factor on. */
const CLEARLY_WORSE = 1.1;
/** Throttles do not depend on the rate if more than this part of them stays beyond what a limit would throttle. */
const TELLING_PART = 1 / 3;
/**
 * The probe is sure once that lasts this long (s), with this many throttled units. In that time, a neighbour in the
 * same partition has caught up.
 */
const TELLING_SECONDS = 2;
const TELLING_THROTTLES = 5;
/** How long (s), and up to which multiple of the share, throttles that do not depend on the rate are ignored. */
const LIVED_WITH_SECONDS = 30;
const LIVED_WITH_FACTOR = 1.5;
const MOST_LIVED_WITH = 0.5;
/** A step that is longer (s) had little to count, so it counts as this long. */
const LONGEST_STEP_SECONDS = 2;

/** RateBounds are the lowest and the highest rate to choose, in the unit of the rate. */
export interface RateBounds {
  readonly lowest: number;
  readonly highest: number;
}

/** A step is what happened since the last one. `passed` and `throttled` are in one unit, write units or read units. */
export interface ProbeStep {
  readonly seconds: number;
  readonly passed: number;
  readonly throttled: number;
  /** The rate held the sender back. */
  readonly binding: boolean;
}

/** An episode is a run of throttles without QUIET_SECONDS between them. */
interface Episode {
  readonly startRate: number;
  /** The episode started at a rate at or above the knee, so that rate was the limit. */
  readonly atKnee: boolean;
  /** The smoothed share of throttles, its largest value, and the rate at that time. */
  share: number;
  worst: number;
  worstRate: number;
  quietSeconds: number;
  /** A step without a throttle has come. The rate of that step is the knee. */
  calmed: boolean;
  /** How long (s) few were throttled without a quiet step, and how it was when the trial started. */
  fewSeconds: number;
  trial: Loss | null;
  /** Counts since throttles seem not to depend on the rate. The rate stays until the probe is sure. */
  doubt: Doubt | null;
}

/** A loss is a share of throttles at a rate. */
interface Loss {
  readonly rate: number;
  readonly share: number;
}

interface Doubt {
  seconds: number;
  passed: number;
  throttled: number;
}

export class RateProbe {
  #rate: number;
  #knee = 0;
  #probingSeconds = 0;
  /** The highest rate since more than a few requests were throttled. */
  #anchor: number;
  #episode: Episode | null = null;
  /** This share of throttles is ignored for `#livedWithSeconds`. */
  #livedWith = 0;
  #livedWithSeconds = 0;

  constructor(rate: number) {
    this.#rate = rate;
    this.#anchor = rate;
  }

  get rate(): number {
    return this.#rate;
  }

  /** @returns the rate from now on */
  step({ seconds, passed, throttled, binding }: ProbeStep, bounds: RateBounds): number {
    this.#livedWithSeconds -= seconds;
    if (this.#livedWithSeconds <= 0) this.#livedWith = 0;
    const share = passed + throttled === 0 ? 0 : throttled / (passed + throttled);
    const excess = (share - this.#livedWith) / (1 - this.#livedWith);
    if (excess > 0) this.#throttled(excess, { seconds, passed, throttled: throttled * (excess / share) });
    else this.#quiet({ seconds: Math.min(seconds, LONGEST_STEP_SECONDS), passed, throttled: 0 }, binding);
    this.#rate = Math.min(bounds.highest, Math.max(bounds.lowest, this.#rate));
    this.#anchor = Math.max(this.#anchor, this.#rate);
    return this.#rate;
  }

  /** @param step counts only the throttles that are not ignored */
  #throttled(share: number, step: Doubt): void {
    const episode = (this.#episode ??= {
      startRate: this.#rate,
      atKnee: this.#rate >= this.#knee,
      share,
      worst: 0,
      worstRate: this.#rate,
      quietSeconds: 0,
      calmed: false,
      fewSeconds: 0,
      trial: null,
      doubt: null,
    });
    episode.quietSeconds = 0;
    episode.share += WEIGHT * (share - episode.share);
    if (episode.share > episode.worst * CLEARLY_WORSE) {
      episode.worst = episode.share;
      episode.worstRate = this.#rate;
    } else if (this.#tellsNothing(episode, step)) {
      if (!isSure(episode.doubt)) return;
      this.#livedWith = Math.min(MOST_LIVED_WITH, LIVED_WITH_FACTOR * episode.worst);
      this.#livedWithSeconds = LIVED_WITH_SECONDS;
      this.#rate = episode.startRate;
      this.#episode = null;
      return;
    }
    const cut = this.#rate * (1 - Math.min(LARGEST_CUT, CUT_FACTOR * share, share + MOST_BEYOND));
    let least = 0;
    if (share === 1) least = LEAST_OF_START * episode.startRate;
    else if (episode.share <= FEW) least = this.#leastForFew(episode, step.seconds);
    this.#rate = Math.max(cut, Math.min(this.#rate, least));
    if (episode.share > FEW) this.#anchor = this.#rate;
  }

  #leastForFew(episode: Episode, seconds: number): number {
    episode.fewSeconds += seconds;
    // The last trial showed that the few throttles are chance. That holds for a while.
    const believed = this.#livedWithSeconds > 0;
    if (believed || (episode.trial === null && episode.fewSeconds < FEW_SECONDS)) {
      return this.#anchor * (1 - FEW_COST * episode.share);
    }
    episode.trial ??= { rate: this.#rate, share: episode.share };
    return Math.max(episode.trial.rate * (1 - FEW_TRIAL), this.#anchor * LEAST_IN_TRIALS);
  }

  /** Tells whether the same share stays throttled however low the rate is. */
  #tellsNothing(episode: Episode, step: Doubt): boolean {
    const { share: lately, worst, worstRate, trial } = episode;
    const doubt = noted(episode, step);
    const before = lately <= FEW ? trial : { rate: worstRate, share: worst };
    const slower = before === trial ? 1 - TELLING_TRIAL : TELLING_CUT;
    if (before !== null && this.#rate <= slower * before.rate) {
      // The share that a limit would throttle at this rate, since it took that much at the former rate.
      const expected = Math.max(0, 1 - ((1 - before.share) * before.rate) / this.#rate);
      const share = Math.min(lately, doubt.throttled / (doubt.passed + doubt.throttled));
      if (share > expected + before.share * TELLING_PART) return true;
    }
    episode.doubt = null;
    return false;
  }

  #quiet(step: Doubt, binding: boolean): void {
    const episode = this.#episode;
    if (episode === null || episode.calmed) {
      if (binding) this.#up(step.seconds);
    } else {
      episode.calmed = true;
      this.#knee = this.#rate;
      // If everything was throttled, the knee is somewhere above.
      this.#probingSeconds = episode.worst > 0.99 ? Infinity : 0;
      if (episode.atKnee && episode.worst > NOISE) this.#rate *= BELOW_KNEE;
    }
    if (episode === null) return;
    episode.fewSeconds = 0;
    if (episode.doubt !== null) noted(episode, step);
    episode.share *= 1 - WEIGHT;
    episode.quietSeconds += step.seconds;
    if (episode.quietSeconds >= QUIET_SECONDS) this.#episode = null;
  }

  #up(seconds: number): void {
    if (this.#rate < this.#knee) {
      this.#rate = Math.min(this.#knee, this.#rate * (1 + RETURN_PER_SECOND * seconds));
      return;
    }
    this.#probingSeconds += seconds;
    const slope = PROBE_PER_SECOND * 2 ** (this.#probingSeconds / PROBE_DOUBLES_AFTER_SECONDS);
    this.#rate *= 1 + Math.min(FASTEST_PROBE_PER_SECOND, slope) * seconds;
  }
}

function noted(episode: Episode, { seconds, passed, throttled }: Doubt): Doubt {
  const doubt = (episode.doubt ??= { seconds: 0, passed: 0, throttled: 0 });
  doubt.seconds += seconds;
  doubt.passed += passed;
  doubt.throttled += throttled;
  return doubt;
}

function isSure(doubt: Doubt | null): boolean {
  return doubt !== null && doubt.seconds >= TELLING_SECONDS && doubt.throttled >= TELLING_THROTTLES;
}
