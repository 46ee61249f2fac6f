/**
 * `npm run build`: src into dist, each program with its libraries in a few files instead of some thousand. A process
 * that starts loads only what it runs: half of what a run of one shard costs before its first row (`npm run bench`) was
 * loading modules one by one. Types are not checked here (`npm run types` does). Names stay readable in stack traces; a
 * source map leads back to src.
 */
import { rmSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const ROOT = fileURLToPath(new URL('..', import.meta.url));

rmSync(`${ROOT}/dist`, { recursive: true, force: true });
const common = {
  absWorkingDir: ROOT,
  outbase: 'src',
  outdir: 'dist',
  bundle: true,
  splitting: true,
  platform: 'node',
  target: 'node20.19',
  format: 'esm',
  // ES modules where a package has them: of those, only what is used is taken.
  mainFields: ['module', 'main'],
  // A native addon stays where it was compiled.
  external: ['better-sqlite3'],
  minifyWhitespace: true,
  minifySyntax: true,
  sourcemap: 'linked',
  sourcesContent: false,
  legalComments: 'linked',
  // CommonJS packages ask for Node's own modules in their way.
  banner: {
    js: "import { createRequire as requireFrom } from 'node:module'; const require = requireFrom(import.meta.url);",
  },
  logLevel: 'warning',
};
// The command line, and what has the module in it that finds another program beside itself (supervisor.ts).
await build({
  ...common,
  entryPoints: ['src/cli/main.ts', 'src/shards/supervisor.ts'],
  chunkNames: 'cli/[name]-[hash]',
});
// By itself: of the modules that it shares with the command line, each set that only some commands load would be a file
// of its own. To load a shard's process from a quarter of the files takes 40 ms less.
await build({ ...common, entryPoints: ['src/shards/worker-main.ts'], chunkNames: 'shards/[name]-[hash]' });
