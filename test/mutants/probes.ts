/**
 * Which code a test runs, also in the processes that it starts: a copy of a source file in which each block, when it is
 * first run in a process, appends its number to a file in a folder. V8's own coverage knows nothing of a process that
 * was killed, and half of the tests kill.
 */
import ts from 'typescript';

/** The file that takes what cannot be laid at the door of one test file: a child process knows none. */
export const ANYBODY = 'anybody';

export interface Probed {
  readonly text: string;
  /**
   * Start and end offsets of each block in the unchanged text, by its number less `first`; the first is the file
   * itself.
   */
  readonly blocks: readonly (readonly [start: number, end: number])[];
}

interface Insertion {
  readonly at: number;
  readonly text: string;
  /** What the probe stands before, or around. */
  readonly from: number;
  readonly to: number;
}

/** A part of the text, and what stands there instead. */
interface Change {
  readonly start: number;
  readonly end: number;
  readonly replacement: string;
}

/**
 * @param first the number of the file's first block
 * @param folder where hits are noted, by name of the test file
 * @param change made besides; blocks within it have no probe, and all others keep their numbers
 */
export function withProbes(
  file: string,
  text: string,
  first: number,
  folder: string,
  change: Change = { start: 0, end: 0, replacement: '' },
): Probed {
  const source = ts.createSourceFile(file, text, ts.ScriptTarget.Latest, true);
  const blocks: [number, number][] = [[0, text.length]];
  const insertions: Insertion[] = [{ at: 0, text: `${prelude(folder)} ${hit(first)};`, from: 0, to: text.length }];
  const before = (node: ts.Node, part: string, at = node.getStart(source)): void => {
    insertions.push({ at, text: part, from: node.getStart(source), to: node.getEnd() });
  };
  const after = (node: ts.Node, part: string): void => before(node, part, node.getEnd());

  const number = (node: ts.Node): number => {
    blocks.push([node.getStart(source), node.getEnd()]);
    return first + blocks.length - 1;
  };
  /** A statement or an expression that may be run or not. */
  const expression = (node: ts.Expression): void => {
    before(node, `(${hit(number(node))}, `);
    visit(node);
    after(node, ')');
  };
  const statement = (node: ts.Statement): void => {
    if (ts.isBlock(node)) {
      visit(node);
      return;
    }
    before(node, `{ ${hit(number(node))}; `);
    visit(node);
    after(node, ' }');
  };

  const visit = (node: ts.Node): void => {
    if (ts.isTypeNode(node) && !ts.isExpressionWithTypeArguments(node)) return;
    if (ts.isBlock(node)) {
      before(node, ` ${hit(number(node))};`, node.getStart(source) + 1);
      node.statements.forEach(visit);
    } else if (ts.isIfStatement(node)) {
      visit(node.expression);
      statement(node.thenStatement);
      if (node.elseStatement !== undefined) statement(node.elseStatement);
    } else if (ts.isIterationStatement(node, false)) {
      ts.forEachChild(node, (child) => {
        if (child === node.statement) statement(node.statement);
        else visit(child);
      });
    } else if (ts.isCaseOrDefaultClause(node)) {
      if (ts.isCaseClause(node)) visit(node.expression);
      const [start] = node.statements;
      if (start !== undefined) before(node, `${hit(number(node))}; `, start.getStart(source));
      node.statements.forEach(visit);
    } else if (ts.isArrowFunction(node) && !ts.isBlock(node.body)) {
      node.parameters.forEach(visit);
      expression(node.body);
    } else if (ts.isConditionalExpression(node)) {
      visit(node.condition);
      expression(node.whenTrue);
      expression(node.whenFalse);
    } else if (ts.isBinaryExpression(node) && isShortCircuit(node.operatorToken.kind)) {
      visit(node.left);
      expression(node.right);
    } else {
      ts.forEachChild(node, visit);
    }
  };
  visit(source);

  // What is wholly within the change goes with it; those at the same place stay in the order in which they were asked
  // for.
  const { start, end, replacement } = change;
  const kept = insertions
    .filter(({ from, to }) => from < start || to > end || (from === start && to === end))
    .sort((a, b) => a.at - b.at);
  let out = '';
  let at = 0;
  let changed = start === end;
  const upTo = (next: number): string => {
    // The change itself comes after what stands before it, and before what stands behind it.
    if (changed || next < end) return text.slice(at, next);
    changed = true;
    return text.slice(at, start) + replacement + text.slice(end, next);
  };
  for (const insertion of kept) {
    out += upTo(insertion.at);
    out += insertion.text;
    ({ at } = insertion);
  }
  return { text: out + upTo(text.length), blocks };
}

/**
 * The blocks of which one must run for a change at `start` to be seen. For a constant of the module, besides the file:
 * where the file itself uses it.
 * @param blocks as `withProbes` gives them
 */
export function blocksAround(
  file: string,
  text: string,
  blocks: readonly (readonly [number, number])[],
  start: number,
): readonly number[] {
  const innermost = (offset: number): number => {
    let best = 0;
    blocks.forEach(([from, to], index) => {
      const [bestFrom, bestTo] = blocks[best] ?? [0, text.length];
      if (from <= offset && offset < to && to - from <= bestTo - bestFrom) best = index;
    });
    return best;
  };
  const block = innermost(start);
  if (block !== 0) return [block];
  const constant = privateConstantAt(file, text, start);
  if (constant === null) return [0];
  const uses = [...text.matchAll(new RegExp(`\\b${constant}\\b`, 'g'))].map(({ index }) => innermost(index));
  const inside = uses.filter((use) => use !== 0);
  return inside.length === 0 || inside.length < uses.length - 1 ? [0] : [...new Set(inside)];
}

function privateConstantAt(file: string, text: string, offset: number): string | null {
  const source = ts.createSourceFile(file, text, ts.ScriptTarget.Latest, true);
  for (const node of source.statements) {
    if (!ts.isVariableStatement(node) || offset < node.getStart(source) || offset >= node.getEnd()) continue;
    if (node.modifiers?.some(({ kind }) => kind === ts.SyntaxKind.ExportKeyword) === true) return null;
    const [declaration] = node.declarationList.declarations;
    return declaration !== undefined && ts.isIdentifier(declaration.name) ? declaration.name.text : null;
  }
  return null;
}

function isShortCircuit(kind: ts.SyntaxKind): boolean {
  return (
    kind === ts.SyntaxKind.AmpersandAmpersandToken ||
    kind === ts.SyntaxKind.BarBarToken ||
    kind === ts.SyntaxKind.QuestionQuestionToken
  );
}

function hit(block: number): string {
  return `globalThis.__probe(${block})`;
}

/**
 * Defines the probe where no other file of the process has. What cannot be noted (a full disk, no rights) is let go.
 */
function prelude(folder: string): string {
  return `import { appendFileSync as __append } from 'node:fs'; globalThis.__probe ??= ((seen) => (block) => {
    if (seen.has(block)) return;
    seen.add(block);
    const file = globalThis.__vitest_worker__?.filepath;
    const name = file === undefined ? ${JSON.stringify(ANYBODY)} : file.slice(file.lastIndexOf('/test/') + 1).replaceAll('/', '+');
    try { __append(${JSON.stringify(folder)} + '/' + name, block + '\\n', { mode: 0o666 }); } catch {}
  })(new Set());`;
}
