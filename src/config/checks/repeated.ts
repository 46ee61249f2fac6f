/** Names that must be unique and are not. */
import { type ConfigFault, invalid } from '../config-fault.js';
import { pathText } from '../../core/text/config-path.js';
import type { ConfigNode } from './config-node.js';

/**
 * A fault for each text that stands in an earlier part already.
 *
 * @param sameAs what two texts are compared by; the text itself unless given
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
    else faults.push(invalid(part.path, `repeats ${pathText(earlier.path)}`, 'give each a name of its own'));
  }
  return faults;
}
