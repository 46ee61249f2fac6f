/** The list of what changes nothing visible: it must name what is there, and say why. */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { listed, readEquivalents } from '../../mutants/equivalents.js';
import { mutantsOf } from '../../mutants/operators.js';
import { temporaryFolder } from '../../support/temporary.js';

const ROOT = fileURLToPath(new URL('../../..', import.meta.url));
const FILE = 'src/mysql/sample.ts';
const ENTRY = { file: FILE, within: 'f', lineText: 'return a < b;', change: 'a < b -> a <= b', reason: 'never equal' };

describe('listed', () => {
  it('listed knows the reason for exactly one change of one line, and for nothing else', () => {
    const mutants = mutantsOf(FILE, 'function f() {\n  return a < b;\n}');
    const { reasonFor, stale } = listed([ENTRY], mutants);
    const reasons = mutants.map((mutant) => [mutant.change, reasonFor(mutant)]);
    expect(reasons).toContainEqual(['a < b -> a <= b', 'never equal']);
    expect(reasons.filter(([, reason]) => reason !== null)).toHaveLength(1);
    expect(stale).toEqual([]);
  });

  it.each(['function f() {\n  return a < c;\n}', 'function g() {\n  return a < b;\n}'])(
    'listed calls an entry stale once the code reads: %s',
    (text) => {
      expect(listed([ENTRY], mutantsOf(FILE, text)).stale).toEqual([ENTRY]);
    },
  );

  it('the list of equivalent mutants in the checkout has no stale entry', () => {
    const entries = readEquivalents(join(ROOT, 'test/mutants/equivalent.yaml'));
    const files = [...new Set(entries.map(({ file }) => file))];
    const sources = readdirSync(join(ROOT, 'src'), { recursive: true, encoding: 'utf8' }).map((name) => `src/${name}`);
    expect(sources).toEqual(expect.arrayContaining(files));
    const mutants = files.flatMap((file) => mutantsOf(file, readFileSync(join(ROOT, file), 'utf8')));
    expect(listed(entries, mutants).stale).toEqual([]);
  });
});

describe('readEquivalents', () => {
  it.each([
    ['a: 1', 'is not a list'],
    ['- {file: a, in: b, line: c, change: d}', 'entry 1 has no `reason`'],
    ['- {file: a, in: b, line: c, change: d, reason: " "}', 'entry 1 has no `reason`'],
    ['- {file: a, in: b, line: c, change: d, reason: e, why: f}', 'unknown key `why`'],
  ])('readEquivalents refuses the list: %s', async (text, message) => {
    await using folder = await temporaryFolder();
    const file = join(folder.path, 'list.yaml');
    writeFileSync(file, text);
    expect(() => readEquivalents(file)).toThrow(message);
  });
});
