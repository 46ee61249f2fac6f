/** The error of something that cannot happen unless dynaferry itself is wrong. */
import { FerryError } from './errors.js';

/** Returns E_INTERNAL. @param message what is wrong, without a value */
export function defect(message: string): FerryError {
  return new FerryError('E_INTERNAL', message, 'report it; what is recorded stands, and a resume is safe');
}
