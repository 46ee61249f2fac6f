/**
 * Finds the rate that a table (or one partition key) takes, from what it throttles, and stays just below it.
 *
 *   throttled            -> down by what was throttled and a little more: the rate that passed is what is taken
 *   no longer throttled  -> that rate is remembered (the knee); 4.5% below it, so that the next throttle is seconds away
 *   rate binds         -> back up to the knee by 0.5% a second; beyond it by 0.1% a second
 *                         at first, twice that every 6 s
 *
 * Halving a rate on every throttle and adding to it evenly, as TCP did, spends most of its time far below what is taken:
 * x 0.7 and +2% a second average 85%. Remembering the knee (as CUBIC does) takes 97% and more, with some 1% of requests
 * throttled in part, and a table that was given more is followed to twice its rate in three quarters of a minute
 * (`budget-kept.test.ts`, `rate-probe.test.ts`).
 *
 * A stray throttle costs next to nothing, as a cut is in proportion to what was throttled. Just above a limit, though, as
 * few are throttled as by chance: where they last, 5% less is tried, and they stop or do not. HotKeyDetector that stay the same
 * however slowly one goes are not of this rate's making (a part of the keys lies in a partition that takes nothing):
 * once that was seen for two seconds and more, the cuts are taken back, and throttles of that size are lived with for a
 * while. Where all is throttled nothing is learnt of the rate: it is not cut to nothing.
 */

/** Of what was throttled, and beyond it. */
const CUT_FACTOR = 1.5;
const MOST_BEYOND = 0.01;
const LARGEST_CUT = 0.5;
const BELOW_KNEE = 0.955;
/** An episode of throttles that never came to this share is noise: no margin for it. */
const NOISE = 0.001;
/** Lately throttled up to here: not worth more than five times that of the rate, */
const FEW = 0.02;
const FEW_COST = 5;
/**
 * unless that lasts: just above a limit as few are throttled as by chance, and going slower by this part tells which it
 * is.
 */
const FEW_SECONDS = 1.4;
const FEW_TRIAL = 0.05;
/** However many trials: what few throttles may cost, and one trial. */
const LEAST_IN_TRIALS = 1 - FEW * FEW_COST - FEW_TRIAL;
/** Nearly as much, as it may have gone up a little meanwhile. */
const TELLING_TRIAL = 0.04;
/** An episode of throttles ends when there were none for so long. */
const QUIET_SECONDS = 2;
/** Weight of the newest step in the share of throttles: single steps are small samples. */
const WEIGHT = 0.1;
const RETURN_PER_SECOND = 0.005;
const PROBE_PER_SECOND = 0.001;
const PROBE_DOUBLES_AFTER_SECONDS = 6;
const FASTEST_PROBE_PER_SECOND = 0.1;
/** While everything is throttled, the rate falls to this part of what it was. */
const LEAST_OF_START = 0.05;
/** After a cut to this part, throttles have to be fewer. */
const TELLING_CUT = 0.6;
const CLEARLY_WORSE = 1.1;
/** They are not fewer where this part of them is left beyond what a limit would throttle, */
const TELLING_PART = 1 / 3;
/** for so long: what a neighbour in a hot key's partition takes at once is over by then. */
const TELLING_SECONDS = 2;
const TELLING_THROTTLES = 5;
const LIVED_WITH_SECONDS = 30;
const LIVED_WITH_FACTOR = 1.5;
const MOST_LIVED_WITH = 0.5;
/** A step longer than this had little to go by. */
const LONGEST_STEP_SECONDS = 2;

export interface RateBounds {
  readonly lowest: number;
  readonly highest: number;
}

/** What happened since the last step, in any unit. */
export interface ProbeStep {
  readonly seconds: number;
  readonly passed: number;
  readonly throttled: number;
  /** The rate was what held the sender back. */
  readonly binding: boolean;
}

/** HotKeyDetector without two quiet seconds in between. */
interface Episode {
  readonly startRate: number;
  /** It began where the rate had not been before: that was the limit. */
  readonly atKnee: boolean;
  /** The share of throttles lately, the largest that it was, and at which rate. */
  share: number;
  worst: number;
  worstRate: number;
  quietSeconds: number;
  /** A step without a throttle has come: what passed then is the knee. */
  calmed: boolean;
  /** How long few were throttled, step by step without a quiet one; and how it was when the trial of that began. */
  fewSeconds: number;
  trial: Loss | null;
  /** Since throttles seem not to depend on the rate, which stays as it is until that is sure. */
  doubt: Doubt | null;
}

/** A share of throttles, and at which rate. */
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
  /** The highest rate since more than a few were throttled. */
  #anchor: number;
  #episode: Episode | null = null;
  /** This share of throttles is lived with, for so long. */
  #livedWith = 0;
  #livedWithSeconds = 0;

  constructor(rate: number) {
    this.#rate = rate;
    this.#anchor = rate;
  }

  get rate(): number {
    return this.#rate;
  }

  /** @returns the rate to go on with */
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

  /** @param step with those throttles alone that are not lived with */
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
    // The last trial told that they are chance: that is believed for a while.
    const believed = this.#livedWithSeconds > 0;
    if (believed || (episode.trial === null && episode.fewSeconds < FEW_SECONDS)) {
      return this.#anchor * (1 - FEW_COST * episode.share);
    }
    episode.trial ??= { rate: this.#rate, share: episode.share };
    return Math.max(episode.trial.rate * (1 - FEW_TRIAL), this.#anchor * LEAST_IN_TRIALS);
  }

  /** However much slower it went, as much is throttled. */
  #tellsNothing(episode: Episode, step: Doubt): boolean {
    const { share: lately, worst, worstRate, trial } = episode;
    const doubt = noted(episode, step);
    const before = lately <= FEW ? trial : { rate: worstRate, share: worst };
    const slower = before === trial ? 1 - TELLING_TRIAL : TELLING_CUT;
    if (before !== null && this.#rate <= slower * before.rate) {
      // What a limit would throttle at this rate, as it took so much at the former one.
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
      // Where all was throttled, the knee is anywhere above.
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
