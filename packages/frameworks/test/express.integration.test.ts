import { fileURLToPath } from 'node:url'
import { describeHandler } from '@flyback/testkit'

describeHandler({
  name: 'Express 5',
  command: [process.execPath, fileURLToPath(new URL('../src/servers/express.ts', import.meta.url))],
})
