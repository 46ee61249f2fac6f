/** What an error of a source means: who can do something about it, and what. */
import type { ErrorCode } from '../../core/errors.js';

/** Who can do something about it: nobody but time, the operator, or whoever maintains dynaferry. */
export type Remedy = 'again' | 'operator' | 'ours';

export interface Meaning {
  readonly code: ErrorCode;
  readonly remedy: Remedy;
  readonly fact: string;
  readonly hint: string;
}
