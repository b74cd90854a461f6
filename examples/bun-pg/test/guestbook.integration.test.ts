import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { describeGuestbook } from '@flyback/testkit'

const { platform, arch } = process
const bun = `@oven/bun-${platform}-${arch === 'arm64' ? 'aarch64' : arch}`
const folder = dirname(createRequire(import.meta.url).resolve(`${bun}/package.json`))

describeGuestbook({
  server: new URL('../src/server.ts', import.meta.url),
  runtime: [join(folder, 'bin/bun')],
  schema: new URL('../../express-pg/schema.sql', import.meta.url),
})
