/** A part of the preflight: the findings of one look, and what it saw in order. */
import type { FerryError, Finding } from '../../core/errors.js';

export interface Part {
  readonly findings: readonly Finding[];
  /** Lines on what is in order. */
  readonly seen: readonly string[];
}

/** Returns the faults of an error as findings. */
export function errorsOf(error: FerryError): readonly Finding[] {
  const faults = error.faults.length > 0 ? error.faults : [error.toFault()];
  return faults.map((fault) => ({ ...fault, level: 'error' as const }));
}
