/**
 * Two projects: `unit` needs no server, `servers` gets them from the global setup.
 * `npx vitest run -c .config/vitest.config.ts` (or `npm test --`), then a path under test/ to run less.
 */
import { defineConfig } from 'vitest/config';

const root = new URL('..', import.meta.url).pathname;
const shared = {
  root,
  pool: 'forks',
  testTimeout: 30_000,
  hookTimeout: 60_000,
  // A second, as it is by default, is less than a connection takes on a busy machine: what is polled for is waited for
  // as a test is.
  expect: { poll: { timeout: 20_000 } },
  // The AWS SDK would print at every worker that Node 20 is old.
  env: { AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED: 'true' },
} as const;

export default defineConfig({
  root,
  // Files from the transform cache outlive a run nowhere but here, inside the checkout.
  cacheDir: `${root}node_modules/.vite`,
  test: {
    // The machines that run this have two cores.
    maxWorkers: 2,
    // A machine without any MySQL leaves `describe.each(mysqlServers)` empty; tally.ts knows which empty files are
    // right.
    passWithNoTests: true,
    projects: [
      { test: { ...shared, name: 'unit', include: ['test/unit/**/*.test.ts'] } },
      {
        test: {
          ...shared,
          name: 'servers',
          include: ['test/{contract,integration,faults}/**/*.test.ts'],
          globalSetup: ['test/support/global-setup.ts'],
        },
      },
    ],
  },
});
