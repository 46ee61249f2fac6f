/**
 * Every small change that is tried on a source file: what a hand may get wrong and the compiler does not see. Left out
 * are types, what reads as prose (messages, hints), and all arguments of an error but its code: how a fault is worded,
 * reviews judge.
 */
import ts from 'typescript';
import type { Mutant, Operator } from './mutant.js';

const K = ts.SyntaxKind;

/** A bound moved, and the comparison turned round. */
const COMPARISONS: ReadonlyMap<ts.SyntaxKind, readonly string[]> = new Map([
  [K.LessThanToken, ['<=', '>=']],
  [K.LessThanEqualsToken, ['<', '>']],
  [K.GreaterThanToken, ['>=', '<=']],
  [K.GreaterThanEqualsToken, ['>', '<']],
  [K.EqualsEqualsEqualsToken, ['!==']],
  [K.ExclamationEqualsEqualsToken, ['===']],
  [K.EqualsEqualsToken, ['!=']],
  [K.ExclamationEqualsToken, ['==']],
]);

const ARITHMETIC: ReadonlyMap<ts.SyntaxKind, string> = new Map([
  [K.PlusToken, '-'],
  [K.MinusToken, '+'],
  [K.AsteriskToken, '/'],
  [K.SlashToken, '*'],
  [K.PercentToken, '*'],
  [K.AsteriskAsteriskToken, '*'],
  [K.LessThanLessThanToken, '>>'],
  [K.GreaterThanGreaterThanToken, '<<'],
  [K.AmpersandToken, '|'],
  [K.BarToken, '&'],
  [K.PlusEqualsToken, '-='],
  [K.MinusEqualsToken, '+='],
]);

/** Methods that are easily taken for each other. */
const METHODS: ReadonlyMap<string, string> = new Map([
  ['every', 'some'],
  ['some', 'every'],
  ['shift', 'pop'],
  ['pop', 'shift'],
  ['push', 'unshift'],
  ['startsWith', 'endsWith'],
  ['endsWith', 'startsWith'],
]);
const MATH: ReadonlyMap<string, string> = new Map([
  ['min', 'max'],
  ['max', 'min'],
  ['floor', 'ceil'],
  ['ceil', 'floor'],
]);
/** Methods without which the same kind of thing is left. */
const DROPPED_METHODS = new Set(['filter', 'sort', 'reverse', 'toSorted', 'toReversed', 'trim', 'toLowerCase']);

const SQL_START =
  /^\s*(SELECT|SHOW|SET|INSERT|UPDATE|DELETE|REPLACE|CREATE|BEGIN|COMMIT|ROLLBACK|WITH|PRAGMA|KILL|EXPLAIN|WHERE|ORDER BY|LIMIT|FORCE INDEX|AND|OR)\b/;
const SQL_CHANGES: readonly (readonly [RegExp, string])[] = [
  [/(?<= )>=(?= )/g, '>'],
  [/(?<= )>(?= )/g, '>='],
  [/(?<= )<=(?= )/g, '<'],
  [/(?<= )<(?= )/g, '<='],
  [/(?<= )=(?= )/g, '<>'],
  [/(?<= )<>(?= )/g, '='],
  [/\bAND\b/g, 'OR'],
  [/\bOR\b(?! REPLACE| IGNORE)/g, 'AND'],
  [/\bNOT EXISTS\b/g, 'EXISTS'],
  [/\bIS NOT NULL\b/g, 'IS NULL'],
  [/\bIS NULL\b/g, 'IS NOT NULL'],
  [/\bmax\(/gi, 'min('],
  [/\bmin\(/gi, 'max('],
  [/ \+ 1\b/g, ''],
  [/ DESC\b/g, ''],
];

/** In which a name such as `hint` or `message` announces prose. */
const PROSE_NAMES = /^(message|hint|reason|fact|text|doing|description|title|next|remedy|note|detail|summary)$/;

/** @param file from the root of the checkout */
export function mutantsOf(file: string, text: string): readonly Mutant[] {
  const source = ts.createSourceFile(file, text, ts.ScriptTarget.Latest, true);
  const lines = source.getLineStarts();
  const found: Mutant[] = [];

  const put = (node: ts.Node, operator: Operator, start: number, end: number, replacement: string): void => {
    const original = text.slice(start, end);
    if (original === replacement) return;
    const line = source.getLineAndCharacterOfPosition(start).line;
    const lineText = text.slice(lines[line], lines[line + 1] ?? text.length).trim();
    const change = oneLine(shown(node, source, text, start, end, replacement));
    const base = { file, operator, start, end, replacement, line: line + 1, lineText };
    found.push({ ...base, within: nameAround(node), change });
  };
  const replace = (node: ts.Node, operator: Operator, replacement: string): void => {
    put(node, operator, node.getStart(source), node.getEnd(), replacement);
  };
  const textOf = (node: ts.Node): string => node.getText(source);

  const visit = (node: ts.Node): void => {
    if (ts.isTypeNode(node) && !ts.isExpressionWithTypeArguments(node)) return;
    if (ts.isImportDeclaration(node) || ts.isExportDeclaration(node)) return;
    if (ts.isInterfaceDeclaration(node) || ts.isTypeAliasDeclaration(node)) return;
    if (ts.isPropertyAssignment(node) && PROSE_NAMES.test(textOf(node.name)) && isText(node.initializer)) return;
    if (ts.isNewExpression(node) && /Error$/.test(textOf(node.expression))) {
      const code = node.arguments?.[0];
      if (code !== undefined && ts.isStringLiteral(code)) visit(code);
      return;
    }
    statements(node);
    conditions(node);
    operations(node);
    calls(node);
    literals(node);
    ts.forEachChild(node, visit);
  };

  const statements = (node: ts.Node): void => {
    if (ts.isExpressionStatement(node)) {
      const { expression } = node;
      if (ts.isStringLiteral(expression)) return;
      if (ts.isCallExpression(expression) && expression.expression.kind === K.SuperKeyword) return;
      replace(node, 'statement', ';');
    }
    const early = ts.isReturnStatement(node) || ts.isThrowStatement(node) || ts.isContinueStatement(node);
    if (early && !isLastOfFunction(node)) replace(node, 'statement', ';');
    // Without its break, a loop that has no other end never ends: that says nothing.
    if (ts.isBreakStatement(node) && !inEndlessLoop(node)) replace(node, 'statement', ';');
  };

  const conditions = (node: ts.Node): void => {
    const both = (condition: ts.Expression): void => {
      replace(condition, 'condition', 'true');
      replace(condition, 'condition', 'false');
    };
    if (ts.isIfStatement(node)) both(node.expression);
    if (ts.isConditionalExpression(node)) both(node.condition);
    // Always true would only never end.
    if (ts.isWhileStatement(node) && node.expression.kind !== K.TrueKeyword)
      replace(node.expression, 'condition', 'false');
    if (ts.isForStatement(node) && node.condition !== undefined) replace(node.condition, 'condition', 'false');
    if (ts.isPrefixUnaryExpression(node) && node.operator === K.ExclamationToken) {
      replace(node, 'condition', textOf(node.operand));
    }
  };

  const operations = (node: ts.Node): void => {
    if (ts.isAwaitExpression(node)) replace(node, 'await', textOf(node.expression));
    if (ts.isPrefixUnaryExpression(node) && node.operator === K.MinusToken && !ts.isNumericLiteral(node.operand)) {
      replace(node, 'arithmetic', textOf(node.operand));
    }
    if (ts.isPrefixUnaryExpression(node) || ts.isPostfixUnaryExpression(node)) {
      const turned = node.operator === K.PlusPlusToken ? '--' : node.operator === K.MinusMinusToken ? '++' : null;
      if (turned !== null) {
        const operand = textOf(node.operand);
        replace(node, 'arithmetic', ts.isPrefixUnaryExpression(node) ? turned + operand : operand + turned);
      }
    }
    if (!ts.isBinaryExpression(node)) return;
    const token = node.operatorToken;
    for (const other of COMPARISONS.get(token.kind) ?? []) replace(token, 'comparison', other);
    if (token.kind === K.AmpersandAmpersandToken) replace(token, 'logic', '||');
    if (token.kind === K.BarBarToken) replace(token, 'logic', '&&');
    if (token.kind === K.QuestionQuestionToken) replace(node, 'default', `(${textOf(node.right)})`);
    if (token.kind === K.QuestionQuestionEqualsToken) replace(token, 'default', '=');
    const other = ARITHMETIC.get(token.kind);
    if (other !== undefined && !isText(node.left) && !isText(node.right)) replace(token, 'arithmetic', other);
  };

  const calls = (node: ts.Node): void => {
    if (!ts.isCallExpression(node) || !ts.isPropertyAccessExpression(node.expression)) return;
    const { expression: object, name } = node.expression;
    const other = textOf(object) === 'Math' ? MATH.get(name.text) : METHODS.get(name.text);
    if (other !== undefined) replace(name, 'array', other);
    if (DROPPED_METHODS.has(name.text)) replace(node, 'array', textOf(object));
  };

  const literals = (node: ts.Node): void => {
    if (node.kind === K.TrueKeyword && !ts.isWhileStatement(node.parent)) replace(node, 'boolean', 'false');
    if (node.kind === K.FalseKeyword) replace(node, 'boolean', 'true');
    if (ts.isNumericLiteral(node) || ts.isBigIntLiteral(node)) {
      if (isName(node)) return;
      for (const other of otherNumbers(textOf(node))) replace(node, 'number', other);
    }
    if (ts.isStringLiteral(node) || ts.isNoSubstitutionTemplateLiteral(node)) {
      if (isName(node) || ts.isLiteralTypeNode(node.parent)) return;
      if (SQL_START.test(node.text)) sql(node);
      else if (node.text === '') replace(node, 'string', "'x'");
      else if (!isProse(node.text)) replace(node, 'string', "''");
    }
    if (ts.isTemplateExpression(node) && SQL_START.test(node.head.text)) {
      sql(node.head);
      for (const { literal } of node.templateSpans) sql(literal);
    }
  };

  /** One change at each place of the SQL text in `node`. */
  const sql = (node: ts.Node): void => {
    const start = node.getStart(source);
    for (const [pattern, other] of SQL_CHANGES) {
      for (const match of textOf(node).matchAll(pattern)) {
        const at = start + match.index;
        put(node, 'sql', at, at + match[0].length, other);
      }
    }
  };

  visit(source);
  return found;
}

/** Whether the text is a program still. Types are not asked: no test run asks them either. */
export function parses(file: string, text: string): boolean {
  const { diagnostics } = ts.transpileModule(text, {
    fileName: file,
    reportDiagnostics: true,
    compilerOptions: { target: ts.ScriptTarget.ES2023, module: ts.ModuleKind.ESNext },
  });
  return (diagnostics ?? []).length === 0;
}

/** The whole of what the change makes no sense without: both sides of an operator, the whole call. */
function shown(node: ts.Node, source: ts.SourceFile, text: string, start: number, end: number, other: string): string {
  const isOperator = ts.isToken(node) && ts.isBinaryExpression(node.parent) && node.parent.operatorToken === node;
  const isMethod = ts.isPropertyAccessExpression(node.parent) && node.parent.name === node;
  // A literal says nothing without what it is the value of; one line may hold several.
  const isPlain = ts.isLiteralExpression(node) || node.kind === K.TrueKeyword || node.kind === K.FalseKeyword;
  const isValue = isPlain && (ts.isPropertyAssignment(node.parent) || ts.isBinaryExpression(node.parent));
  const around = isOperator || isMethod || isValue ? node.parent : node;
  const from = Math.min(around.getStart(source), start);
  const to = Math.max(around.getEnd(), end);
  const after = text.slice(from, start) + other + text.slice(end, to);
  return `${text.slice(from, to)} -> ${after === ';' ? '(dropped)' : after}`;
}

function oneLine(text: string): string {
  return text.replace(/\s+/g, ' ').trim();
}

function nameAround(node: ts.Node): string {
  const names: string[] = [];
  for (let at: ts.Node = node.parent; !ts.isSourceFile(at); at = at.parent) {
    if (ts.isConstructorDeclaration(at)) names.unshift('constructor');
    else if (
      (ts.isFunctionDeclaration(at) || ts.isMethodDeclaration(at) || ts.isClassDeclaration(at)) &&
      at.name !== undefined
    )
      names.unshift(at.name.getText());
    else if (ts.isVariableDeclaration(at) && ts.isIdentifier(at.name)) names.unshift(at.name.text);
  }
  return names.length === 0 ? '(module)' : names.join('.');
}

/** What stands at a function's own end: dropping its return is dropping its value, which types catch. */
function isLastOfFunction(node: ts.Statement): boolean {
  const block = node.parent;
  if (!ts.isBlock(block) || !ts.isFunctionLike(block.parent)) return false;
  return block.statements.at(-1) === node;
}

function inEndlessLoop(node: ts.Node): boolean {
  for (let at = node.parent; !ts.isFunctionLike(at) && !ts.isSourceFile(at); at = at.parent) {
    if (ts.isSwitchStatement(at)) return false;
    if (ts.isWhileStatement(at)) return at.expression.kind === K.TrueKeyword;
    if (ts.isForStatement(at)) return at.condition === undefined;
    if (ts.isIterationStatement(at, false)) return false;
  }
  return false;
}

function isText(node: ts.Expression): boolean {
  if (ts.isParenthesizedExpression(node)) return isText(node.expression);
  if (ts.isBinaryExpression(node)) return isText(node.left) || isText(node.right);
  return ts.isStringLiteral(node) || ts.isNoSubstitutionTemplateLiteral(node) || ts.isTemplateExpression(node);
}

/** A property's or a member's name, an import's path: not a value. */
function isName(node: ts.Node): boolean {
  const { parent } = node;
  return (
    (ts.isPropertyAssignment(parent) && parent.name === node) ||
    (ts.isPropertyDeclaration(parent) && parent.name === node) ||
    ts.isEnumMember(parent) ||
    ts.isExternalModuleReference(parent)
  );
}

/** Several words, the first of which is no keyword of SQL. */
function isProse(text: string): boolean {
  return /[\p{L},.:] \p{L}/u.test(text);
}

/** Moved by one, and doubled. */
function otherNumbers(literal: string): readonly string[] {
  const digits = literal.replaceAll('_', '');
  if (digits.endsWith('n')) {
    const value = BigInt(digits.slice(0, -1));
    return value === 0n ? ['1n'] : [`${value + 1n}n`, ...(value === 1n ? [] : [`${value * 2n}n`])];
  }
  const value = Number(digits);
  return value === 0 ? ['1'] : [String(value + 1), ...(value === 1 ? [] : [String(value * 2)])];
}
