/** Names that must be unique and are not. */
import { type Finding, invalid, pathText } from './finding.js';
import type { Part } from './part.js';

/** A finding for each text that stands in an earlier part already. */
export function repeated(parts: readonly Part[]): readonly Finding[] {
  const first = new Map<string, Part>();
  const findings: Finding[] = [];
  for (const part of parts) {
    if (part.text === null) continue;
    const earlier = first.get(part.text);
    if (earlier === undefined) first.set(part.text, part);
    else findings.push(invalid(part.path, `repeats ${pathText(earlier.path)}`, 'give each a name of its own'));
  }
  return findings;
}
