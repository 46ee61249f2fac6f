/** Faults of a mapping, collected: every one is found in one go and carries its path in the config. */
import type { Path } from '../core/text/config-path.js';
import type { Fault } from '../core/errors.js';
import { TemplateFault } from './template/compiled-template.js';
import { FunctionFault } from './template/expression.js';

/** @param path below the item's rules in the config */
export type ReportFault = (path: Path, code: Fault['code'], message: string, hint: string) => void;

/** Runs a compilation step; a fault it throws is reported under `path`. */
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
