/** Finds where in a YAML text a value is, through anchors and merges to the line that was typed. */
import { type Document, isAlias, isMap, isScalar, isSeq, type Pair, type YAMLMap } from 'yaml';
import type { Path } from '../../core/text/config-path.js';

/** Returns the offset of the value at that path (of its key, in a map), or of its nearest parent in the text. */
export function offsetOf(doc: Document.Parsed, path: Path): number {
  let node: unknown = doc.contents;
  let offset = doc.contents?.range[0] ?? 0;
  for (const step of path) {
    if (isAlias(node)) node = node.resolve(doc);
    if (isMap(node)) {
      const pair = pairOf(doc, node, String(step));
      if (pair === undefined) break;
      offset = startOf(pair.key) ?? offset;
      node = pair.value;
    } else if (isSeq(node) && typeof step === 'number' && step < node.items.length) {
      node = node.items[step];
      offset = startOf(node) ?? offset;
    } else break;
  }
  return offset;
}

/** Returns the last pair with that key, as YAML does: the map's own before one that it merges in. */
function pairOf(doc: Document.Parsed, map: YAMLMap, key: string): Pair | undefined {
  const own = map.items.findLast((pair) => isScalar(pair.key) && pair.key.value === key);
  if (own !== undefined) return own;
  for (const { key: name, value } of map.items) {
    if (!isScalar(name) || typeof name.value !== 'symbol') continue;
    for (const source of isSeq(value) ? value.items : [value]) {
      const merged = isAlias(source) ? source.resolve(doc) : source;
      const found = isMap(merged) ? pairOf(doc, merged, key) : undefined;
      if (found !== undefined) return found;
    }
  }
  return undefined;
}

/** Returns the offset of a node in the text. */
export function startOf(node: unknown): number | undefined {
  const range = typeof node === 'object' && node !== null && 'range' in node ? node.range : undefined;
  return Array.isArray(range) && typeof range[0] === 'number' ? range[0] : undefined;
}
