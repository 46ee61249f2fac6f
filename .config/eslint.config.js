/**
 * What the linter refuses: everything that typescript-eslint's strictest type-aware set refuses, and the house rules
 * below. `npm run lint`. Layout is Prettier's business, layers are dependency-cruiser.js's.
 */
import { defineConfig } from 'eslint/config';
import tseslint from 'typescript-eslint';

export default defineConfig(
  { ignores: ['dist/', 'node_modules/', 'fixtures/**/*.json'] },
  { linterOptions: { reportUnusedDisableDirectives: 'error' } },
  {
    files: ['**/*.ts'],
    extends: [tseslint.configs.strictTypeChecked],
    languageOptions: {
      parserOptions: { projectService: true, tsconfigRootDir: new URL('..', import.meta.url).pathname },
    },
    rules: {
      // A promise that nobody waits for is a write that nobody knows of.
      '@typescript-eslint/no-floating-promises': ['error', { checkThenables: true }],
      // Inside try, `return promise` would skip catch and finally.
      '@typescript-eslint/return-await': ['error', 'error-handling-correctness-only'],
      // A new kind of anything must be thought about wherever kinds are told apart.
      '@typescript-eslint/switch-exhaustiveness-check': ['error', { considerDefaultExhaustiveForUnions: true }],
      '@typescript-eslint/consistent-type-imports': 'error',
      '@typescript-eslint/consistent-type-exports': 'error',
      '@typescript-eslint/prefer-readonly': 'error',
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_', varsIgnorePattern: '^_' }],
      '@typescript-eslint/no-confusing-void-expression': ['error', { ignoreArrowShorthand: true }],
      '@typescript-eslint/no-unnecessary-condition': [
        'error',
        { allowConstantLoopConditions: 'only-allowed-literals' },
      ],
      '@typescript-eslint/restrict-template-expressions': ['error', { allowNumber: true }],
      eqeqeq: ['error', 'always', { null: 'ignore' }],
      // Prettier wraps code and leaves comments alone: .editorconfig's 120 columns are for both.
      'max-len': [
        'error',
        { code: 1_000, comments: 120, ignoreUrls: true, ignoreStrings: true, ignoreTemplateLiterals: true },
      ],
      'no-restricted-syntax': [
        'error',
        { selector: 'ExportDefaultDeclaration', message: 'Name what you export: a reader looks for the name.' },
        { selector: 'ExportAllDeclaration', message: 'No barrels: import from the file that has it.' },
      ],
    },
  },
  {
    files: ['src/**/*.ts'],
    rules: {
      // Output goes to the streams that the command line was given; only bin/ ends the process.
      'no-console': 'error',
      'no-restricted-properties': [
        'error',
        { object: 'process', property: 'exit', message: 'Return an exit code: only bin/ ends the process.' },
        { object: 'process', property: 'exitCode', message: 'Return an exit code: only bin/ sets it.' },
      ],
    },
  },
  // The entry of a process, as bin/ is.
  { files: ['src/shards/worker-main.ts'], rules: { 'no-restricted-properties': 'off' } },
  // Vitest and its kin want a default export from their configuration files.
  { files: ['.config/*.ts'], rules: { 'no-restricted-syntax': 'off' } },
  {
    files: ['**/*.js', 'bin/dynaferry'],
    extends: [tseslint.configs.recommended],
  },
);
