/**
 * A node of a config file with its path, for checks that look at several fields at once. Every key can be read: what is
 * missing, or has another type, is an empty node. So these checks also run on a file with other faults.
 */
import type { Path } from '../../core/text/config-path.js';

export class ConfigNode {
  constructor(
    readonly value: unknown,
    readonly path: Path = [],
  ) {}

  /** True where the file has a value. */
  get given(): boolean {
    return this.value !== undefined && this.value !== null;
  }

  /** The value if it is text, else null. */
  get text(): string | null {
    return typeof this.value === 'string' ? this.value : null;
  }

  at(key: string): ConfigNode {
    const { value } = this;
    const own = isMap(value) && Object.hasOwn(value, key) ? value[key] : undefined;
    return new ConfigNode(own, [...this.path, key]);
  }

  /** The entries of a list; empty where the node is not a list. */
  get entries(): readonly ConfigNode[] {
    return Array.isArray(this.value)
      ? this.value.map((entry: unknown, index) => new ConfigNode(entry, [...this.path, index]))
      : [];
  }

  /** The keys of a map; empty where the node is not a map. */
  get keys(): readonly string[] {
    return isMap(this.value) ? Object.keys(this.value) : [];
  }

  /** The values of a map. */
  get values(): readonly ConfigNode[] {
    return this.keys.map((key) => this.at(key));
  }
}

function isMap(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
