/** Finds names that must be unique and are not. */
import { type ConfigFault, invalid } from '../config-fault.js';
import { pathText } from '../../core/text/config-path.js';
import type { ConfigNode } from './config-node.js';

/**
 * Returns a fault for each text that an earlier node has already.
 *
 * @param sameAs returns the form in which two texts are compared; default: the text itself
 */
export function repeated(
  parts: readonly ConfigNode[],
  sameAs: (text: string) => string = (text) => text,
): readonly ConfigFault[] {
  const first = new Map<string, ConfigNode>();
  const faults: ConfigFault[] = [];
  for (const part of parts) {
    if (part.text === null) continue;
    const earlier = first.get(sameAs(part.text));
    if (earlier === undefined) first.set(sameAs(part.text), part);
    else faults.push(invalid(part.path, `repeats ${pathText(earlier.path)}`, 'give each its own name'));
  }
  return faults;
}
