/**
 * Prints errors: the code, the fact and the next step, for all of several faults. It never prints a stack trace or a
 * row value.
 */
import type { Fault, Finding } from '../core/errors.js';
import type { FerryError } from '../core/errors.js';
import { writeJson, writeLine, type Io } from './io.js';

/** How a command answers on stdout: for a person, as one document, or as NDJSON. */
export type Format = 'text' | 'document' | 'lines';

export function printError(io: Io, error: FerryError, format: Format): void {
  if (format !== 'text') {
    const document = { error: error.toFault(), faults: error.faults, exitCode: error.exitCode };
    if (format === 'lines') writeLine(io.stdout, JSON.stringify(document));
    else writeJson(io, document);
    return;
  }
  if (error.faults.length === 0) {
    printFault(io.stderr, 'error', error.toFault());
    return;
  }
  writeLine(io.stderr, `error ${error.code}: ${error.message}`);
  for (const fault of error.faults) printFault(io.stderr, '  -', fault);
  if (error.hint !== '') writeLine(io.stderr, `next: ${error.hint}`);
}

/** @param stream stderr if the fault ends something; stdout if the fault is what the operator asked for */
export function printFault(stream: NodeJS.WritableStream, label: string, fault: Fault): void {
  const indent = ' '.repeat(label.length - label.trimStart().length);
  writeLine(stream, `${label} ${fault.code}: ${fault.message}`);
  writeLine(stream, `${indent}  next: ${fault.hint}`);
}

export function printFindings(stream: NodeJS.WritableStream, findings: readonly Finding[]): void {
  for (const finding of findings) printFault(stream, finding.level, finding);
}
