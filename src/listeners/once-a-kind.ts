/**
 * Holds back repetitions: of a thousand bad rows with the same reason in the same column, an operator reads one line. How
 * many there are stands in the progress. Bounded: behind so many kinds everything new is held back too.
 */
const MAX_KINDS = 500;

export class OnceAKind {
  readonly #seen = new Set<string>();

  /** True the first time that this is asked of a kind. */
  isNew(kind: string): boolean {
    if (this.#seen.has(kind) || this.#seen.size >= MAX_KINDS) return false;
    this.#seen.add(kind);
    return true;
  }
}
