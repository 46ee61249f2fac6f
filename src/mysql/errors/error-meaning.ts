/** Defines what an error of a source means: who can act on it, and how. */
import type { ErrorCode } from '../../core/errors.js';

/**
 * Who can act: `again` means that another try may help. `operator` and `ours` name the operator and the maintainers.
 */
export type Remedy = 'again' | 'operator' | 'ours';

export interface Meaning {
  readonly code: ErrorCode;
  readonly remedy: Remedy;
  readonly fact: string;
  readonly hint: string;
}
