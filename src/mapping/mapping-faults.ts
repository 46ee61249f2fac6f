/**
 * Collects the faults of a mapping: one compilation finds all of them, and each has its path in the config.
 */
import type { Path } from '../core/text/config-path.js';
import type { Fault } from '../core/errors.js';
import { TemplateFault } from './template/compiled-template.js';
import { FunctionFault } from './template/expression.js';

/** Reports a fault. @param path in the config, relative to the item's rules */
export type ReportFault = (path: Path, code: Fault['code'], message: string, hint: string) => void;

/** Runs a compilation step; reports a fault that it throws under `path`. */
export function collectingFaults<T>(path: Path, report: ReportFault, step: () => T): T | null {
  try {
    return step();
  } catch (error) {
    if (error instanceof TemplateFault) report(path, error.code, error.message, error.hint);
    else if (error instanceof FunctionFault) report(path, 'E_MAPPING_INVALID', error.message, 'name another column');
    else throw error;
    return null;
  }
}
