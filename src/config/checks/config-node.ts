/**
 * A part of a config file together with its path, for checks that look at several fields at once. It can be asked for
 * anything: what is not there, or is of another kind, is an empty part. So those checks run on a file with other faults
 * too.
 */
import type { Path } from '../../core/text/config-path.js';

export class ConfigNode {
  constructor(
    readonly value: unknown,
    readonly path: Path = [],
  ) {}

  /** True where something stands. */
  get given(): boolean {
    return this.value !== undefined && this.value !== null;
  }

  /** The value where it is text, else null. */
  get text(): string | null {
    return typeof this.value === 'string' ? this.value : null;
  }

  at(key: string): ConfigNode {
    const { value } = this;
    const own = isMap(value) && Object.hasOwn(value, key) ? value[key] : undefined;
    return new ConfigNode(own, [...this.path, key]);
  }

  /** The entries of a list; none where this is no list. */
  get entries(): readonly ConfigNode[] {
    return Array.isArray(this.value)
      ? this.value.map((entry: unknown, index) => new ConfigNode(entry, [...this.path, index]))
      : [];
  }

  /** The keys of a map; none where this is no map. */
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
