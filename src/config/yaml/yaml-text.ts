/**
 * Parses YAML text to plain data, with the line of every value. Keys are text exactly as written, and each is unique in
 * its map. No message contains a part of the text, which may hold secrets.
 */
import { type Document, isAlias, isMap, isScalar, isSeq, LineCounter, type Pair, parseDocument, visit } from 'yaml';
import type { ErrorCode as YamlErrorCode, YAMLError } from 'yaml';
import { FerryError } from '../../core/errors.js';
import { type ConfigFault, invalid } from '../config-fault.js';
import type { Path } from '../../core/text/config-path.js';
import { keepsItsDigits } from './yaml-number.js';
import { offsetOf, startOf } from './yaml-position.js';

export interface YamlText {
  readonly value: unknown;
  readonly faults: readonly ConfigFault[];
  /** Faults of values that differ from the text: numbers that a double rounds, text that has no UTF-8 form. */
  readonly inexact: readonly ConfigFault[];
  /** Returns the line (from 1) of the value at that path, or of its nearest parent in the file. */
  readonly lineOf: (path: Path) => number;
}

/**
 * The limit of alias expansions: enough for hundreds of shards that share one anchor, too few for a YAML bomb.
 */
const MAX_ALIASES = 10_000;

/** @throws FerryError E_CONFIG_READ with one fault for each syntax error, with its line */
export function parseYaml(text: string, file: string): YamlText {
  const lines = new LineCounter();
  const doc: Document.Parsed = parseDocument(text, {
    lineCounter: lines,
    merge: true,
    uniqueKeys: false,
    prettyErrors: false,
    logLevel: 'error',
  });
  const errors: readonly YAMLError[] = [...doc.errors, ...doc.warnings];
  const faults = [
    ...errors.map((error) => ({ offset: error.pos[0], ...explain(error) })),
    ...(errors.length > 0 ? [] : brokenReferences(doc)),
  ].map(({ offset, fact, hint }) => ({ line: lines.linePos(offset).line, fact, hint }));
  if (faults.length > 0) throw notYaml(file, faults);
  const duplicates = readKeysAsText(doc);
  const inexact = inexactValues(doc);
  const lineOf = (path: Path): number => lines.linePos(offsetOf(doc, path)).line || 1;
  try {
    const value: unknown = doc.toJS({ maxAliasCount: MAX_ALIASES });
    return { value, lineOf, faults: duplicates, inexact };
  } catch (cause) {
    const fault = { line: 1, fact: 'aliases expand without limit', hint: 'write the anchored values out' };
    throw notYaml(file, [fault], cause);
  }
}

interface SyntaxFault {
  readonly line: number;
  readonly fact: string;
  readonly hint: string;
}

function notYaml(file: string, faults: readonly SyntaxFault[], cause?: unknown): FerryError {
  const [first] = faults;
  const others = faults.length > 1 ? ` (and ${faults.length - 1} more)` : '';
  return new FerryError(
    'E_CONFIG_READ',
    `${file} is not YAML: line ${first?.line ?? 1}: ${first?.fact ?? 'it cannot be read'}${others}`,
    first?.hint ?? 'correct the file',
    {
      cause,
      faults: faults.map(({ line, fact, hint }) => ({ code: 'E_CONFIG_READ', message: `line ${line}: ${fact}`, hint })),
    },
  );
}

const QUOTE = 'put text in quotes if it begins with one of { [ * & ! | > % @ ` or contains `: ` or ` #`';

/** Facts and hints by the library's codes. Its own messages quote the text, which may be a password. */
const SYNTAX: Partial<Record<YamlErrorCode, readonly [fact: string, hint: string]>> = {
  TAB_AS_INDENT: ['a tab is used for indentation', 'indent with spaces'],
  BAD_INDENT: ['the indentation does not match any level above', 'align the line with its neighbours, with spaces'],
  BAD_DQ_ESCAPE: ['double quotes contain an unknown escape', 'use single quotes, or double the backslash'],
  BAD_SCALAR_START: ['a text begins with a reserved character of YAML', QUOTE],
  BLOCK_AS_IMPLICIT_KEY: ['the line has a second `: `, or is indented too far', QUOTE],
  MISSING_CHAR: ['a character is missing: a closing quote or bracket, a comma, a colon or a space', QUOTE],
  MULTIPLE_DOCS: ['a second document begins (`---`)', 'keep one document in the file'],
  TAG_RESOLVE_FAILED: ['a tag (`!name`) is unknown', `remove the tag; ${QUOTE}`],
};

function explain(error: YAMLError): { readonly fact: string; readonly hint: string } {
  const [fact, hint] = SYNTAX[error.code] ?? ['YAML does not allow this here', QUOTE];
  return { fact, hint };
}

interface FaultAtOffset extends Omit<SyntaxFault, 'line'> {
  readonly offset: number;
}

/** Finds aliases without an anchor above them, and merges (`<<`) of something that is not a map. */
function brokenReferences(doc: Document.Parsed): readonly FaultAtOffset[] {
  const faults: FaultAtOffset[] = [];
  visit(doc, {
    Alias(_, alias) {
      if (alias.resolve(doc) !== undefined) return;
      const fact = 'an alias (`*name`) has no anchor (`&name`) above it';
      faults.push({ offset: startOf(alias) ?? 0, fact, hint: `define the anchor first; ${QUOTE}` });
    },
    Pair(_, { key, value }) {
      if (!isScalar(key) || typeof key.value !== 'symbol') return;
      const sources = (isSeq(value) ? value.items : [value]).map((source) =>
        isAlias(source) ? source.resolve(doc) : source,
      );
      if (sources.every((source) => source === undefined || isMap(source))) return;
      const fact = 'a merge (`<<`) names something that is not a map';
      faults.push({ offset: startOf(key) ?? 0, fact, hint: 'merge only maps, as in <<: *name or <<: [*one, *two]' });
    },
  });
  return faults;
}

/**
 * Makes every plain key its own text (the name of a column may be `null`, of an account `0042`), and finds repeated
 * keys.
 */
function readKeysAsText(doc: Document.Parsed): readonly ConfigFault[] {
  const faults: ConfigFault[] = [];
  visit(doc, {
    Map(_, map, ancestors) {
      const seen = new Set<string>();
      for (const { key } of map.items) {
        if (!isScalar(key) || typeof key.value === 'symbol') continue;
        if (typeof key.value !== 'string') key.value = key.source ?? String(key.value);
        const name = String(key.value);
        if (seen.has(name)) {
          const path = [...pathOf([...ancestors, map]), name];
          faults.push(invalid(path, 'is given twice', 'keep one of the two: YAML would silently use the last'));
        }
        seen.add(name);
      }
    },
  });
  return faults;
}

/** Matches half of a surrogate pair, which an escape can make. */
const LONE_SURROGATE = /\p{Surrogate}/u;

/** Finds inexact values. Keys are checked too, since they name attributes. */
function inexactValues(doc: Document.Parsed): readonly ConfigFault[] {
  const faults: ConfigFault[] = [];
  visit(doc, {
    Scalar(_, scalar, ancestors) {
      const { value, source } = scalar;
      const path = (): Path => pathOf([...ancestors, scalar]);
      if (typeof value === 'string' && LONE_SURROGATE.test(value)) {
        faults.push(
          invalid(
            path(),
            'contains half a surrogate pair, which is not a character',
            'write the character itself, in UTF-8',
          ),
        );
      }
      if (typeof value !== 'number' || !Number.isFinite(value) || source === undefined) return;
      if (keepsItsDigits(source, value)) return;
      faults.push(
        invalid(
          path(),
          'is a number that YAML would round: it keeps only 15 digits exactly',
          'put it in quotes, which makes it text, or write fewer digits',
        ),
      );
    },
  });
  return faults;
}

/** Returns the path to the last of a chain of nodes, from the document down. */
function pathOf(chain: readonly unknown[]): Path {
  const path: (string | number)[] = [];
  for (const [depth, node] of chain.entries()) {
    const child = chain[depth + 1];
    if (isSeq(node)) path.push(node.items.indexOf(child));
    else if (isPairLike(node) && isScalar(node.key)) path.push(String(node.key.value));
  }
  return path;
}

function isPairLike(node: unknown): node is Pair {
  return typeof node === 'object' && node !== null && 'key' in node && 'value' in node;
}
