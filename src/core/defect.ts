/** The error for a condition that only a defect in dynaferry itself can cause. */
import { FerryError } from './errors.js';

/** Returns an E_INTERNAL error. @param message what is wrong, without a value */
export function defect(message: string): FerryError {
  return new FerryError(
    'E_INTERNAL',
    message,
    'report this defect; the recorded progress stays valid, and a resume is safe',
  );
}
