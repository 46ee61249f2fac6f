/**
 * Turns anything thrown into a FerryError. A FerryError stays as it is, a refusal of the machine becomes its fault, and
 * anything else becomes a defect. It stands beside `errors.ts`, because the machine's faults use that file.
 *
 * Every place that catches an unknown error in order to report it calls this. Where the server, SQLite or a file has
 * its own errors, the place asks `machineFault` first.
 */
import { FerryError } from './errors.js';
import { machineFault } from './machine/machine-faults.js';

/**
 * Returns the error as a FerryError.
 * @param doing what was tried, with its actor (`shard s01`): it begins the message where the machine is to blame. It
 * holds no value
 */
export function asFerryError(thrown: unknown, doing: string): FerryError {
  if (thrown instanceof FerryError) return thrown;
  return machineFault(doing, thrown) ?? defect(thrown);
}

/** Returns a defect without a stack trace. It does not show the text of the error. */
function defect(thrown: unknown): FerryError {
  const name = thrown instanceof Error ? thrown.name : typeof thrown;
  return new FerryError('E_INTERNAL', `unexpected ${name} inside dynaferry`, defectHint(thrown), { cause: thrown });
}

/**
 * Returns the next step of an E_INTERNAL. Under DYNAFERRY_DEBUG it contains the stack trace, so that every report of
 * the fault shows it. Such reports are those of a shard's process, the findings of `check`, and documents.
 */
export function defectHint(thrown: unknown): string {
  if (process.env['DYNAFERRY_DEBUG'] === undefined)
    return 'run again with DYNAFERRY_DEBUG=1 to see where, and report it; a resume is safe';
  const trace = thrown instanceof Error ? (thrown.stack ?? thrown.message) : String(thrown);
  return `report it, with this, which may hold values: ${trace}`;
}
