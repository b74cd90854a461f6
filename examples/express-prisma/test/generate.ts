import { execFileSync } from 'node:child_process'
import { join } from 'node:path'

const EXAMPLE = join(import.meta.dirname, '..')

/**
 * `prisma generate` without a download: the CLI wants the file of an engine that generating does not run, so it is shown
 * one that is there. With the network of a laptop, `npx prisma generate` is all it takes.
 */
execFileSync(join(EXAMPLE, 'node_modules/.bin/prisma'), ['generate'], {
  cwd: EXAMPLE,
  stdio: ['ignore', 'ignore', 'inherit'],
  env: {
    ...process.env,
    PRISMA_SCHEMA_ENGINE_BINARY: process.env['PRISMA_SCHEMA_ENGINE_BINARY'] ?? process.execPath,
    CHECKPOINT_DISABLE: '1',
    PRISMA_HIDE_UPDATE_MESSAGE: '1',
  },
})
