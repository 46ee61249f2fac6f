/**
 * Any thrown thing as a FerryError: our own as it is, what the machine refuses as that, and whatever else as a defect.
 * Beside `errors.ts`, as the machine's faults are made of that. How far the kind was followed: wherever something
 * unknown is caught to be told, it comes through here, or is asked about by `machineFault` first, where the server,
 * SQLite or a file has an error of its own behind that.
 */
import { FerryError } from './errors.js';
import { machineFault } from './machine/machine-faults.js';

/**
 * @param doing what was tried, with its actor (`shard s01`): how the message begins where the machine is to blame. It
 * holds no value
 */
export function asFerryError(thrown: unknown, doing: string): FerryError {
  if (thrown instanceof FerryError) return thrown;
  return machineFault(doing, thrown) ?? defect(thrown);
}

/** Says so without a stack trace, and keeps the text to itself. */
function defect(thrown: unknown): FerryError {
  const name = thrown instanceof Error ? thrown.name : typeof thrown;
  return new FerryError('E_INTERNAL', `unexpected ${name} inside dynaferry`, defectHint(thrown), { cause: thrown });
}

/**
 * The next step of an E_INTERNAL. Under DYNAFERRY_DEBUG the stack trace stands in it, so that it gets out wherever the
 * fault is told: by a shard's process, among the findings of `check`, in a document.
 */
export function defectHint(thrown: unknown): string {
  if (process.env['DYNAFERRY_DEBUG'] === undefined)
    return 'run again with DYNAFERRY_DEBUG=1 to see where, and report it; a resume is safe';
  const trace = thrown instanceof Error ? (thrown.stack ?? thrown.message) : String(thrown);
  return `report it, with this, which may hold values: ${trace}`;
}
