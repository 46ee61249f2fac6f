/** What people read in a source: messages, comments, docstrings and the titles of tests, each with its line. */
import ts from 'typescript';

export interface Text {
  readonly kind: 'message' | 'comment' | 'docstring' | 'title';
  readonly text: string;
  readonly line: number;
}

/** Shorter ones are names, keys and parts of statements. */
const WORDS_OF_A_MESSAGE = 4;
const SQL = /\b(?:SELECT|INSERT|UPDATE|DELETE|CREATE|ALTER|PRAGMA|WHERE|DROP)\b/;

/** @param source TypeScript */
export function textsOf(source: string): Text[] {
  const file = ts.createSourceFile('x.ts', source, ts.ScriptTarget.Latest, true);
  const lineAt = (position: number): number => file.getLineAndCharacterOfPosition(position).line + 1;
  const texts: Text[] = [];
  const docstrings = new Set<number>();
  const visit = (node: ts.Node): void => {
    const literal = literalText(node);
    if (literal !== null && literal.trim().split(/\s+/).length >= WORDS_OF_A_MESSAGE && !SQL.test(literal))
      texts.push({ kind: 'message', text: literal, line: lineAt(node.getStart()) });
    if (ts.isCallExpression(node) && /^(?:test|it)\b/.test(node.expression.getText(file))) {
      const title = node.arguments[0] === undefined ? null : literalText(node.arguments[0]);
      if (title !== null) texts.push({ kind: 'title', text: title, line: lineAt(node.getStart()) });
    }
    if (acts(node))
      for (const { pos } of ts.getJSDocCommentsAndTags(node).filter((doc) => ts.isJSDoc(doc))) docstrings.add(pos);
    ts.forEachChild(node, visit);
  };
  visit(file);
  for (const { text, at } of commentsOf(source))
    texts.push({ kind: docstrings.has(at) ? 'docstring' : 'comment', text, line: lineAt(at) });
  return texts;
}

/** @returns the text of a literal, each placeholder as one word; null if the node is no literal */
function literalText(node: ts.Node): string | null {
  if (ts.isStringLiteral(node) || ts.isNoSubstitutionTemplateLiteral(node)) return node.text;
  if (!ts.isTemplateExpression(node)) return null;
  return node.head.text + node.templateSpans.map(({ literal }) => `X${literal.text}`).join('');
}

function acts(node: ts.Node): boolean {
  if (ts.isFunctionDeclaration(node) || ts.isMethodDeclaration(node) || ts.isClassDeclaration(node)) return true;
  if (ts.isMethodSignature(node)) return true;
  if (!ts.isVariableStatement(node)) return false;
  const value = node.declarationList.declarations[0]?.initializer;
  return value !== undefined && (ts.isArrowFunction(value) || ts.isFunctionExpression(value));
}

/** Lines of `//` that follow one another are one comment. */
function commentsOf(source: string): { text: string; at: number }[] {
  return [...source.matchAll(/\/\*[\s\S]*?\*\/|(?<=^|\s)\/\/.*(?:\n[ \t]*\/\/.*)*/gm)]
    .map((match) => ({
      text: match[0]
        .replace(/^\/\*+|\*\/$/g, '')
        .replace(/^[ \t]*(?:\*(?!\*)|\/\/)[ \t]?/gm, '')
        .trim(),
      at: match.index,
    }))
    .filter(({ text }) => text !== '' && !text.startsWith('eslint-'));
}
