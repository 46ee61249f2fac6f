/** Errors on screen: the code, the fact, the next step; all of several faults. Never a stack trace, never a row value. */
import type { Fault, Finding } from '../core/errors.js';
import type { FerryError } from '../core/errors.js';
import { writeJson, writeLine, type Io } from './io.js';

export function printError(io: Io, error: FerryError, json: boolean): void {
  if (json) {
    writeJson(io, { error: error.toFault(), faults: error.faults, exitCode: error.exitCode });
    return;
  }
  if (error.faults.length === 0) {
    printFault(io, 'error', error.toFault());
    return;
  }
  writeLine(io.stderr, `error ${error.code}: ${error.message}`);
  for (const fault of error.faults) printFault(io, '  -', fault);
  if (error.hint !== '') writeLine(io.stderr, `next: ${error.hint}`);
}

export function printFault(io: Io, label: string, fault: Fault): void {
  const indent = ' '.repeat(label.length - label.trimStart().length);
  writeLine(io.stderr, `${label} ${fault.code}: ${fault.message}`);
  writeLine(io.stderr, `${indent}  next: ${fault.hint}`);
}

export function printFindings(io: Io, findings: readonly Finding[]): void {
  for (const finding of findings) printFault(io, finding.level, finding);
}
