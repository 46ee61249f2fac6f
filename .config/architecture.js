/**
 * Checks the layers: `node .config/architecture.js [ROOT]`, by default this checkout. Exit 1 with every violation, or
 * where a module of src/ was not looked at: with a TypeScript that it cannot use, dependency-cruiser finds nothing and
 * reports success.
 */
import { readdirSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { cruise } from 'dependency-cruiser';
import extractOptions from 'dependency-cruiser/config-utl/extract-depcruise-options';

const CONFIG = fileURLToPath(new URL('./dependency-cruiser.js', import.meta.url));

const root = resolve(process.argv[2] ?? fileURLToPath(new URL('..', import.meta.url)));
process.chdir(root);

const options = await extractOptions(CONFIG);
const { output } = await cruise(['src'], { ...options, baseDir: root });
const seen = new Set(output.modules.map((module) => module.source));
const sources = readdirSync('src', { recursive: true })
  .map((path) => join('src', path))
  .filter((path) => path.endsWith('.ts'));
const unseen = sources.filter((path) => !seen.has(path));
const comments = new Map(options.ruleSet.forbidden.map(({ name, comment }) => [name, comment]));

for (const { rule, from, to, cycle } of output.summary.violations) {
  const path = cycle === undefined ? to : cycle.map(({ name }) => name).join(' -> ');
  console.log(`${rule.name}: ${from} -> ${path}\n    ${comments.get(rule.name) ?? ''}`);
}
for (const path of unseen) console.log(`not looked at: ${path}`);
if (sources.length === 0) console.log('src/ holds no module');
console.log(`${String(output.summary.violations.length)} violations in ${String(sources.length)} modules`);
process.exitCode = output.summary.violations.length + unseen.length > 0 || sources.length === 0 ? 1 : 0;
