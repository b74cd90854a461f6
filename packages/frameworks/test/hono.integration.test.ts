import { fileURLToPath } from 'node:url'
import { describeHandler } from '@flyback/testkit'

describeHandler({
  name: 'Hono',
  command: [process.execPath, fileURLToPath(new URL('../src/servers/hono.ts', import.meta.url))],
})
