import { defineConfig } from 'vitest/config'

// Tests import sources through the `@flyback/source` condition. The shared lab of the integration tests runs from the build:
// a global set-up does not know the condition. Root values are not inherited by projects: each lists the condition itself.
const conditions = ['@flyback/source']
const source = {
  resolve: { conditions },
  ssr: { resolve: { conditions, externalConditions: conditions } },
}

export default defineConfig({
  test: {
    // Most tests wait for a server or a process: on two cores one worker leaves a core idle.
    maxWorkers: 2,
    projects: [
      {
        ...source,
        test: {
          name: 'unit',
          include: ['packages/*/test/**/*.test.ts'],
          benchmark: { include: [] },
          exclude: ['**/*.integration.test.ts'],
          // A machine may be busy: a thousand random inputs then take longer than the five seconds of the default.
          testTimeout: 30_000,
          unstubEnvs: true,
        },
      },
      {
        ...source,
        test: {
          name: 'integration',
          include: [
            'packages/*/test/**/*.integration.test.ts',
            'examples/*/test/**/*.integration.test.ts',
          ],
          benchmark: { include: ['bench/*.bench.ts'] },
          globalSetup: ['./packages/testkit/src/global-setup.ts'],
          testTimeout: 30_000,
          hookTimeout: 60_000,
          unstubEnvs: true,
        },
      },
      {
        ...source,
        test: {
          name: 'types',
          include: [],
          typecheck: {
            enabled: true,
            only: true,
            include: ['packages/*/test/**/*.test-d.ts'],
            tsconfig: './tsconfig.types.json',
          },
        },
      },
    ],
  },
})
