/** Names that must be unique and are not. */
import { type ConfigFault, invalid, pathText } from './config-fault.js';
import type { Part } from './part.js';

/** A fault for each text that stands in an earlier part already. */
export function repeated(parts: readonly Part[]): readonly ConfigFault[] {
  const first = new Map<string, Part>();
  const faults: ConfigFault[] = [];
  for (const part of parts) {
    if (part.text === null) continue;
    const earlier = first.get(part.text);
    if (earlier === undefined) first.set(part.text, part);
    else faults.push(invalid(part.path, `repeats ${pathText(earlier.path)}`, 'give each a name of its own'));
  }
  return faults;
}
